// The frame around every lookup: snapshot of the sequence, tests before and after, error pfns. Same
// in all designs; each design's faultin routine is built of these.
// From: arch/x86/kvm/mmu/mmu.c (kvm_faultin_pfn 6.12, kvm_mmu_faultin_pfn 7.2,
// kvm_handle_error_pfn).
import { EFAULT } from "../host/gup.ts";
import { KVM_MEMSLOT_INVALID, PfnError } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { RET_PF_EMULATE, type Fault } from "./design.ts";
import { memslotAt, mmu_invalidate_retry_gfn } from "./memslot.ts";

/** READ 1 of the sequence: before anything of the host is looked at. */
export function snapshotSequence(m: Kvm, fault: Fault): void {
  fault.mmu_seq = m.kvm.mmu_invalidate_seq;
  fault.pfnError = PfnError.none;
}

const ACCESS_WU = 6;

/**
 * kvm_handle_noslot_fault(): the vCPU remembers the gfn as MMIO, and the fault goes on to make an
 * MMIO entry. vcpu_cache_mmio_info() keeps the rights W and U only.
 */
export function kvm_handle_noslot_fault(m: Kvm, fault: Fault): void {
  const vcpu = m.vcpus[fault.vcpu];
  if (vcpu === undefined) return;
  vcpu.mmio_gfn = fault.gfn + 1;
  vcpu.mmio_access = fault.access & ACCESS_WU;
  vcpu.mmio_gva.lo = m.mode === "npt0" ? fault.addr.lo & ~0xfff : 0;
  vcpu.mmio_gva.hi = m.mode === "npt0" ? fault.addr.hi : 0;
  vcpu.mmio_gen = m.kvm.generation;
  fault.pfn = 0;
  fault.pfnError = PfnError.noslot;
  fault.map_writable = false;
  fault.refcounted_page = 0;
}

export const isInvalidSlot = (m: Kvm, fault: Fault): boolean =>
  (memslotAt(m, fault.slot).flags & KVM_MEMSLOT_INVALID) !== 0;

/** READ 2 and READ 3: without mmu_lock, to give up early. */
export const checkInvalidation = (m: Kvm, fault: Fault): boolean =>
  m.kernel.checksInvalidationEarly && mmu_invalidate_retry_gfn(m, fault);

/** kvm_handle_error_pfn(): what KVM_RUN will return. */
export const handleErrorPfn = (fault: Fault): number =>
  fault.pfnError === PfnError.roFault ? RET_PF_EMULATE : EFAULT;
