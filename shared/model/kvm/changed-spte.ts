// What must follow a change of a TDP entry: the event, the marks on the page, the removal of a
// table. The order of event and removal, and whether pages are marked, differ by kernel and by
// lookup design.
// From: arch/x86/kvm/mmu/tdp_mmu.c (handle_changed_spte 6.12, __handle_changed_spte 7.2,
// handle_removed_pt).
import { routine } from "#shared/engine/routine";
import { EventId } from "#shared/events/table";
import { pagesPerLevel } from "#shared/units/address";
import { highHalf } from "#shared/units/halves";
import { kvm_set_pfn_accessed, kvm_set_pfn_dirty } from "../lookup/v0-legacy.ts";
import type { Kvm } from "../state/machine.ts";
import { readSpteHigh, readSpteLow, writeSpte } from "../state/tables.ts";
import * as s from "./spte.ts";
import { freeAfterReaders, levelOf, shadowPageOf } from "./tdp-pages.ts";

/** A change as halves: old and new value of the entry of `level` for `gfn`. */
export interface SpteChange {
  readonly gfn: number;
  readonly level: number;
  readonly oldLow: number;
  readonly oldHigh: number;
  readonly lo: number;
  readonly hi: number;
  /** mmu_lock is held for reading only: other threads may walk here. */
  readonly isShared: boolean;
}

const isLeaf = (lo: number, level: number): boolean =>
  s.is_shadow_present_pte(lo) && s.is_last_spte(lo, level);
const isTable = (lo: number, level: number): boolean =>
  s.is_shadow_present_pte(lo) && !s.is_last_spte(lo, level);

const isGone = ({ lo, hi, oldLow, oldHigh }: SpteChange): boolean =>
  !s.is_shadow_present_pte(lo) || s.spte_to_pfn(lo, hi) !== s.spte_to_pfn(oldLow, oldHigh);

/** V0: the page behind a leaf learns what the entry's bits knew, when they go. */
function markDirty(m: Kvm, what: SpteChange): void {
  const { oldLow, oldHigh, lo, level } = what;
  if (!m.lookup.marksPagesAtZap || !isLeaf(oldLow, level) || !s.is_dirty_spte(oldLow)) return;
  if (isGone(what) || !s.is_dirty_spte(lo)) kvm_set_pfn_dirty(m, s.spte_to_pfn(oldLow, oldHigh));
}

function markAccessed(m: Kvm, what: SpteChange): void {
  const { oldLow, oldHigh, lo, level } = what;
  if (!m.lookup.marksPagesAtZap || !isLeaf(oldLow, level) || !s.is_accessed_spte(oldLow)) return;
  if (isGone(what) || !s.is_accessed_spte(lo))
    kvm_set_pfn_accessed(m, s.spte_to_pfn(oldLow, oldHigh));
}

/** trace_kvm_tdp_mmu_spte_changed() */
export function recordSpteChanged(m: Kvm, what: Omit<SpteChange, "isShared">): void {
  const { gfn, level, oldLow, oldHigh, lo, hi } = what;
  m.emit(EventId.kvm_tdp_mmu_spte_changed, 0, gfn, highHalf(gfn), level, oldLow, oldHigh, lo, hi);
}

/**
 * Freezes every entry of a table that was taken out, so that no walk that is still inside maps
 * anything there.
 */
const handle_removed_pt = routine(
  "handle_removed_pt",
  (m: Kvm, table: number, isShared: boolean): void => {
    const sp = shadowPageOf(m, table);
    const base = sp.gfn;
    const level = levelOf(sp);
    m.emit(EventId.kvm_mmu_prepare_zap_page, 0, base, highHalf(base), sp.role, 0, 0);
    const lo = m.kernel.frozenLow;
    for (let index = 0; index < 512; index++) {
      const cell = table + index * 2;
      const oldLow = readSpteLow(m, cell);
      if (!isShared && !s.is_shadow_present_pte(oldLow)) continue;
      const oldHigh = readSpteHigh(m, cell);
      writeSpte(m, cell, lo, m.kernel.nonpresentHigh);
      const gfn = base + index * pagesPerLevel(level);
      handle_changed_spte(m, {
        gfn,
        level,
        oldLow,
        oldHigh,
        lo,
        hi: m.kernel.nonpresentHigh,
        isShared,
      });
    }
    freeAfterReaders(m, sp);
  },
);

function removeTable(m: Kvm, { oldLow, oldHigh, lo, level, isShared }: SpteChange): void {
  if (isTable(oldLow, level) && !isTable(lo, level))
    handle_removed_pt(m, s.spte_to_child_pt(m, oldLow, oldHigh), isShared);
}

/** 6.12: event, marks dirty, removes the table, marks accessed. */
const recordFirst = routine("handle_changed_spte", (m: Kvm, what: SpteChange): void => {
  recordSpteChanged(m, what);
  markDirty(m, what);
  removeTable(m, what);
  markAccessed(m, what);
});

/**
 * 7.x: removes the table, then the event; pages are marked only if the lookup design still does so.
 */
const removeFirst = routine("__handle_changed_spte", (m: Kvm, what: SpteChange): void => {
  removeTable(m, what);
  recordSpteChanged(m, what);
  markDirty(m, what);
  markAccessed(m, what);
});

/** An entry stored with the value it had is no change. */
export function handle_changed_spte(m: Kvm, what: SpteChange): void {
  if (what.oldLow === what.lo && what.oldHigh === what.hi) return;
  if (m.kernel.recordsBeforeRemovingTable) recordFirst(m, what);
  else removeFirst(m, what);
}
