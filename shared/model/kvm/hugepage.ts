// How large a page a fault may map: what the memslot allows, what the host maps, what is shadowed.
// From: kvm_mmu_hugepage_adjust(), kvm_mmu_max_mapping_level(), host_pfn_mapping_level()
// (arch/x86/kvm/mmu/mmu.c), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { EventId } from "#shared/events/table";
import { frameInside, roundFrame } from "#shared/units/address";
import { highHalf } from "#shared/units/halves";
import * as pt from "../host/pgtable.ts";
import type { Fault } from "../lookup/design.ts";
import { gfnToHva, memslotAt } from "../lookup/memslot.ts";
import { KVM_MEM_LOG_DIRTY_PAGES } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { isHugeForbidden } from "./slot-arch.ts";

const TOP_LEVEL = 3;

/** Level of the host's own entry for an address; interrupts are off, so it is one look. */
const host_pfn_mapping_level = routine("host_pfn_mapping_level", (m: Kvm, hva: number): number => {
  for (let level = TOP_LEVEL; level > 1; level--) {
    const cell = pt.entryCell(m, hva, level);
    const lo = cell === 0 ? 0 : pt.pteLow(m, cell);
    // pmd_present(): a huge page without access is one all the same.
    if (!pt.isPresent(lo)) return 1;
    if ((lo & pt._PAGE_PSE) !== 0) return level;
  }
  return 1;
});

/** Highest level that slot, shadowed tables and host allow for a gfn. */
export const kvm_mmu_max_mapping_level = routine(
  "kvm_mmu_max_mapping_level",
  (m: Kvm, slotCell: number, gfn: number, maxLevel: number): number => {
    const slot = memslotAt(m, slotCell);
    let level = Math.min(maxLevel, TOP_LEVEL);
    while (level > 1 && isHugeForbidden(m, slot, gfn, level)) level--;
    return level === 1 ? 1 : Math.min(level, host_pfn_mapping_level(m, gfnToHva(slot, gfn)));
  },
);

/** Decides the fault's level and takes the frame down to that of its first page. */
export const kvm_mmu_hugepage_adjust = routine(
  "kvm_mmu_hugepage_adjust",
  (m: Kvm, fault: Fault): void => {
    if (fault.max_level === 1 || fault.slot === 0) return;
    if ((memslotAt(m, fault.slot).flags & KVM_MEM_LOG_DIRTY_PAGES) !== 0) return;
    const level = kvm_mmu_max_mapping_level(m, fault.slot, fault.gfn, fault.max_level);
    fault.req_level = level;
    fault.goal_level = level;
    const { pfn } = fault;
    fault.pfn = roundFrame(pfn, level);
  },
);

/** KVM_PFN_NOSLOT, as the event prints it: bit 63 alone. */
const NOSLOT_HIGH = 0x80000000 | 0;

/** The event prints the 4 KiB frame also where a huge page is wanted. */
export function recordRequested(m: Kvm, fault: Fault, access: number): void {
  const { gfn, goal_level } = fault;
  const pfn = fault.slot === 0 ? 0 : fault.pfn + frameInside(gfn, goal_level);
  const high = fault.slot === 0 ? NOSLOT_HIGH : highHalf(pfn);
  m.emit(EventId.kvm_mmu_spte_requested, gfn, highHalf(gfn), pfn, high, goal_level, access);
}
