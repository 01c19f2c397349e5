// A walk to the last entry for an address without mmu_lock: what is read may be old at once.
// From: arch/x86/kvm/mmu/mmu.c (get_sptes_lockless, get_walk, fast_pf_get_last_sptep), tdp_mmu.c
// (kvm_tdp_mmu_get_walk, kvm_tdp_mmu_fast_pf_get_last_sptep), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { frameOf, type Word } from "#shared/units/halves";
import type { Kvm } from "../state/machine.ts";
import { indexAt } from "./paging64.ts";
import { spAt } from "./sp.ts";
import { is_last_spte, is_shadow_present_pte, spte_to_child_pt } from "./spte.ts";
import { readEntry, tdp_iter_next, tdp_iter_start, type TdpIter } from "./tdp-iter.ts";

const ROOT_LEVEL = 4;

function walkTdp(m: Kvm, root: number, addr: Word, iter: TdpIter): void {
  tdp_iter_start(m, iter, root, 1, frameOf(addr.lo, addr.hi));
  while (iter.level > 1 && leadsDown(iter)) tdp_iter_next(m, iter);
}

const leadsDown = ({ old_spte, level }: TdpIter): boolean =>
  is_shadow_present_pte(old_spte.lo) && !is_last_spte(old_spte.lo, level);

/** Interrupts are off meanwhile, so that no table of the path is freed. */
function walkShadow(m: Kvm, root: number, addr: Word, iter: TdpIter): void {
  let table: number = spAt(m, root).spt;
  for (let level = ROOT_LEVEL; ; level--) {
    iter.level = level;
    iter.sptep = (table + indexAt(addr.lo, addr.hi, level) * 2) as typeof iter.sptep;
    readEntry(m, iter);
    if (!leadsDown(iter)) return;
    table = spte_to_child_pt(m, iter.old_spte.lo, iter.old_spte.hi);
  }
}

type Walk = (m: Kvm, root: number, addr: Word, iter: TdpIter) => void;

/** The iterator then holds entry, level and place of the last entry. */
export const getLastSptep: Walk = (m, root, addr, iter) =>
  m.mode === "tdp" ? fastTdp(m, root, addr, iter) : fastShadow(m, root, addr, iter);
const fastTdp: Walk = routine("kvm_tdp_mmu_fast_pf_get_last_sptep", walkTdp);
const fastShadow: Walk = routine("fast_pf_get_last_sptep", walkShadow);

/** The same for a fault with a reserved bit. */
export const getLastSpte: Walk = (m, root, addr, iter) =>
  m.mode === "tdp" ? getTdp(m, root, addr, iter) : getShadow(m, root, addr, iter);
const getTdp: Walk = routine("kvm_tdp_mmu_get_walk", walkTdp);
const getShadow: Walk = routine("get_sptes_lockless", walkShadow);
