// How KVM makes a leaf entry out of rights, frame and the entry that was there.
// A wanted writable bit is refused while the gfn holds a guest table that KVM follows.
// From: make_spte(), mark_spte_for_access_track() (arch/x86/kvm/mmu/spte.c), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { frameHigh, frameLow } from "#shared/units/halves";
import type { Kvm } from "../state/machine.ts";
import { mark_page_dirty_in_slot } from "./dirty-log.ts";
import { ACC_USER_MASK, ACC_WRITE_MASK } from "./role.ts";
import * as s from "./spte.ts";
import { mmu_try_to_unsync_pages, type Making } from "./unsync.ts";

export interface LeafRequest extends Making {
  readonly slot: number;
  readonly level: number;
  readonly access: number;
  readonly gfn: number;
  readonly pfn: number;
  /** Low half of the entry as it is. */
  readonly oldLow: number;
  readonly isHostWritable: boolean;
}

export interface Leaf {
  readonly lo: number;
  readonly hi: number;
  /** The writable bit was refused: a write must be emulated. */
  readonly isProtected: boolean;
}

const GRANTED = s.PT_WRITABLE_MASK | s.SPTE_MMU_WRITABLE;
const REFUSED = -1;

/** Bits that a right to write adds; REFUSED when the gfn must stay read-only. */
function writableBits(m: Kvm, wanted: LeafRequest): number {
  const { slot, gfn, level, oldLow } = wanted;
  const wasWritable = s.is_last_spte(oldLow, level) && s.is_writable_pte(oldLow);
  // Whether the old entry is present is not asked: an MMIO entry with its bit 1 counts too.
  if (wasWritable) return GRANTED | (m.kernel.keepsCleanOverWritable ? 0 : s.shadow_dirty_mask);
  const refused = mmu_try_to_unsync_pages(m, slot, gfn, wanted) !== 0;
  return refused ? REFUSED : GRANTED | s.shadow_dirty_mask;
}

function constantBits(m: Kvm, wanted: LeafRequest): number {
  const isUsed = !wanted.isPrefetch || (wanted.isSync && m.kernel.syncSetsAccessed);
  return (
    s.SPTE_MMU_PRESENT_MASK |
    s.PT_PRESENT_MASK |
    (isUsed ? s.shadow_accessed_mask : 0) |
    ((wanted.access & ACC_USER_MASK) !== 0 ? s.shadow_user_mask : 0) |
    (wanted.level > 1 ? s.PT_PAGE_SIZE_MASK : 0) |
    (wanted.isHostWritable ? s.SPTE_HOST_WRITABLE : 0)
  );
}

export const make_spte = routine("make_spte", (m: Kvm, wanted: LeafRequest): Leaf => {
  const mayWrite = wanted.isHostWritable && (wanted.access & ACC_WRITE_MASK) !== 0;
  const granted = mayWrite ? writableBits(m, wanted) : 0;
  const isProtected = granted === REFUSED;
  const bits = constantBits(m, wanted) | (isProtected ? 0 : granted);
  if ((bits & s.PT_WRITABLE_MASK) !== 0) mark_page_dirty_in_slot(m, wanted.slot, wanted.gfn);
  const isNx = (wanted.access & m.kernel.accessExec) === 0;
  return {
    lo: frameLow(wanted.pfn, bits),
    hi: frameHigh(wanted.pfn) | (isNx ? s.shadow_nx_mask_high : 0),
    isProtected,
  };
});
