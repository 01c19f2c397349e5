// The page-fault path of the MMU in direct mode: from the exit to a mapped page or an error.
// kvm_mmu_page_fault() and below; the lookup is behind the design's interface, the tables are the
// TDP MMU's.
// From: arch/x86/kvm/mmu/mmu.c (kvm_mmu_page_fault, kvm_mmu_do_page_fault, kvm_tdp_page_fault,
// fast_page_fault, is_page_fault_stale, mmu_topup_memory_caches), mmu_internal.h, 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int, local, pair, ref, wide } from "#shared/engine/struct";
import { act, call, callOneOf, done, loop, set, when } from "#shared/engine/words";
import { FastResult } from "#shared/events/kvmmmu";
import { LockCode } from "#shared/events/own";
import { EventId } from "#shared/events/table";
import { highHalf } from "#shared/units/halves";
import { releaseLock, takeLock } from "../host/locks.ts";
import * as design from "../lookup/design.ts";
import type { Fault } from "../lookup/design.ts";
import { LOOKUP_DESIGNS } from "../lookup/designs.ts";
import { kvm_vcpu_gfn_to_memslot, mmu_invalidate_retry_gfn } from "../lookup/memslot.ts";
import { kvm_mmu_page, kvm_page_fault, tdp_iter } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { notSimulated } from "../state/not-simulated.ts";
import * as t from "../state/tables.ts";
import * as s from "./spte.ts";
import { tdp_iter_next, tdp_iter_start, type TdpIter } from "./tdp-iter.ts";
import { kvm_tdp_mmu_map } from "./tdp-mmu.ts";

export const PFERR_PRESENT = 1;
export const PFERR_WRITE = 2;
export const PFERR_USER = 4;
export const PFERR_RSVD = 8;
export const PFERR_FETCH = 16;

const LEVEL_1G = 3;

/** Builds the fault from what the CPU reported. */
function initFault(m: Kvm, fault: Fault, vcpu: number): void {
  const cpu = m.vcpus[vcpu];
  if (cpu === undefined) return;
  const code = cpu.exit_info_1;
  fault.vcpu = vcpu;
  fault.addr = cpu.exit_info_2;
  fault.error_code.lo = code.lo;
  fault.error_code.hi = code.hi;
  fault.exec = (code.lo & PFERR_FETCH) !== 0;
  fault.write = (code.lo & PFERR_WRITE) !== 0;
  fault.present = (code.lo & PFERR_PRESENT) !== 0;
  fault.user = (code.lo & PFERR_USER) !== 0;
  fault.max_level = LEVEL_1G;
  fault.req_level = 1;
  fault.goal_level = 1;
  fault.gfn = Math.floor(cpu.exit_info_2 / 4096);
  fault.slot = kvm_vcpu_gfn_to_memslot(m, fault.gfn) as typeof fault.slot;
}

/** What the walk of a fast page fault found: halves of the entry, its level. */
const fastLocals = {
  fault: ref(kvm_page_fault),
  iter: local(tdp_iter),
  r: int,
  old: pair,
} as const;

const kvm_tdp_mmu_fast_pf_get_last_sptep = routine(
  "kvm_tdp_mmu_fast_pf_get_last_sptep",
  (m: Kvm, fault: Fault, iter: TdpIter): void => {
    tdp_iter_start(m, iter, m.vcpus[fault.vcpu]?.root ?? 0, 1, fault.gfn);
    while (
      iter.level > 1 &&
      s.is_shadow_present_pte(iter.old_spte.lo) &&
      !s.is_last_spte(iter.old_spte.lo, iter.level)
    )
      tdp_iter_next(m, iter);
  },
);

/**
 * Q1: whether the entry can be made to allow the access; 0 nothing to do, 1 spurious, 2 exchange.
 */
function judge(m: Kvm, fault: Fault, iter: TdpIter): number {
  const { lo, hi } = iter.old_spte;
  if (!s.is_shadow_present_pte(lo) || !s.is_last_spte(lo, iter.level)) return 0;
  if (s.is_access_allowed(fault, lo, hi)) return 1;
  return fault.write && s.is_mmu_writable_spte(lo) ? 2 : 0;
}

