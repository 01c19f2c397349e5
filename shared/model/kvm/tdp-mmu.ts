// The TDP MMU: maps a fault, zaps ranges, keeps the roots. Tables are shared by faults that run at
// once, so under the read lock an entry changes only by compare-and-exchange; zapping holds the
// lock for writing.
// From: arch/x86/kvm/mmu/tdp_mmu.c (kvm_tdp_mmu_map, tdp_mmu_zap_leafs, kvm_tdp_mmu_alloc_root),
// 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { assertHeld } from "#shared/engine/locks";
import { int, local, ref, wide } from "#shared/engine/struct";
import { act, again, done, leave, loop, set, when } from "#shared/engine/words";
import { EventId } from "#shared/events/table";
import { highHalf } from "#shared/units/halves";
import * as design from "../lookup/design.ts";
import type { Fault } from "../lookup/design.ts";
import { kvm_page_fault, tdp_iter } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import * as t from "../state/tables.ts";
import { kvm_flush_remote_tlbs } from "./flush.ts";
import { kvm_mmu_hugepage_adjust, recordRequested } from "./hugepage.ts";
import { make_spte, type Leaf } from "./make-spte.ts";
import { make_mmio_spte, recordMarkMmio } from "./mmio.ts";
import * as s from "./spte.ts";
import { tdp_mmu_link_sp, tdp_mmu_split_huge_page } from "./tdp-huge.ts";
import { shadowPageOf, tdp_mmu_alloc_sp, tdp_mmu_free_sp, tdp_mmu_init_sp } from "./tdp-pages.ts";
import { tdp_mmu_iter_set_spte, tdp_mmu_set_spte_atomic } from "./tdp-set-spte.ts";
import { readEntry, tdp_iter_next, tdp_iter_start, type TdpIter } from "./tdp-iter.ts";

/**
 * Makes a table below the entry, with the huge page's parts if there is one; false when the
 * exchange
 * was lost, and the table is given back.
 */
function allocAndLink(m: Kvm, iter: TdpIter): boolean {
  const role = shadowPageOf(m, iter.pt_path.get(iter.level)).role - 1;
  const sp = tdp_mmu_alloc_sp(m, iter.level - 1);
  tdp_mmu_init_sp(m, sp, role, iter.gfn);
  const isHuge = s.is_shadow_present_pte(iter.old_spte.lo);
  if (isHuge ? tdp_mmu_split_huge_page(m, iter, sp, true) : tdp_mmu_link_sp(m, iter, sp, true)) {
    // What the iterator holds is the entry as it is now, so that the walk steps down.
    readEntry(m, iter);
    return true;
  }
  tdp_mmu_free_sp(m, sp);
  return false;
}

const isTable = ({ old_spte, level }: TdpIter): boolean =>
  s.is_shadow_present_pte(old_spte.lo) && !s.is_last_spte(old_spte.lo, level);

function recordSetSpte(m: Kvm, iter: TdpIter, lo: number, hi: number): void {
  const { gfn } = iter;
  const at = t.physicalOf(m, iter.sptep);
  m.emit(EventId.kvm_mmu_set_spte, gfn, highHalf(gfn), lo, hi, iter.level, at, highHalf(at));
}

/** The entry of a gfn without memslot: the access is emulated, whether the entry was new or not. */
function mapMmio(m: Kvm, iter: TdpIter): number {
  const { lo: oldLow, hi: oldHigh } = iter.old_spte;
  const { lo, hi } = make_mmio_spte(m, iter.gfn, m.kernel.accessAll);
  const isSame = lo === oldLow && hi === oldHigh;
  if (!isSame && !tdp_mmu_set_spte_atomic(m, iter, lo, hi)) return design.RET_PF_RETRY;
  recordMarkMmio(m, iter.sptep, iter.gfn, lo, hi);
  return design.RET_PF_EMULATE;
}

