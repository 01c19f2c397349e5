// A walk over the TDP tables in order of gfn: down into tables, along a table, up again.
// The iterator is a struct of the running thread; it re-reads an entry each time it comes to it.
// From: arch/x86/kvm/mmu/tdp_iter.c, tdp_iter.h (6.12, 7.2).
import { routine } from "#shared/engine/routine";
import { frameIndex, pagesPerLevel, roundFrame } from "#shared/units/address";
import type { tdp_iter } from "../state/kvm.ts";
import { kvm_mmu_page } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { readSpteHigh, readSpteLow } from "../state/tables.ts";
import { is_last_spte, is_shadow_present_pte, spte_to_child_pt } from "./spte.ts";

export type TdpIter = ReturnType<typeof tdp_iter.at>;

const tdp_iter_refresh_sptep = routine("tdp_iter_refresh_sptep", (m: Kvm, iter: TdpIter): void => {
  const { level } = iter;
  const sptep = iter.pt_path.get(level) + frameIndex(iter.gfn, level) * 2;
  iter.sptep = sptep as typeof iter.sptep;
  readEntry(m, iter);
});

/** kvm_tdp_mmu_read_spte() into the iterator. */
export function readEntry(m: Kvm, iter: TdpIter): void {
  const { old_spte, sptep } = iter;
  old_spte.lo = readSpteLow(m, sptep);
  old_spte.hi = readSpteHigh(m, sptep);
}

const tdp_iter_restart = routine("tdp_iter_restart", (m: Kvm, iter: TdpIter): void => {
  iter.level = iter.root_level;
  iter.gfn = roundFrame(iter.next_last_level_gfn, iter.level);
  tdp_iter_refresh_sptep(m, iter);
  iter.valid = true;
});

const ROOT_LEVEL = 4;

/** Starts at the root entry of the gfn; `root` is the cell of the root's shadow page. */
export const tdp_iter_start = routine(
  "tdp_iter_start",
  (m: Kvm, iter: TdpIter, root: number, minLevel: number, gfn: number): void => {
    iter.next_last_level_gfn = gfn;
    iter.root_level = ROOT_LEVEL;
    iter.min_level = minLevel;
    iter.pt_path.set(ROOT_LEVEL, kvm_mmu_page.at(m, root).spt);
    tdp_iter_restart(m, iter);
  },
);

function try_step_down(m: Kvm, iter: TdpIter): boolean {
  const { level } = iter;
  if (level === iter.min_level) return false;
  // Read again: another thread may have changed the entry since.
  readEntry(m, iter);
  const { lo, hi } = iter.old_spte;
  if (!is_shadow_present_pte(lo) || is_last_spte(lo, level)) return false;
  const below = level - 1;
  iter.level = below;
  iter.pt_path.set(below, spte_to_child_pt(m, lo, hi) as never);
  iter.gfn = roundFrame(iter.next_last_level_gfn, below);
  tdp_iter_refresh_sptep(m, iter);
  return true;
}

function try_step_side(m: Kvm, iter: TdpIter): boolean {
  if (frameIndex(iter.gfn, iter.level) === 511) return false;
  iter.gfn += pagesPerLevel(iter.level);
  iter.next_last_level_gfn = iter.gfn;
  iter.sptep = (iter.sptep + 2) as typeof iter.sptep;
  readEntry(m, iter);
  return true;
}

function try_step_up(m: Kvm, iter: TdpIter): boolean {
  if (iter.level === iter.root_level) return false;
  iter.level += 1;
  iter.gfn = roundFrame(iter.gfn, iter.level);
  tdp_iter_refresh_sptep(m, iter);
  return true;
}

/** The next entry in preorder; `valid` becomes false after the last. */
export const tdp_iter_next = routine("tdp_iter_next", (m: Kvm, iter: TdpIter): void => {
  if (try_step_down(m, iter)) return;
  do {
    if (try_step_side(m, iter)) return;
  } while (try_step_up(m, iter));
  iter.valid = false;
});
