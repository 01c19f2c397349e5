// KVM's tables as cells: where an entry lies, what it holds, which frame a table has. An entry's
// cells hold its value XOR the non-present value, so a fresh table is all zeroes and costs no
// write.
// From: SHADOW_NONPRESENT_VALUE, arch/x86/kvm/mmu/spte.h (6.12, 7.2).
import { KVM_TABLE_PFN, KVM_TABLES } from "./layout.ts";
import type { Kvm } from "./machine.ts";

/** Bit 63 of an entry, in its high half: no execute. */
export const NX_HIGH = 0x80000000 | 0;

export const readSpteLow = (m: Kvm, sptep: number): number => m.mem[sptep] as number;
export const readSpteHigh = (m: Kvm, sptep: number): number =>
  (m.mem[sptep + 1] as number) ^ m.kernel.nonpresentHigh;

export function writeSpte(m: Kvm, sptep: number, lo: number, hi: number): void {
  m.put(sptep, lo);
  m.put(sptep + 1, hi ^ m.kernel.nonpresentHigh);
}

export const tablePfn = (m: Kvm, table: number): number =>
  KVM_TABLE_PFN + (table - m.kvmTables) / 1024;
export const tableOf = (m: Kvm, pfn: number): number => m.kvmTables + (pfn - KVM_TABLE_PFN) * 1024;
export const isTablePfn = (pfn: number): boolean =>
  pfn >= KVM_TABLE_PFN && pfn < KVM_TABLE_PFN + KVM_TABLES;

/** Physical address of an entry, as kvm_mmu_set_spte prints it. */
export function physicalOf(m: Kvm, sptep: number): number {
  const index = Math.floor((sptep - m.kvmTables) / 1024);
  const offset = (sptep - m.kvmTables - index * 1024) * 4;
  return (KVM_TABLE_PFN + index) * 4096 + offset;
}