const makeLeaf = (m: Kvm, fault: Fault, iter: TdpIter): Leaf =>
  make_spte(m, {
    slot: fault.slot,
    level: iter.level,
    access: m.kernel.accessAll,
    gfn: iter.gfn,
    pfn: fault.pfn,
    oldLow: iter.old_spte.lo,
    isHostWritable: fault.map_writable,
    isPrefetch: fault.prefetch,
    isSync: false,
  });

/** Stores the leaf. Under mmu_lock for reading, and RCU. Result: RET_PF_*. */
const tdp_mmu_map_handle_target_level = routine(
  "tdp_mmu_map_handle_target_level",
  (m: Kvm, fault: Fault, iter: TdpIter): number => {
    const { lo: oldLow, hi: oldHigh } = iter.old_spte;
    const replacesTable = isTable(iter);
    const isEnough =
      s.is_shadow_present_pte(oldLow) &&
      !replacesTable &&
      s.is_access_allowed(fault, oldLow, oldHigh);
    if (m.kernel.leavesSufficientEntry && isEnough) return design.RET_PF_SPURIOUS;
    if (fault.slot === 0) return mapMmio(m, iter);
    const { lo, hi, isProtected } = makeLeaf(m, fault, iter);
    const isSame = lo === oldLow && hi === oldHigh;
    if (!isSame && !tdp_mmu_set_spte_atomic(m, iter, lo, hi)) return design.RET_PF_RETRY;
    if (replacesTable) kvm_flush_remote_tlbs(m);
    recordSetSpte(m, iter, lo, hi);
    if (isProtected && fault.write) return design.RET_PF_WRITE_PROTECTED;
    return isSame ? design.RET_PF_SPURIOUS : design.RET_PF_FIXED;
  },
  { inlined: true },
);

function startMap(m: Kvm, fault: Fault, iter: TdpIter): void {
  kvm_mmu_hugepage_adjust(m, fault);
  recordRequested(m, fault, m.kernel.accessAll);
  m.kvm.rcu.enter();
  tdp_iter_start(m, iter, m.vcpus[fault.vcpu]?.root ?? 0, fault.goal_level, fault.gfn);
}

/** What the loop of kvm_tdp_mmu_map() does with the entry in hand. */
const Step = { retry: 0, mapTarget: 1, goDown: 2, link: 3 } as const;

function stepAt(m: Kvm, fault: Fault, iter: TdpIter): number {
  const { old_spte, level } = iter;
  const { lo, hi } = old_spte;
  if (s.is_frozen_spte(m, lo, hi)) return Step.retry;
  if (level === fault.goal_level) return Step.mapTarget;
  return s.is_shadow_present_pte(lo) && !s.is_last_spte(lo, level) ? Step.goDown : Step.link;
}

/**
 * Maps the fault's pfn. mmu_lock is held for reading: between two acts another fault may change the
 * tables.
 */
export const kvm_tdp_mmu_map = routine(
  "kvm_tdp_mmu_map",
  { fault: ref(kvm_page_fault), iter: local(tdp_iter), ret: int, step: int },
  (own, m: Kvm) => [
    act("B1", () => {
      startMap(m, own.fault, own.iter);
      own.step = stepAt(m, own.fault, own.iter);
    }),
    set("ret", design.RET_PF_RETRY),
    loop(
      when(() => own.step === Step.retry, [leave]),
      when(
        () => own.step === Step.mapTarget,
        [
          act("F7b", () => {
            own.ret = tdp_mmu_map_handle_target_level(m, own.fault, own.iter);
            m.kvm.rcu.leave();
          }),
          done("ret"),
        ],
      ),
      when(
        () => own.step === Step.link,
        [
          when(
            act("F7a", () => allocAndLink(m, own.iter)),
            [],
            [leave],
          ),
        ],
      ),
      act("B2", () => {
        tdp_iter_next(m, own.iter);
        own.step = stepAt(m, own.fault, own.iter);
      }),
      again,
    ),
    act("B4", () => m.kvm.rcu.leave()),
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
      tdp_mmu_iter_set_spte(m, own.iter, 0, m.kernel.nonpresentHigh);
      own.flush = 1;
    }
    tdp_iter_next(m, own.iter);
  }
}
