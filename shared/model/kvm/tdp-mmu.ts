// The TDP MMU: maps a fault, zaps ranges, keeps the roots. Tables are shared by faults that run at
// once, so under the read lock an entry changes only by compare-and-exchange; zapping holds the
// lock for writing.
// From: arch/x86/kvm/mmu/tdp_mmu.c (kvm_tdp_mmu_map, tdp_mmu_zap_leafs, kvm_tdp_mmu_alloc_root),
// 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { assertHeld } from "#shared/engine/locks";
import { int, local, ref, wide } from "#shared/engine/struct";
import { act, again, done, leave, loop, set, when } from "#shared/engine/words";
import { LockCode, TablePageChange } from "#shared/events/own";
import { EventId } from "#shared/events/table";
import { frameHigh, highHalf } from "#shared/units/halves";
import * as design from "../lookup/design.ts";
import type { Fault } from "../lookup/design.ts";
import { kvm_mmu_page, kvm_page_fault, tdp_iter } from "../state/kvm.ts";
import { KIND, type Kvm } from "../state/machine.ts";
import { notSimulated } from "../state/not-simulated.ts";
import { handle_changed_spte } from "./changed-spte.ts";
import * as t from "../state/tables.ts";
import * as s from "./spte.ts";
import { readEntry, tdp_iter_next, tdp_iter_start, type TdpIter } from "./tdp-iter.ts";

export type ShadowPage = ReturnType<typeof kvm_mmu_page.at>;
const SP_CELLS = kvm_mmu_page.size;
const ROLE_LEVEL_MASK = 0xf;

/** The shadow page that describes a table: both are numbered alike. */
export const shadowPageOf = (m: Kvm, table: number): ShadowPage =>
  kvm_mmu_page.at(m, m.shadowPages + ((table - m.kvmTables) / 1024) * SP_CELLS);

const kvm_mmu_memory_cache_alloc = routine("kvm_mmu_memory_cache_alloc", (m: Kvm): number =>
  m.alloc(KIND.kvmTable),
);

/** A table page out of the vCPU's cache. */
function tdp_mmu_alloc_sp(m: Kvm, level: number): ShadowPage {
  const table = kvm_mmu_memory_cache_alloc(m);
  const sp = shadowPageOf(m, table);
  sp.spt = table as typeof sp.spt;
  const pfn = t.tablePfn(m, table);
  m.emit(EventId.tablePage, pfn, highHalf(pfn), TablePageChange.allocated, level);
  return sp;
}

function freeShadowPage(m: Kvm, sp: ShadowPage): void {
  const table = sp.spt;
  const pfn = t.tablePfn(m, table);
  m.emit(EventId.tablePage, pfn, highHalf(pfn), TablePageChange.freed, sp.role & ROLE_LEVEL_MASK);
  for (let cell: number = sp.cell; cell < sp.cell + SP_CELLS; cell++) m.put(cell, 0);
  m.free(table, KIND.kvmTable);
}

const tdp_mmu_init_sp = routine(
  "tdp_mmu_init_sp",
  (m: Kvm, sp: ShadowPage, role: number, gfn: number): void => {
    sp.role = role;
    sp.gfn = gfn;
    m.emit(EventId.kvm_mmu_get_page, 0, gfn, highHalf(gfn), role, 0, 0, 1);
  },
);

/**
 * The existing root of this role, or a new one; a VM has one root here, since all vCPUs have one
 * role.
 */
