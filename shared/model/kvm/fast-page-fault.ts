// The fast page fault: a present entry that only lacks its writable bit is repaired without
// mmu_lock, by one exchange. Direct modes only.
// From: arch/x86/kvm/mmu/mmu.c (fast_page_fault, page_fault_can_be_fast,
// fast_pf_fix_direct_spte), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int, local, pair, ref } from "#shared/engine/struct";
import { act, done, loop, set, when } from "#shared/engine/words";
import { FastResult } from "#shared/events/kvmmmu";
import { EventId } from "#shared/events/table";
import * as design from "../lookup/design.ts";
import type { Fault } from "../lookup/design.ts";
import { memslotAt } from "../lookup/memslot.ts";
import { kvm_page_fault, tdp_iter } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import * as t from "../state/tables.ts";
import { isDirtyTracked, mark_page_dirty_in_slot } from "./dirty-log.ts";
import { getLastSptep } from "./lockless-walk.ts";
import { PFERR_RSVD } from "./page-fault.ts";
import * as s from "./spte.ts";
import type { TdpIter } from "./tdp-iter.ts";

/** What the walk of a fast page fault found: halves of the entry, its level. */
const fastLocals = {
  fault: ref(kvm_page_fault),
  iter: local(tdp_iter),
  r: int,
  old: pair,
} as const;

/**
 * Q1: whether the entry can be made to allow the access; 0 nothing to do, 1 spurious, 2 exchange.
 */
function judge(m: Kvm, fault: Fault, iter: TdpIter): number {
  const { lo, hi } = iter.old_spte;
  if (!s.is_shadow_present_pte(lo) || !s.is_last_spte(lo, iter.level)) return 0;
  if (s.is_access_allowed(fault, lo, hi)) return 1;
  if (!fault.write || !s.is_mmu_writable_spte(lo)) return 0;
  // A huge entry whose writes are logged must be split, under mmu_lock.
  return iter.level > 1 && isDirtyTracked(memslotAt(m, fault.slot)) ? 0 : 2;
}

function recordFast(m: Kvm, fault: Fault, iter: TdpIter, result: number): void {
  const { addr } = fault;
  const { sptep, old_spte } = iter;
  const physical = t.physicalOf(m, sptep);
  m.emit(
    EventId.fast_page_fault,
    fault.vcpu,
    addr.lo,
    addr.hi,
    fault.error_code.lo,
    fault.error_code.hi,
    physical,
    s.directMapHigh(physical),
    old_spte.lo,
    old_spte.hi,
    t.readSpteLow(m, sptep),
    t.readSpteHigh(m, sptep),
    result,
  );
}

/**
 * page_fault_can_be_fast(): with accessed and dirty bits in use only a write to a present entry can
 * be.
 */
const page_fault_can_be_fast = (fault: Fault): boolean =>
  (fault.error_code.lo & PFERR_RSVD) === 0 && fault.present && fault.write;

/** Lockless; the kernel tries the exchange five times. */
const FAST_TRIES = 5;

export const fast_page_fault = routine(
  "fast_page_fault",
  { ...fastLocals, tries: int },
  (own, m: Kvm) => [
    when(() => !page_fault_can_be_fast(own.fault), [done(design.RET_PF_INVALID)]),
    set("r", design.RET_PF_INVALID),
    loop(
      act("Q1", () => {
        const root = m.vcpus[own.fault.vcpu]?.root ?? 0;
        getLastSptep(m, root, own.fault.addr, own.iter);
        const verdict = judge(m, own.fault, own.iter);
        own.tries = verdict === 2 ? own.tries + 1 : 0;
        if (verdict === 1) own.r = design.RET_PF_SPURIOUS;
        if (verdict !== 2)
          recordFast(m, own.fault, own.iter, verdict === 1 ? FastResult.spurious : FastResult.none);
      }),
      when(() => own.tries === 0 || own.tries > FAST_TRIES, [done("r")]),
      when(
        act("Q2", () => fast_pf_fix_direct_spte(m, own.fault, own.iter)),
        [done(design.RET_PF_FIXED)],
      ),
    ),
  ],
);

/** Exchanges the entry for a writable one; true when it went through. */
const fast_pf_fix_direct_spte = (m: Kvm, fault: Fault, iter: TdpIter): boolean => {
  const { sptep, old_spte } = iter;
  const isSame =
    t.readSpteLow(m, sptep) === old_spte.lo && t.readSpteHigh(m, sptep) === old_spte.hi;
  if (!isSame) return false;
  t.writeSpte(m, sptep, old_spte.lo | s.PT_WRITABLE_MASK, old_spte.hi);
  mark_page_dirty_in_slot(m, fault.slot, fault.gfn);
  recordFast(m, fault, iter, FastResult.fixed);
  return true;
};
