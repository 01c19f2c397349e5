// Storing an entry of the TDP tables: by exchange under the read lock, plainly under the write
// lock. Both end in the bookkeeping of changed-spte.ts.
// From: arch/x86/kvm/mmu/tdp_mmu.c (tdp_mmu_set_spte_atomic, tdp_mmu_iter_set_spte), 6.12 and 7.2.
import { assertHeld } from "#shared/engine/locks";
import type { Kvm } from "../state/machine.ts";
import * as t from "../state/tables.ts";
import { handle_changed_spte } from "./changed-spte.ts";
import { readEntry, type TdpIter } from "./tdp-iter.ts";

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
  handle_changed_spte(m, {
    gfn: iter.gfn,
    level: iter.level,
    oldLow,
    oldHigh,
    lo,
    hi,
    isShared: true,
  });
  return true;
}

/** Stores an entry under the write lock: no exchange needed, nobody else changes it. */
export function tdp_mmu_iter_set_spte(m: Kvm, iter: TdpIter, lo: number, hi: number): void {
  assertHeld(m, m.kvm.mmu_lock, "write");
  const { lo: oldLow, hi: oldHigh } = iter.old_spte;
  t.writeSpte(m, iter.sptep, lo, hi);
  handle_changed_spte(m, {
    gfn: iter.gfn,
    level: iter.level,
    oldLow,
    oldHigh,
    lo,
    hi,
    isShared: false,
  });
}