export const kvm_tdp_mmu_alloc_root = routine(
  "kvm_tdp_mmu_alloc_root",
  (m: Kvm): number => {
    assertHeld(m, m.kvm.mmu_lock, "read");
    const role = m.kernel.tdpRootRole;
    for (
      let cell: number = m.kvm.tdp_mmu_roots;
      cell !== 0;
      cell = kvm_mmu_page.at(m, cell).nextRoot
    ) {
      const root = kvm_mmu_page.at(m, cell);
      if (root.role !== role) continue;
      root.root_count += 1;
      return cell;
    }
    m.emit(EventId.lockTaken, LockCode.tdp_mmu_pages_lock, 1);
    const sp = tdp_mmu_alloc_sp(m, role & ROLE_LEVEL_MASK);
    tdp_mmu_init_sp(m, sp, role, 0);
    sp.root_count = 2;
    sp.nextRoot = m.kvm.tdp_mmu_roots;
    m.kvm.tdp_mmu_roots = sp.cell;
    m.emit(EventId.lockReleased, LockCode.tdp_mmu_pages_lock, 1);
    return sp.cell;
  },
  { inlined: true },
);

/** Compare and exchange under the read lock; false when another thread changed the entry first. */
export function tdp_mmu_set_spte_atomic(m: Kvm, iter: TdpIter, lo: number, hi: number): boolean {
  assertHeld(m, m.kvm.mmu_lock, "read");
  const { sptep, old_spte } = iter;
  const oldLow = old_spte.lo;
  const oldHigh = old_spte.hi;
  if (t.readSpteLow(m, sptep) !== oldLow || t.readSpteHigh(m, sptep) !== oldHigh) {
    readEntry(m, iter);
    return false;
  }
  t.writeSpte(m, sptep, lo, hi);
  handle_changed_spte(m, { gfn: iter.gfn, level: iter.level, oldLow, oldHigh, lo, hi });
  return true;
}

const tdp_mmu_link_sp = routine(
  "tdp_mmu_link_sp",
  (m: Kvm, iter: TdpIter, sp: ShadowPage): boolean => {
    const lo = s.make_nonleaf_spte(m, sp.spt);
    if (!tdp_mmu_set_spte_atomic(m, iter, lo, frameHigh(t.tablePfn(m, sp.spt)))) return false;
    sp.ptep = iter.sptep;
    return true;
  },
);

/** Makes a table below the entry; false when the exchange was lost, and the page is given back. */
function allocAndLink(m: Kvm, iter: TdpIter): boolean {
  const role = shadowPageOf(m, iter.pt_path.get(iter.level)).role - 1;
  const sp = tdp_mmu_alloc_sp(m, role & ROLE_LEVEL_MASK);
  tdp_mmu_init_sp(m, sp, role, iter.gfn);
  if (tdp_mmu_link_sp(m, iter, sp)) {
    // What the iterator holds is the entry as it is now, so that the walk steps down.
    readEntry(m, iter);
    return true;
  }
  freeShadowPage(m, sp);
  return false;
}

function recordSetSpte(m: Kvm, iter: TdpIter, lo: number, hi: number): void {
  const { gfn } = iter;
  const at = t.physicalOf(m, iter.sptep);
  m.emit(EventId.kvm_mmu_set_spte, gfn, highHalf(gfn), lo, hi, iter.level, at, highHalf(at));
}

/** Stores the leaf. Under mmu_lock for reading, and RCU. Result: RET_PF_*. */
const tdp_mmu_map_handle_target_level = routine(
  "tdp_mmu_map_handle_target_level",
  (m: Kvm, fault: Fault, iter: TdpIter): number => {
    const { lo: oldLow, hi: oldHigh } = iter.old_spte;
    const isPresent = s.is_shadow_present_pte(oldLow);
    if (isPresent && !s.is_last_spte(oldLow, iter.level))
      notSimulated("A huge page over an existing table");
    if (
      m.kernel.leavesSufficientEntry &&
      isPresent &&
      s.is_access_allowed(fault, oldLow, oldHigh)
    ) {
      return design.RET_PF_SPURIOUS;
    }
    const lo = s.make_spte(m, fault, iter.gfn, oldLow);
    const hi = s.leafHigh(fault.pfn);
    const isSame = lo === oldLow && hi === oldHigh;
    if (!isSame && !tdp_mmu_set_spte_atomic(m, iter, lo, hi)) return design.RET_PF_RETRY;
    recordSetSpte(m, iter, lo, hi);
    return isSame ? design.RET_PF_SPURIOUS : design.RET_PF_FIXED;
  },
  { inlined: true },
);