function recordFast(m: Kvm, fault: Fault, iter: TdpIter, result: number): void {
  const { addr } = fault;
  const { sptep, old_spte } = iter;
  const physical = t.physicalOf(m, sptep);
  m.emit(
    EventId.fast_page_fault,
    fault.vcpu,
    addr,
    highHalf(addr),
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
        kvm_tdp_mmu_fast_pf_get_last_sptep(m, own.fault, own.iter);
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
  recordFast(m, fault, iter, FastResult.fixed);
  return true;
};

const __kvm_mmu_topup_memory_cache = routine(
  "__kvm_mmu_topup_memory_cache",
  (_m: Kvm): number => 0,
);
const kvm_mmu_topup_memory_cache = routine("kvm_mmu_topup_memory_cache", (m: Kvm): number =>
  __kvm_mmu_topup_memory_cache(m),
);

/**
 * MODEL: the caches are never empty, so topping them up cannot fail; table pages come straight from
 * the allocator.
 */
const mmu_topup_memory_caches = routine(
  "mmu_topup_memory_caches",
  (m: Kvm): number =>
    kvm_mmu_topup_memory_cache(m) + kvm_mmu_topup_memory_cache(m) + kvm_mmu_topup_memory_cache(m),
);

/**
 * Whether what was looked up may still be mapped: the root is valid and no invalidation hit. Exact
 * under mmu_lock.
 */
const is_page_fault_stale = routine("is_page_fault_stale", (m: Kvm, fault: Fault): boolean => {
  const root = m.vcpus[fault.vcpu]?.root ?? 0;
  const isStale =
    kvm_mmu_page.at(m, root).root_count === 0 ||
    mmu_invalidate_retry_gfn(m, fault.mmu_seq, fault.gfn);
  const { mmu_invalidate_seq, mmu_invalidate_in_progress } = m.kvm;
  m.emit(
    EventId.staleCheck,
    fault.mmu_seq,
    mmu_invalidate_seq,
    mmu_invalidate_in_progress,
    isStale ? 1 : 0,
  );
  return isStale;
});

const finish = (m: Kvm, fault: Fault, r: number): void =>
  LOOKUP_DESIGNS[m.lookup.index]?.finish(m, fault, r);

/** kvm_tdp_mmu_page_fault(): the whole of a fault, in the order of acts F1 to F9. */
const kvm_tdp_mmu_page_fault = routine(
  "kvm_tdp_mmu_page_fault",
  design.faultLocals,
  (own, m: Kvm) => [
    call(fast_page_fault, { fault: "fault" }, "r"),
    when(() => own.r !== design.RET_PF_INVALID, [done("r")]),
    act("F0c", () => mmu_topup_memory_caches(m)),
    callOneOf(
      () => m.lookup.index,
      LOOKUP_DESIGNS.map((one) => one.faultin),
      { fault: "fault" },
      "r",
    ),
    when(() => own.r !== design.RET_PF_CONTINUE, [done("r")]),
    set("r", design.RET_PF_RETRY),
    takeLock(m, "F5", () => m.kvm.mmu_lock, "read", LockCode.mmu_lock),
    when(
      act("F6", () => is_page_fault_stale(m, own.fault)),
      [],
      [call(kvm_tdp_mmu_map, { fault: "fault" }, "r")],
    ),
    when(() => m.lookup.releasesUnderMmuLock, [act("F9u", () => finish(m, own.fault, own.r))]),
    releaseLock(m, "F8", () => m.kvm.mmu_lock, "read", LockCode.mmu_lock),
    when(() => !m.lookup.releasesUnderMmuLock, [act("F9", () => finish(m, own.fault, own.r))]),
    done("r"),
  ],
  { inlined: true },
);

const kvm_tdp_page_fault = routine("kvm_tdp_page_fault", design.faultLocals, () => [
  call(kvm_tdp_mmu_page_fault, { fault: "fault" }, "r"),
  done("r"),
]);

const doFaultLocals = { vcpu: int, fault: local(kvm_page_fault), r: int } as const;

const kvm_mmu_do_page_fault = routine("kvm_mmu_do_page_fault", doFaultLocals, (own, m: Kvm) => [
  act("F0", () => initFault(m, own.fault, own.vcpu)),
  call(kvm_tdp_page_fault, { fault: () => own.fault }, "r"),
  done("r"),
]);

/** Result: 1 to enter the guest again, or a negative errno for user space. */
export const kvm_mmu_page_fault = routine(
  "kvm_mmu_page_fault",
  { vcpu: int, r: int, gpa: wide },
  (own, m: Kvm) => [
    call(kvm_mmu_do_page_fault, { vcpu: "vcpu" }, "r"),
    act("F0r", () => {
      m.emit(EventId.faultResult, own.vcpu, own.r);
      if (own.r === design.RET_PF_EMULATE || own.r === design.RET_PF_WRITE_PROTECTED) {
        notSimulated("Emulation of an instruction");
      }
    }),
    done(() => (own.r < 0 ? own.r : 1)),
  ],
);
