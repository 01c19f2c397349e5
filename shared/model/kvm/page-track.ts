// Write tracking: the guest's tables above level 1 that are shadowed may only be written through
// KVM. Owns the counts per gfn; while one is above 0, no entry of the gfn is writable.
// From: account_shadowed(), unaccount_shadowed() (arch/x86/kvm/mmu/mmu.c),
// __kvm_write_track_add_gfn(), kvm_gfn_is_write_tracked() (arch/x86/kvm/mmu/page_track.c).
import { routine } from "#shared/engine/routine";
import { gfn_to_memslot, memslotAt } from "../lookup/memslot.ts";
import type { Kvm } from "../state/machine.ts";
import { kvm_flush_remote_tlbs_gfn } from "./flush.ts";
import { kvm_mmu_slot_gfn_write_protect } from "./rmap.ts";
import { addCount, countOf, update_gfn_disallow_lpage_count } from "./slot-arch.ts";
import { spLevel, type ShadowPage } from "./sp.ts";

export const kvm_gfn_is_write_tracked = routine(
  "kvm_gfn_is_write_tracked",
  (m: Kvm, slotCell: number, gfn: number): boolean =>
    slotCell !== 0 && m.mode === "npt0" && countOf(m, memslotAt(m, slotCell), gfn, 1) !== 0,
);

const __kvm_write_track_add_gfn = routine(
  "__kvm_write_track_add_gfn",
  (m: Kvm, slotCell: number, gfn: number): void => {
    const slot = memslotAt(m, slotCell);
    addCount(m, slot, gfn, 1, 1);
    update_gfn_disallow_lpage_count(m, slot, gfn, 1);
    if (kvm_mmu_slot_gfn_write_protect(m, slotCell, gfn, 1)) kvm_flush_remote_tlbs_gfn(m);
  },
);

/** A new page that shadows a guest's table: the table's own entries lose their writable bit. */
export function account_shadowed(m: Kvm, sp: ShadowPage): void {
  m.kvm.indirect_shadow_pages += 1;
  const { gfn } = sp;
  const slotCell = gfn_to_memslot(m, gfn);
  if (slotCell === 0) return;
  if (spLevel(sp) > 1) {
    __kvm_write_track_add_gfn(m, slotCell, gfn);
    return;
  }
  update_gfn_disallow_lpage_count(m, memslotAt(m, slotCell), gfn, 1);
  if (kvm_mmu_slot_gfn_write_protect(m, slotCell, gfn, 1)) kvm_flush_remote_tlbs_gfn(m);
}

/** The reverse; entries that lost their writable bit get it back at their next write fault. */
export function unaccount_shadowed(m: Kvm, sp: ShadowPage): void {
  m.kvm.indirect_shadow_pages -= 1;
  const { gfn } = sp;
  const slotCell = gfn_to_memslot(m, gfn);
  if (slotCell === 0) return;
  const slot = memslotAt(m, slotCell);
  if (spLevel(sp) > 1) addCount(m, slot, gfn, 1, -1);
  update_gfn_disallow_lpage_count(m, slot, gfn, -1);
}
