// Huge pages of the TDP MMU under dirty logging: split into tables of small entries when logging
// starts or a fault needs a small one, and made whole when it ends.
// From: arch/x86/kvm/mmu/tdp_mmu.c (tdp_mmu_split_huge_page, tdp_mmu_split_huge_pages_root,
// zap_collapsible_spte_range 6.1 and 6.12, recover_huge_pages_range 7.2), spte.c
// (make_small_spte, make_huge_spte).
import { routine } from "#shared/engine/routine";
import { int, local, ref, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, when } from "#shared/engine/words";
import { LockCode } from "#shared/events/own";
import { EventId } from "#shared/events/table";
import { pagesPerLevel } from "#shared/units/address";
import { frameHigh, highHalf, type Word } from "#shared/units/halves";
import { releaseLock, takeLock } from "../host/locks.ts";
import { memslotAt } from "../lookup/memslot.ts";
import { tdp_iter } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import * as t from "../state/tables.ts";
import { kvm_flush_remote_tlbs } from "./flush.ts";
import { kvm_mmu_max_mapping_level } from "./hugepage.ts";
import * as s from "./spte.ts";
import { tdp_iter_next, tdp_iter_start, type TdpIter } from "./tdp-iter.ts";
import {
  runRcuCallbacks,
  shadowPageOf,
  tdp_mmu_alloc_sp,
  tdp_mmu_free_sp,
  tdp_mmu_init_sp,
  type ShadowPage,
} from "./tdp-pages.ts";
import { nextValidRoot } from "./tdp-roots.ts";
import { tdp_mmu_iter_set_spte, tdp_mmu_set_spte_atomic } from "./tdp-set-spte.ts";

const ENTRIES = 512;
const MAX_HUGE_LEVEL = 3;

/** Puts a table under the entry; false when the exchange was lost. */
export const tdp_mmu_link_sp = routine(
  "tdp_mmu_link_sp",
  (m: Kvm, iter: TdpIter, sp: ShadowPage, isShared: boolean): boolean => {
    const lo = s.make_nonleaf_spte(m, sp.spt);
    const hi = frameHigh(t.tablePfn(m, sp.spt));
    if (!isShared) tdp_mmu_iter_set_spte(m, iter, lo, hi);
    else if (!tdp_mmu_set_spte_atomic(m, iter, lo, hi)) return false;
    sp.ptep = iter.sptep;
    return true;
  },
);

/** make_small_spte(): entry `index` of the table that replaces a huge entry of `level`. */
function makeSmall(m: Kvm, table: number, index: number, { lo, hi }: Word, level: number): void {
  const offset = index * pagesPerLevel(level - 1) * 4096; // below the huge entry's own frame
  const small = level === 2 ? lo & ~s.PT_PAGE_SIZE_MASK : lo;
  t.writeSpte(m, table + index * 2, small | offset, hi);
}

/** Replaces a huge entry by a table with the same mapping; false when the exchange was lost. */
export const tdp_mmu_split_huge_page = routine(
  "tdp_mmu_split_huge_page",
  (m: Kvm, iter: TdpIter, sp: ShadowPage, isShared: boolean): boolean => {
    const { gfn, level } = iter;
    const { lo, hi } = iter.old_spte;
    // Nobody can see the table yet.
    for (let index = 0; index < ENTRIES; index++) makeSmall(m, sp.spt, index, { lo, hi }, level);
    const isLinked = tdp_mmu_link_sp(m, iter, sp, isShared);
    m.emit(
      EventId.kvm_mmu_split_huge_page,
      gfn,
      highHalf(gfn),
      lo,
      hi,
      level,
      isLinked ? 0 : -EBUSY,
    );
    return isLinked;
  },
);
const EBUSY = 16;

const isHugeLeaf = ({ old_spte }: TdpIter): boolean =>
  s.is_shadow_present_pte(old_spte.lo) && s.is_large_pte(old_spte.lo);

/** One entry of a split; the walk stays where an exchange was lost. */
function splitEntry(m: Kvm, iter: TdpIter, isShared: boolean): void {
  if (isHugeLeaf(iter)) {
    const role = shadowPageOf(m, iter.pt_path.get(iter.level)).role - 1;
    const sp = tdp_mmu_alloc_sp(m, iter.level - 1);
    tdp_mmu_init_sp(m, sp, role, iter.gfn);
    if (!tdp_mmu_split_huge_page(m, iter, sp, isShared)) {
      tdp_mmu_free_sp(m, sp);
      return;
    }
  }
  tdp_iter_next(m, iter);
}

/** tdp_mmu_split_huge_pages_root() in one act: mmu_lock is held for writing. */
export function splitUnderWriteLock(
  m: Kvm,
  iter: TdpIter,
  root: number,
  start: number,
  end: number,
): void {
  tdp_iter_start(m, iter, root, 2, start);
  while (iter.valid && iter.gfn < end) splitEntry(m, iter, false);
}

const rangeLocals = { root: ref, start: wide, end: wide, iter: local(tdp_iter) } as const;

/** All huge pages of [start, end) below one root; mmu_lock is held for reading. */
const tdp_mmu_split_huge_pages_root = routine(
  "tdp_mmu_split_huge_pages_root",
  rangeLocals,
  (own, m: Kvm) => [
    act("S1", () => {
      m.kvm.rcu.enter();
      tdp_iter_start(m, own.iter, own.root, 2, own.start);
    }),
    loop(
      when(() => !own.iter.valid || own.iter.gfn >= own.end, [leave]),
      act("S2", () => splitEntry(m, own.iter, true)),
      again,
    ),
    act("S3", () => m.kvm.rcu.leave()),
    done(),
  ],
);

