// From a gfn to its memslot and host address, and whether an invalidation makes a lookup useless.
// Reads memslots and the invalidation counters only; writers are in kvm/.
// From: virt/kvm/kvm_main.c (__gfn_to_hva_many, gfn_to_memslot), include/linux/kvm_host.h
// (mmu_invalidate_retry_gfn, mmu_invalidate_retry_gfn_unsafe), 6.12 and 7.2 alike.
import { routine } from "#shared/engine/routine";
import * as k from "../state/kvm.ts";
import { PfnError } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import type { Fault } from "./design.ts";

export type Memslot = ReturnType<typeof k.kvm_memory_slot.at>;
export const memslotAt = (m: Kvm, cell: number): Memslot => k.kvm_memory_slot.at(m, cell);

/** Cell of the slot that holds the gfn, 0 for none. */
export function gfn_to_memslot(m: Kvm, gfn: number): number {
  for (let cell: number = m.kvm.memslots; cell !== 0;) {
    const slot = memslotAt(m, cell);
    const base = slot.base_gfn;
    if (gfn < base) return 0;
    if (gfn < base + slot.npages) return cell;
    cell = slot.next;
  }
  return 0;
}

export const kvm_vcpu_gfn_to_memslot = routine("kvm_vcpu_gfn_to_memslot", gfn_to_memslot);

export const gfnToHva = (slot: Memslot, gfn: number): number =>
  slot.userspace_addr + (gfn - slot.base_gfn) * 4096;

/**
 * __gfn_to_hva_many(): sets the fault's hva, or its error. True when there is an address. A slot
 * that
 * became invalid since the fault looked is another copy in the kernel: the fault goes on with its
 * own.
 */
export function findHva(m: Kvm, fault: Fault): boolean {
  const slot = memslotAt(m, fault.slot);
  if (fault.write && (slot.flags & k.KVM_MEM_READONLY) !== 0) {
    fault.pfnError = PfnError.roFault;
    return false;
  }
  fault.hva = gfnToHva(slot, fault.gfn);
  return true;
}

/** A read-only slot never gives a writable mapping, whatever the host's entry says. */
export const mayBeWritable = (m: Kvm, fault: Fault): boolean =>
  (memslotAt(m, fault.slot).flags & k.KVM_MEM_READONLY) === 0;

function isInvalidating(m: Kvm, fault: Fault): boolean {
  const { kvm } = m;
  const at = m.kernel.invalidatesByAddress ? fault.hva : fault.gfn;
  return (
    kvm.mmu_invalidate_in_progress !== 0 &&
    at >= kvm.mmu_invalidate_range_start &&
    at < kvm.mmu_invalidate_range_end
  );
}

/**
 * In 6.1 mmu_invalidate_retry_hva(). Without mmu_lock, so the answer may be old; under it the same
 * test is exact.
 */
export const mmu_invalidate_retry_gfn = (m: Kvm, fault: Fault): boolean =>
  isInvalidating(m, fault) || m.kvm.mmu_invalidate_seq !== fault.mmu_seq;

/** Slots that a vCPU has looked up stay as they are until it goes on into the guest. */
export function kvm_vcpu_srcu_read_lock(m: Kvm, id: number): void {
  const vcpu = m.vcpus[id];
  if (vcpu !== undefined) vcpu.srcu_read = m.kvm.srcu_period + 1;
}

export function kvm_vcpu_srcu_read_unlock(m: Kvm, id: number): void {
  const vcpu = m.vcpus[id];
  if (vcpu !== undefined) vcpu.srcu_read = 0;
}
