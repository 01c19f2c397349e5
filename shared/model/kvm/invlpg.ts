// One address of the guest is to be translated anew: its TLB entry goes, and the entry of an unsync
// page on its way is brought up to date. Also how a page fault is given back to the guest.
// From: arch/x86/kvm/mmu/mmu.c (kvm_mmu_invalidate_addr, kvm_mmu_invlpg), x86.c
// (__kvm_inject_emulated_page_fault, kvm_queue_exception_e_p), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int, pair } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, set, when } from "#shared/engine/words";
import { LockCode } from "#shared/events/own";
import type { Word } from "#shared/units/halves";
import { flushTlbPage } from "../guest/tlb.ts";
import { releaseLock, takeLock } from "../host/locks.ts";
import { KVM_MMU_NUM_PREV_ROOTS } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import * as t from "../state/tables.ts";
import { kvm_flush_remote_tlbs_gfn } from "./flush.ts";
import { clearMmioGva } from "./mmio.ts";
import { PFERR_PRESENT, PFERR_RSVD } from "./page-fault.ts";
import { indexAt, readGuestAtomic } from "./paging64.ts";
import { prefetch_gpte } from "./prefetch.ts";
import { KVM_MMU_ROOT_CURRENT, KVM_MMU_ROOTS_ALL, rootAt } from "./roots.ts";
import { childTable } from "./shadow-page.ts";
import * as p from "./sp.ts";
import * as s from "./spte.ts";
import { kvm_sync_spte } from "./sync.ts";
import { mmu_page_zap_pte } from "./zap-page.ts";

const ROOT_LEVEL = 4;

/** 6.1: zaps the entry of an unsync page, and maps it at once as the guest has it now. */
function zapAndPrefetch(m: Kvm, id: number, sptep: number): void {
  const sp = p.sptep_to_sp(m, sptep);
  const wasPresent = s.is_shadow_present_pte(t.readSpteLow(m, sptep));
  mmu_page_zap_pte(m, sp, sptep);
  if (wasPresent) kvm_flush_remote_tlbs_gfn(m);
  readGuestAtomic(m, sp.gfn, p.spte_index(m, sptep) * 8, (lo, hi) => {
    prefetch_gpte(m, id, sptep, { lo, hi }, true);
  });
}

/** Brings one entry of an unsync page up to date. */
function syncEntry(m: Kvm, id: number, sptep: number): void {
  const sp = p.sptep_to_sp(m, sptep);
  const r = kvm_sync_spte(m, id, sp, p.spte_index(m, sptep));
  if (r < 0) mmu_page_zap_pte(m, sp, sptep);
  if (r !== 0) kvm_flush_remote_tlbs_gfn(m);
}

/** Syncs the entries of unsync pages on the address's way down from one root. */
function __kvm_mmu_invalidate_addr(m: Kvm, id: number, root: number, addr: Word): void {
  let table: number = p.spAt(m, root).spt;
  for (let level = ROOT_LEVEL; ; level--) {
    const sptep = table + indexAt(addr.lo, addr.hi, level) * 2;
    const sp = p.sptep_to_sp(m, sptep);
    if (sp.unsync !== 0) {
      if (m.kernel.invlpgPrefetches) zapAndPrefetch(m, id, sptep);
      else syncEntry(m, id, sptep);
    }
    if (sp.unsync_children === 0) return;
    const lo = t.readSpteLow(m, sptep);
    if (!s.is_shadow_present_pte(lo) || s.is_last_spte(lo, level)) return;
    table = childTable(m, sptep);
  }
}

const addrLocals = { vcpu: int, addr: pair, roots: int, n: int } as const;

const rootOfBit = (m: Kvm, id: number, n: number): number => {
  const vcpu = m.vcpus[id];
  return vcpu === undefined ? 0 : rootAt(vcpu, n);
};

function forgetMmio(m: Kvm, id: number, addr: Word): void {
  const vcpu = m.vcpus[id];
  if (vcpu !== undefined) clearMmioGva(vcpu, addr);
}

/** Of the roots in `roots`, one after the other, each under its own mmu_lock. */
export const kvm_mmu_invalidate_addr = routine(
  "kvm_mmu_invalidate_addr",
  addrLocals,
  (own, m: Kvm) => [
    act("Y5", () => flushTlbPage(m, own.vcpu, own.addr.lo, own.addr.hi)),
    when(() => m.mode !== "npt0", [done()]),
    loop(
      when(() => own.n > KVM_MMU_NUM_PREV_ROOTS, [leave]),
      when(
        act("Y6r", () => ((own.roots >>> own.n) & 1) === 1 && rootOfBit(m, own.vcpu, own.n) !== 0),
        [
          takeLock(m, "Y6", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
          act("Y7", () => {
            forgetMmio(m, own.vcpu, own.addr);
            const root = rootOfBit(m, own.vcpu, own.n);
            if (root !== 0) __kvm_mmu_invalidate_addr(m, own.vcpu, root, own.addr);
          }),
          releaseLock(m, "Y8", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
        ],
      ),
      set("n", () => own.n + 1),
      again,
    ),
    done(),
  ],
);

/** The guest's INVLPG: all known roots, since a global page may hang below each. */
export const kvm_mmu_invlpg = routine("kvm_mmu_invlpg", { vcpu: int, addr: pair }, (own) => [
  call(kvm_mmu_invalidate_addr, {
    vcpu: "vcpu",
    addr: () => own.addr,
    roots: KVM_MMU_ROOTS_ALL,
  }),
  done(),
]);

/** Queues the guest's page fault for the next entry. */
function queueFault(m: Kvm, id: number, addr: Word, code: number): void {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined) return;
  vcpu.cr2.lo = addr.lo;
  vcpu.cr2.hi = addr.hi;
  vcpu.pf_error_code = code;
  vcpu.pending = 1;
  vcpu.injected = 0;
}

export const __kvm_inject_emulated_page_fault = routine(
  "__kvm_inject_emulated_page_fault",
  { vcpu: int, addr: pair, error_code: int },
  (own, m: Kvm) => [
    // A stale entry would make the same fault again and again.
    when(
      () => (own.error_code & (PFERR_PRESENT | PFERR_RSVD)) === PFERR_PRESENT,
      [
        call(kvm_mmu_invalidate_addr, {
          vcpu: "vcpu",
          addr: () => own.addr,
          roots: KVM_MMU_ROOT_CURRENT,
        }),
      ],
    ),
    act("Y9", () => queueFault(m, own.vcpu, own.addr, own.error_code)),
    done(),
  ],
);
