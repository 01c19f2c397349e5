// The frame around every lookup: snapshot of the sequence, tests before and after, error pfns. Same
// in all designs; each design's faultin routine is built of these.
// From: arch/x86/kvm/mmu/mmu.c (kvm_faultin_pfn 6.12, kvm_mmu_faultin_pfn 7.2,
// kvm_handle_error_pfn).
import { EFAULT } from "../host/gup.ts";
import { KVM_MEMSLOT_INVALID, PfnError } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { notSimulated } from "../state/not-simulated.ts";
import type { Fault } from "./design.ts";
import { memslotAt, mmu_invalidate_retry_gfn } from "./memslot.ts";

/** READ 1 of the sequence: before anything of the host is looked at. */
export function snapshotSequence(m: Kvm, fault: Fault): void {
  fault.mmu_seq = m.kvm.mmu_invalidate_seq;
  fault.pfnError = PfnError.none;
}

export const handleNoSlot = (): never => notSimulated("An access to a gfn without memslot (MMIO)");

export const isInvalidSlot = (m: Kvm, fault: Fault): boolean =>
  (memslotAt(m, fault.slot).flags & KVM_MEMSLOT_INVALID) !== 0;

/** READ 2 and READ 3: without mmu_lock, to give up early. */
export const checkInvalidation = (m: Kvm, fault: Fault): boolean =>
  mmu_invalidate_retry_gfn(m, fault.mmu_seq, fault.gfn);

/** kvm_handle_error_pfn(): what KVM_RUN will return. */
export function handleErrorPfn(fault: Fault): number {
  if (fault.pfnError === PfnError.roFault) notSimulated("Emulation of a write to read-only memory");
  return EFAULT;
}