const slotLocals = { slot: ref, root: ref, start: wide, end: wide, flush: int } as const;

function enterSlot(m: Kvm, own: { slot: number; start: number; end: number }): void {
  const { base_gfn, npages } = memslotAt(m, own.slot);
  own.start = base_gfn;
  own.end = base_gfn + npages;
}

/** kvm_mmu_slot_try_split_huge_pages(): a slot whose writes are logged from now on. */
export const kvm_mmu_slot_try_split_huge_pages = routine(
  "kvm_mmu_slot_try_split_huge_pages",
  slotLocals,
  (own, m: Kvm) => [
    takeLock(m, "S0", () => m.kvm.mmu_lock, "read", LockCode.mmu_lock),
    act("S0s", () => enterSlot(m, own)),
    loop(
      act("S0r", () => (own.root = nextValidRoot(m, own.root) as typeof own.root)),
      when(() => own.root === 0, [leave]),
      call(tdp_mmu_split_huge_pages_root, { root: "root", start: "start", end: "end" }),
      again,
    ),
    releaseLock(m, "S4", () => m.kvm.mmu_lock, "read", LockCode.mmu_lock),
    done(),
  ],
);

/** make_huge_spte() of the first present entry below; null when none is, or it is a table. */
function makeHuge(m: Kvm, iter: TdpIter): Word | null {
  const table = s.spte_to_child_pt(m, iter.old_spte.lo, iter.old_spte.hi);
  for (let index = 0; index < ENTRIES; index++) {
    const lo = t.readSpteLow(m, table + index * 2);
    if (!s.is_shadow_present_pte(lo)) continue;
    if (!s.is_last_spte(lo, iter.level - 1)) return null;
    const offset = (pagesPerLevel(iter.level) - 1) * 4096;
    return {
      lo: (lo & ~offset) | s.PT_PAGE_SIZE_MASK,
      hi: t.readSpteHigh(m, table + index * 2),
    };
  }
  return null;
}

function isCollapsible(m: Kvm, own: { slot: number; start: number; end: number; iter: TdpIter }) {
  const { gfn, level, old_spte } = own.iter;
  if (level > MAX_HUGE_LEVEL || !s.is_shadow_present_pte(old_spte.lo)) return false;
  if (s.is_last_spte(old_spte.lo, level) || gfn < own.start || gfn >= own.end) return false;
  return kvm_mmu_max_mapping_level(m, own.slot, gfn, MAX_HUGE_LEVEL) >= level;
}

/** Result: whether the entry changed; an exchange that is lost leaves the walk where it is. */
function collapseEntry(m: Kvm, own: CollapseOwn): void {
  const { iter } = own;
  const none = { lo: 0, hi: m.kernel.nonpresentHigh };
  if (isCollapsible(m, own)) {
    const { collapses, frozenLow, nonpresentHigh } = m.kernel;
    const frozen = { lo: frozenLow, hi: nonpresentHigh };
    const choice = { frozen, cleared: none, replaced: makeHuge(m, iter) }[collapses];
    if (choice !== null) {
      if (!tdp_mmu_set_spte_atomic(m, iter, choice.lo, choice.hi)) return;
      if (collapses === "frozen") t.writeSpte(m, iter.sptep, none.lo, none.hi);
      own.flush = 1;
    }
  }
  tdp_iter_next(m, iter);
}
interface CollapseOwn {
  slot: number;
  start: number;
  end: number;
  flush: number;
  iter: TdpIter;
}

const recover_huge_pages_range = routine(
  "recover_huge_pages_range",
  { ...rangeLocals, slot: ref, flush: int },
  (own, m: Kvm) => [
    act("C4", () => {
      m.kvm.rcu.enter();
      tdp_iter_start(m, own.iter, own.root, 2, own.start);
    }),
    loop(
      when(() => !own.iter.valid || own.iter.gfn >= own.end, [leave]),
      act("C5", () => collapseEntry(m, own)),
      again,
    ),
    act("C6", () => {
      if (own.flush !== 0) kvm_flush_remote_tlbs(m);
      m.kvm.rcu.leave();
    }),
    done(),
  ],
);

/** kvm_tdp_mmu_zap_collapsible_sptes(), in 7.x kvm_tdp_mmu_recover_huge_pages(). */
export const kvm_tdp_mmu_recover_huge_pages = routine(
  "kvm_tdp_mmu_recover_huge_pages",
  slotLocals,
  (own, m: Kvm) => [
    takeLock(m, "C0", () => m.kvm.mmu_lock, "read", LockCode.mmu_lock),
    act("C0s", () => enterSlot(m, own)),
    loop(
      act("C0r", () => (own.root = nextValidRoot(m, own.root) as typeof own.root)),
      when(() => own.root === 0, [leave]),
      call(recover_huge_pages_range, { root: "root", start: "start", end: "end", slot: "slot" }),
      again,
    ),
    releaseLock(m, "C7", () => m.kvm.mmu_lock, "read", LockCode.mmu_lock),
    call(runRcuCallbacks),
    done(),
  ],
);
