// A fault with shadow paging: KVM walks the guest's tables, looks the page up, and makes the shadow
// tables below the root follow what it read. What the guest itself forbids is its own page fault.
// From: arch/x86/kvm/mmu/paging_tmpl.h (FNAME(page_fault), FNAME(fetch), FNAME(gpte_changed),
// FNAME(pte_prefetch)), mmu.c (shadow_page_table_clear_flood), in 64-bit form, 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int, local } from "#shared/engine/struct";
import { act, call, callOneOf, done, set, when } from "#shared/engine/words";
import { LockCode } from "#shared/events/own";
import { roundFrame } from "#shared/units/address";
import { CR0_WP, CR4_SMEP } from "../guest/paging.ts";
import { releaseLock, takeLock } from "../host/locks.ts";
import * as design from "../lookup/design.ts";
import type { Fault } from "../lookup/design.ts";
import { LOOKUP_DESIGNS } from "../lookup/designs.ts";
import { kvm_vcpu_gfn_to_memslot } from "../lookup/memslot.ts";
import { guest_walker } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import * as t from "../state/tables.ts";
import { kvm_mmu_hugepage_adjust, recordRequested } from "./hugepage.ts";
import { __kvm_inject_emulated_page_fault } from "./invlpg.ts";
import * as pf from "./page-fault.ts";
import { indexAt, paging64_walk_addr_generic, readGuestAtomic, type Walker } from "./paging64.ts";
import { ACC_USER_MASK, ACC_WRITE_MASK, isDirectRole } from "./role.ts";
import {
  __direct_pte_prefetch,
  prefetch_gpte,
  prefetchBlock,
  PTE_PREFETCH_NUM,
} from "./prefetch.ts";
import { mmu_set_spte } from "./set-spte.ts";
import {
  childTable,
  kvm_mmu_get_child_sp,
  link_shadow_page,
  validate_direct_spte,
} from "./shadow-page.ts";
import * as p from "./sp.ts";
import * as s from "./spte.ts";
import { mmu_sync_children } from "./sync.ts";
import { make_mmu_pages_available } from "./zap-pages.ts";

const ROOT_LEVEL = 4;

/** The block of entries around the walk's last one, kept for mapping ahead. */
function readBlock(m: Kvm, walker: Walker): boolean {
  const first = walker.offset.get(0) & ~(PTE_PREFETCH_NUM * 8 - 1);
  for (let i = 0; i < PTE_PREFETCH_NUM; i++) {
    const pte = walker.prefetch_ptes.get(i);
    const isRead = readGuestAtomic(m, walker.table_gfn.get(0), first + i * 8, (lo, hi) => {
      pte.lo = lo;
      pte.hi = hi;
    });
    if (!isRead) return false;
  }
  return true;
}

/** Whether the guest's entry of a level is no longer what the walk read. */
const gpte_changed = routine(
  "paging64_gpte_changed",
  (m: Kvm, walker: Walker, level: number): boolean => {
    if (level === 1 && !readBlock(m, walker)) return true;
    const pte = walker.ptes.get(level - 1);
    let isSame = false;
    readGuestAtomic(m, walker.table_gfn.get(level - 1), walker.offset.get(level - 1), (lo, hi) => {
      isSame = lo === pte.lo && hi === pte.hi;
    });
    return !isSame;
  },
);

/** Cell of the entry of the walk's last level, with the shadow tables above it; 0 to retry. */
function linkGuestTables(m: Kvm, fault: Fault, walker: Walker): number {
  const { vcpu, addr } = fault;
  let table: number = p.spAt(m, m.vcpus[vcpu]?.root ?? 0).spt;
  for (let level = ROOT_LEVEL; ; level--) {
    const sptep = table + indexAt(addr.lo, addr.hi, level) * 2;
    p.sptep_to_sp(m, sptep).write_flooding_count = 0;
    if (level === walker.level) return sptep;
    const gfn = walker.table_gfn.get(level - 2);
    const access = walker.pt_access.get(level - 2);
    const sp = kvm_mmu_get_child_sp(m, vcpu, sptep, { gfn, isDirect: false, access });
    if (sp !== null) while (mmu_sync_children(m, vcpu, sp)) continue;
    if (gpte_changed(m, walker, level - 1)) return 0;
    if (sp !== null) link_shadow_page(m, sptep, sp);
    if (fault.write && gfn === fault.gfn) fault.write_fault_to_shadow_pgtable = true;
    table = childTable(m, sptep);
  }
}

/** Below a large page of the guest that is mapped by smaller ones: direct pages. */
function linkDirectTables(m: Kvm, fault: Fault, walker: Walker, from: number): number {
  const { vcpu, addr, gfn } = fault;
  const access = walker.pte_access;
  let sptep = from;
  for (let { level } = walker; level > fault.goal_level; level--) {
    validate_direct_spte(m, sptep, access);
    const base = roundFrame(gfn, level);
    const sp = kvm_mmu_get_child_sp(m, vcpu, sptep, { gfn: base, isDirect: true, access });
    if (sp !== null) link_shadow_page(m, sptep, sp);
    sptep = childTable(m, sptep) + indexAt(addr.lo, addr.hi, level - 1) * 2;
  }
  return sptep;
}

