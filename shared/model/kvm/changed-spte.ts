// What must follow a change of a TDP entry: the event, the marks on the page, the removal of a
// table. The order of event and removal, and whether pages are marked, differ by kernel and by
// lookup design.
// From: arch/x86/kvm/mmu/tdp_mmu.c (handle_changed_spte 6.12, __handle_changed_spte 7.2).
import { routine } from "#shared/engine/routine";
import { EventId } from "#shared/events/table";
import { highHalf } from "#shared/units/halves";
import { kvm_set_pfn_accessed, kvm_set_pfn_dirty } from "../lookup/v0-legacy.ts";
import type { Kvm } from "../state/machine.ts";
import { notSimulated } from "../state/not-simulated.ts";
import * as s from "./spte.ts";

/** A change as halves: old and new value of the entry of `level` for `gfn`. */
export interface SpteChange {
  readonly gfn: number;
  readonly level: number;
  readonly oldLow: number;
  readonly oldHigh: number;
  readonly lo: number;
  readonly hi: number;
}

const isLeaf = (lo: number, level: number): boolean =>
  s.is_shadow_present_pte(lo) && s.is_last_spte(lo, level);

/** V0: the page behind a leaf learns what the entry's bits knew, when they go. */
function markPage(m: Kvm, change: SpteChange): void {
  const { oldLow, oldHigh, lo, hi, level } = change;
  if (!m.lookup.marksPagesAtZap || !isLeaf(oldLow, level)) return;
  const pfn = s.spte_to_pfn(oldLow, oldHigh);
  const isGone = !s.is_shadow_present_pte(lo) || s.spte_to_pfn(lo, hi) !== pfn;
  if (s.is_dirty_spte(oldLow) && (isGone || !s.is_dirty_spte(lo))) kvm_set_pfn_dirty(m, pfn);
  if (s.is_accessed_spte(oldLow) && (isGone || !s.is_accessed_spte(lo)))
    kvm_set_pfn_accessed(m, pfn);
}

function change(m: Kvm, what: SpteChange): void {
  const { gfn, level, oldLow, oldHigh, lo, hi } = what;
  if (oldLow === lo && oldHigh === hi) return;
  const wasTable = s.is_shadow_present_pte(oldLow) && !s.is_last_spte(oldLow, level);
  const isTable = s.is_shadow_present_pte(lo) && !s.is_last_spte(lo, level);
  if (wasTable && !isTable) notSimulated("Removing a table of the TDP MMU");
  m.emit(EventId.kvm_tdp_mmu_spte_changed, 0, gfn, highHalf(gfn), level, oldLow, oldHigh, lo, hi);
  markPage(m, what);
}

const older = routine("handle_changed_spte", change);
const newer = routine("__handle_changed_spte", change);

/** Under the name that the kernel's profile gives it, so that call trees read as that kernel's. */
export function handle_changed_spte(m: Kvm, what: SpteChange): void {
  if (m.kernel.handleChangedName === "handle_changed_spte") older(m, what);
  else newer(m, what);
}
