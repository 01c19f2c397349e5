// Shadow page-table entries in AMD's format: bits, predicates, table pointers.
// Values are halves; how they lie in cells is state/tables.ts.
// From: arch/x86/kvm/mmu/spte.h, spte.c (make_nonleaf_spte), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { frameLow, frameOf } from "#shared/units/halves";
import type { Kvm } from "../state/machine.ts";
import { NX_HIGH, tableOf, tablePfn } from "../state/tables.ts";
import type { Fault } from "../lookup/design.ts";

export const PT_PRESENT_MASK = 0x1;
export const PT_WRITABLE_MASK = 0x2;
export const shadow_user_mask = 0x4;
export const shadow_accessed_mask = 0x20;
export const shadow_dirty_mask = 0x40;
export const PT_PAGE_SIZE_MASK = 0x80;
export const SPTE_HOST_WRITABLE = 0x200;
export const SPTE_MMU_WRITABLE = 0x400;
export const SPTE_MMU_PRESENT_MASK = 0x800;
/** Bit 63, in the high half. */
export const shadow_nx_mask_high = NX_HIGH;

export const is_shadow_present_pte = (lo: number): boolean => (lo & SPTE_MMU_PRESENT_MASK) !== 0;
export const is_large_pte = (lo: number): boolean => (lo & PT_PAGE_SIZE_MASK) !== 0;
export const is_last_spte = (lo: number, level: number): boolean => level === 1 || is_large_pte(lo);
export const is_writable_pte = (lo: number): boolean => (lo & PT_WRITABLE_MASK) !== 0;
export const is_mmu_writable_spte = (lo: number): boolean => (lo & SPTE_MMU_WRITABLE) !== 0;
export const is_accessed_spte = (lo: number): boolean => (lo & shadow_accessed_mask) !== 0;
export const is_dirty_spte = (lo: number): boolean => (lo & shadow_dirty_mask) !== 0;
export const is_executable_pte = (hi: number): boolean => (hi & shadow_nx_mask_high) === 0;
export const spte_to_pfn = (lo: number, hi: number): number => frameOf(lo, hi);

export const is_frozen_spte = (m: Kvm, lo: number, hi: number): boolean =>
  hi === m.kernel.nonpresentHigh && lo === m.kernel.frozenLow;

/** Whether an entry already allows what the fault wants. */
export function is_access_allowed(fault: Fault, lo: number, hi: number): boolean {
  if (fault.exec) return is_executable_pte(hi);
  if (fault.write) return is_writable_pte(lo);
  return (lo & PT_PRESENT_MASK) !== 0;
}

/** spte_to_child_pt() */
export const spte_to_child_pt = (m: Kvm, lo: number, hi: number): number =>
  tableOf(m, frameOf(lo, hi));

/** High half of an entry's address in the kernel's direct map: 0xffff888000000000 + physical. */
export const directMapHigh = (physical: number): number =>
  (0xffff8880 + Math.floor(physical / 2 ** 32)) | 0;

/** Low half of a table pointer. */
export const make_nonleaf_spte = routine("make_nonleaf_spte", (m: Kvm, table: number): number =>
  frameLow(
    tablePfn(m, table),
    SPTE_MMU_PRESENT_MASK |
      PT_PRESENT_MASK |
      PT_WRITABLE_MASK |
      shadow_user_mask |
      shadow_accessed_mask,
  ),
);