/** Maps what the guest's neighbouring entries say, up to the first that cannot be. */
function pte_prefetch(m: Kvm, id: number, walker: Walker, sptep: number): void {
  const sp = p.sptep_to_sp(m, sptep);
  if (p.spLevel(sp) > 1 || m.kvm.mmu_invalidate_in_progress !== 0) return;
  if (isDirectRole(sp.role)) {
    __direct_pte_prefetch(m, sptep);
    return;
  }
  const first = prefetchBlock(m, sptep);
  for (let i = 0; i < PTE_PREFETCH_NUM; i++) {
    const at = first + i * 2;
    if (at === sptep || s.is_shadow_present_pte(t.readSpteLow(m, at))) continue;
    if (!prefetch_gpte(m, id, at, walker.prefetch_ptes.get(i), false)) return;
  }
}

const paging64_fetch = routine(
  "paging64_fetch",
  (m: Kvm, fault: Fault, walker: Walker): number => {
    // The top table is write-protected, but its entry may have changed before it was.
    if (gpte_changed(m, walker, ROOT_LEVEL)) return design.RET_PF_RETRY;
    const linked = linkGuestTables(m, fault, walker);
    if (linked === 0) return design.RET_PF_RETRY;
    kvm_mmu_hugepage_adjust(m, fault);
    recordRequested(m, fault, walker.pte_access);
    const sptep = linkDirectTables(m, fault, walker, linked);
    const { gfn, slot, pfn } = fault;
    const base = roundFrame(gfn, fault.goal_level);
    const r = mmu_set_spte(m, { slot, sptep, access: walker.pte_access, gfn: base, pfn, fault });
    if (r !== design.RET_PF_SPURIOUS) pte_prefetch(m, fault.vcpu, walker, sptep);
    return r;
  },
  { inlined: true },
);

/**
 * A supervisor's write without CR0.WP to a read-only page: the entry is made writable for the
 * supervisor alone, and not executable where that would get around SMEP.
 */
function grantSupervisorWrite(m: Kvm, fault: Fault, walker: Walker): void {
  const vcpu = m.vcpus[fault.vcpu];
  if (vcpu === undefined || !fault.write || fault.user || fault.slot === 0) return;
  if ((walker.pte_access & ACC_WRITE_MASK) !== 0 || (vcpu.cr0 & CR0_WP) !== 0) return;
  const access = (walker.pte_access | ACC_WRITE_MASK) & ~ACC_USER_MASK;
  walker.pte_access = (vcpu.cr4 & CR4_SMEP) !== 0 ? access & ~m.kernel.accessExec : access;
}

/** Takes over what the walk found. */
function setGfn(m: Kvm, fault: Fault, walker: Walker): void {
  fault.gfn = walker.gfn;
  fault.access = walker.pte_access;
  fault.max_level = walker.level;
  fault.slot = kvm_vcpu_gfn_to_memslot(m, fault.gfn) as typeof fault.slot;
}

/** The pages on the way are used as tables, not written at random. */
function shadow_page_table_clear_flood(m: Kvm, { vcpu, addr }: Fault): void {
  let table: number = p.spAt(m, m.vcpus[vcpu]?.root ?? 0).spt;
  for (let level = ROOT_LEVEL; ; level--) {
    const sptep = table + indexAt(addr.lo, addr.hi, level) * 2;
    p.sptep_to_sp(m, sptep).write_flooding_count = 0;
    const lo = t.readSpteLow(m, sptep);
    if (!s.is_shadow_present_pte(lo) || s.is_last_spte(lo, level)) return;
    table = childTable(m, sptep);
  }
}

export const paging64_page_fault = routine(
  "paging64_page_fault",
  { ...design.faultLocals, walker: local(guest_walker), isMapped: int },
  (own, m: Kvm) => [
    call(
      paging64_walk_addr_generic,
      {
        vcpu: () => own.fault.vcpu,
        walker: () => own.walker,
        addr: () => own.fault.addr,
        access: () => own.fault.error_code.lo & ~pf.PFERR_RSVD,
      },
      "isMapped",
    ),
    when(
      () => own.isMapped === 0,
      [
        call(__kvm_inject_emulated_page_fault, {
          vcpu: () => own.fault.vcpu,
          addr: () => own.fault.addr,
          error_code: () => own.walker.error_code,
        }),
        done(design.RET_PF_RETRY),
      ],
    ),
    when(
      act("F0t", () => {
        setGfn(m, own.fault, own.walker);
        return pf.page_fault_handle_page_track(m, own.fault);
      }),
      [
        act("F0f", () => shadow_page_table_clear_flood(m, own.fault)),
        done(design.RET_PF_WRITE_PROTECTED),
      ],
    ),
    act("F0c", () => pf.mmu_topup_memory_caches(m, true)),
    callOneOf(
      () => m.lookup.index,
      LOOKUP_DESIGNS.map((one) => one.faultin),
      { fault: "fault" },
      "r",
    ),
    when(() => own.r !== design.RET_PF_CONTINUE, [done("r")]),
    takeLock(m, "F5", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
    call(make_mmu_pages_available, {}, "r"),
    when(
      () => own.r === 0,
      [
        set("r", design.RET_PF_RETRY),
        when(
          act("F6", () => pf.is_page_fault_stale(m, own.fault)),
          [],
          [
            act("F7", () => {
              grantSupervisorWrite(m, own.fault, own.walker);
              own.r = paging64_fetch(m, own.fault, own.walker);
            }),
          ],
        ),
      ],
    ),
    when(() => m.lookup.releasesUnderMmuLock, [act("F9u", () => pf.finish(m, own.fault, own.r))]),
    releaseLock(m, "F8", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
    when(() => !m.lookup.releasesUnderMmuLock, [act("F9", () => pf.finish(m, own.fault, own.r))]),
    done("r"),
  ],
);