const host_pfn_mapping_level = 1;

/** Decides the level: every mapping of the modelled host is 4 KiB. */
const kvm_mmu_hugepage_adjust = routine(
  "kvm_mmu_hugepage_adjust",
  (_m: Kvm, fault: Fault): void => {
    fault.req_level = host_pfn_mapping_level;
    fault.goal_level = host_pfn_mapping_level;
  },
);

function startMap(m: Kvm, fault: Fault, iter: TdpIter): void {
  kvm_mmu_hugepage_adjust(m, fault);
  const { gfn, pfn } = fault;
  m.emit(
    EventId.kvm_mmu_spte_requested,
    gfn,
    highHalf(gfn),
    pfn,
    highHalf(pfn),
    fault.goal_level,
    m.kernel.accessAll,
  );
  tdp_iter_start(m, iter, m.vcpus[fault.vcpu]?.root ?? 0, fault.goal_level, gfn);
}

/**
 * Maps the fault's pfn. mmu_lock is held for reading: between two acts another fault may change the
 * tables.
 */
export const kvm_tdp_mmu_map = routine(
  "kvm_tdp_mmu_map",
  { fault: ref(kvm_page_fault), iter: local(tdp_iter), ret: int },
  (own, m: Kvm) => [
    act("B1", () => startMap(m, own.fault, own.iter)),
    set("ret", design.RET_PF_RETRY),
    loop(
      when(() => s.is_frozen_spte(m, own.iter.old_spte.lo, own.iter.old_spte.hi), [leave]),
      when(
        () => own.iter.level === own.fault.goal_level,
        [
          act("F7b", () => (own.ret = tdp_mmu_map_handle_target_level(m, own.fault, own.iter))),
          leave,
        ],
      ),
      when(
        () => !s.is_shadow_present_pte(own.iter.old_spte.lo),
        [
          when(
            act("F7a", () => allocAndLink(m, own.iter)),
            [],
            [leave],
          ),
        ],
      ),
      act("B2", () => tdp_iter_next(m, own.iter)),
      again,
    ),
    done("ret"),
  ],
);

/**
 * The entries of one act: the lock is held for writing, so splitting changes nothing but the size
 * of a tick.
 */
const ZAP_BATCH = 512;

/** Zaps present leafs in [start, end) below one root; mmu_lock is held for writing. */
export const tdp_mmu_zap_leafs = routine(
  "tdp_mmu_zap_leafs",
  { root: ref, start: wide, end: wide, flush: int, iter: local(tdp_iter) },
  (own, m: Kvm) => [
    act("N5s", () => tdp_iter_start(m, own.iter, own.root, 1, own.start)),
    loop(
      when(() => !own.iter.valid || own.iter.gfn >= own.end, [leave]),
      act("N5", () => zapBatch(m, own)),
      again,
    ),
    done("flush"),
  ],
);

function zapBatch(m: Kvm, own: { iter: TdpIter; end: number; flush: number }): void {
  assertHeld(m, m.kvm.mmu_lock, "write");
  for (let n = 0; n < ZAP_BATCH && own.iter.valid && own.iter.gfn < own.end; n++) {
    const { lo } = own.iter.old_spte;
    if (s.is_shadow_present_pte(lo) && s.is_last_spte(lo, own.iter.level)) {
      tdp_mmu_iter_set_spte(m, own.iter, 0, t.SHADOW_NONPRESENT_HIGH);
      own.flush = 1;
    }
    tdp_iter_next(m, own.iter);
  }
}

/** Stores an entry under the write lock: no exchange needed, nobody else changes it. */
function tdp_mmu_iter_set_spte(m: Kvm, iter: TdpIter, lo: number, hi: number): void {
  const { lo: oldLow, hi: oldHigh } = iter.old_spte;
  t.writeSpte(m, iter.sptep, lo, hi);
  handle_changed_spte(m, { gfn: iter.gfn, level: iter.level, oldLow, oldHigh, lo, hi });
}
