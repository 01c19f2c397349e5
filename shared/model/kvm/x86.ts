// KVM_RUN: enters the guest, handles its exits, returns to user space for an out instruction or an
// error.
// From: arch/x86/kvm/x86.c (kvm_arch_vcpu_ioctl_run, vcpu_run, vcpu_enter_guest), svm/svm.c
// (npf_interception), mmu/mmu.c (kvm_mmu_load), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int } from "#shared/engine/struct";
import { act, again, call, done, loop, when } from "#shared/engine/words";
import { LockCode, TlbScope } from "#shared/events/own";
import { EventId } from "#shared/events/table";
import { highHalf } from "#shared/units/halves";
import { runGuest } from "../guest/instruction.ts";
import { flushTlb } from "../guest/tlb.ts";
import { releaseLock, takeLock } from "../host/locks.ts";
import { SVM_EXIT_NPF } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { kvm_mmu_page_fault } from "./mmu.ts";
import { kvm_tdp_mmu_alloc_root } from "./tdp-mmu.ts";

const vcpuLocals = { vcpu: int, r: int } as const;

function recordPageFault(m: Kvm, id: number): void {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined) return;
  const { rip, exit_info_1, exit_info_2 } = vcpu;
  m.emit(
    EventId.kvm_page_fault,
    id,
    rip,
    highHalf(rip),
    exit_info_2,
    highHalf(exit_info_2),
    exit_info_1.lo,
    exit_info_1.hi,
  );
}

const npf_interception = routine("npf_interception", vcpuLocals, (own, m: Kvm) => [
  act("X0", () => recordPageFault(m, own.vcpu)),
  call(kvm_mmu_page_fault, { vcpu: "vcpu" }, "r"),
  done("r"),
]);

const kvm_mmu_load = routine("kvm_mmu_load", vcpuLocals, (own, m: Kvm) => [
  takeLock(m, "R1", () => m.kvm.mmu_lock, "read", LockCode.mmu_lock),
  act("R2", () => {
    const vcpu = m.vcpus[own.vcpu];
    if (vcpu !== undefined) vcpu.root = kvm_tdp_mmu_alloc_root(m) as typeof vcpu.root;
  }),
  releaseLock(m, "R3", () => m.kvm.mmu_lock, "read", LockCode.mmu_lock),
  done(0),
]);

const hasRoot = (m: Kvm, id: number): boolean => (m.vcpus[id]?.root ?? 0) !== 0;

/** One entry and its exit. Result: 1 to go on, 0 for user space, or a negative errno. */
const vcpu_enter_guest = routine("vcpu_enter_guest", vcpuLocals, (own, m: Kvm) => [
  when(
    act("R0", () => !hasRoot(m, own.vcpu)),
    [call(kvm_mmu_load, { vcpu: "vcpu" })],
  ),
  // MODEL: the TLB is empty at every entry, as in the emulated CPU that the traces come from; real
  // ones keep it.
  act("K", () => flushTlb(m, own.vcpu, TlbScope.vcpu)),
  call(runGuest, { vcpu: "vcpu" }, "r"),
  when(() => own.r !== SVM_EXIT_NPF, [done(0)]),
  call(npf_interception, { vcpu: "vcpu" }, "r"),
  done("r"),
]);

/** KVM_RUN. Result: 0 when the guest came to an out instruction, or a negative errno. */
export const kvm_arch_vcpu_ioctl_run = routine(
  "kvm_arch_vcpu_ioctl_run",
  vcpuLocals,
  (own, m: Kvm) => [
    loop(
      call(vcpu_enter_guest, { vcpu: "vcpu" }, "r"),
      when(
        () => own.r <= 0,
        [act("K.x", () => m.emit(EventId.kvmRun, own.vcpu, own.r, 0)), done("r")],
      ),
      again,
    ),
  ],
);
