// Dirty logging is over: small entries that stand where the host maps a huge page go, so that the
// next fault maps it huge. Only direct pages: what a guest's own table maps stays small.
// From: kvm_mmu_zap_collapsible_sptes(), kvm_rmap_zap_collapsible_sptes()
// (arch/x86/kvm/mmu/mmu.c), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int, ref, wide } from "#shared/engine/struct";
import { act, call, done, when } from "#shared/engine/words";
import { LockCode } from "#shared/events/own";
import { releaseLock, takeLock } from "../host/locks.ts";
import { memslotAt } from "../lookup/memslot.ts";
import type { Kvm } from "../state/machine.ts";
import { kvm_flush_remote_tlbs } from "./flush.ts";
import { kvm_mmu_max_mapping_level } from "./hugepage.ts";
import { isDirectRole } from "./role.ts";
import { mmu_spte_clear_track_bits, pte_list_remove, sptesOf, walkRmaps } from "./rmap.ts";
import { spLevel, sptep_to_sp } from "./sp.ts";

/** Entries of the highest level cannot become larger. */
const HIGHEST_COLLAPSIBLE = 2;
const PG_LEVEL_NUM = 4;

/** kvm_mmu_zap_collapsible_spte() of one rmap. */
function zapCollapsible(m: Kvm, slotCell: number, head: number): boolean {
  let flush = false;
  for (const sptep of sptesOf(m, head)) {
    const sp = sptep_to_sp(m, sptep);
    const isCollapsible =
      isDirectRole(sp.role) &&
      spLevel(sp) < kvm_mmu_max_mapping_level(m, slotCell, sp.gfn, PG_LEVEL_NUM);
    if (!isCollapsible) continue;
    mmu_spte_clear_track_bits(m, sptep);
    pte_list_remove(m, head, sptep);
    flush = true;
  }
  return flush;
}

/** mmu_lock is held for writing. Result: 1 when TLBs must be flushed. */
const kvm_rmap_zap_collapsible_sptes = walkRmaps(
  "kvm_rmap_zap_collapsible_sptes",
  HIGHEST_COLLAPSIBLE,
  (m, head, slot) => zapCollapsible(m, slot, head),
);

const slotLocals = { slot: ref, gfnStart: wide, gfnEnd: wide, flush: int } as const;

/** Of a whole slot, in the modes whose entries have rmaps. */
export const kvm_mmu_zap_collapsible_sptes = routine(
  "kvm_mmu_zap_collapsible_sptes",
  slotLocals,
  (own, m: Kvm) => [
    takeLock(m, "C1", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
    act("C2", () => {
      const { base_gfn, npages } = memslotAt(m, own.slot);
      own.gfnStart = base_gfn;
      own.gfnEnd = base_gfn + npages;
    }),
    call(
      kvm_rmap_zap_collapsible_sptes,
      { slot: "slot", gfnStart: "gfnStart", gfnEnd: "gfnEnd" },
      "flush",
    ),
    when(() => own.flush !== 0, [act("C3", () => kvm_flush_remote_tlbs(m))]),
    releaseLock(m, "C4", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
    done(),
  ],
);
