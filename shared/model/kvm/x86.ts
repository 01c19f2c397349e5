// KVM_RUN: enters the guest, handles its exits, returns to user space for an out instruction or an
// error.
// From: arch/x86/kvm/x86.c (kvm_arch_vcpu_ioctl_run, vcpu_run, vcpu_enter_guest), svm/svm.c
// (npf_interception), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int } from "#shared/engine/struct";
import { act, again, call, done, loop, when } from "#shared/engine/words";
import { TlbScope } from "#shared/events/own";
import { EventId } from "#shared/events/table";
import { highHalf } from "#shared/units/halves";
import { complete_emulated_mmio } from "./emulate.ts";
import { runGuest } from "../guest/instruction.ts";
import { flushTlb } from "../guest/tlb.ts";
import { endsRace, race_end } from "../host/lab-race.ts";
import {
  KVM_EXIT_IO,
  KVM_EXIT_UNKNOWN,
  KVM_REQ_MMU_FREE_OBSOLETE_ROOTS,
  KVM_REQ_MMU_SYNC,
  MmioPhase,
  SVM_EXIT_INVLPG,
  SVM_EXIT_NPF,
  SVM_EXIT_PF,
  SVM_EXIT_WRITE_CR3,
} from "../state/kvm.ts";
import { kvm_vcpu_srcu_read_lock, kvm_vcpu_srcu_read_unlock } from "../lookup/memslot.ts";
import type { Kvm } from "../state/machine.ts";
import { cr_interception, invlpg_interception } from "./intercepts.ts";
import { kvm_mmu_page_fault } from "./mmu.ts";
import { kvm_mmu_unprotect_page_virt } from "./unprotect.ts";
import { kvm_mmu_free_obsolete_roots, kvm_mmu_load, kvm_mmu_sync_roots } from "./roots.ts";

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
    exit_info_2.lo,
    exit_info_2.hi,
    exit_info_1.lo,
    exit_info_1.hi,
  );
}

const npf_interception = routine("npf_interception", vcpuLocals, (own, m: Kvm) => [
  act("X0", () => {
    kvm_vcpu_srcu_read_lock(m, own.vcpu);
    recordPageFault(m, own.vcpu);
    if (endsRace(m)) own.r = 1;
  }),
  when(() => own.r !== 0, [call(race_end)]),
  call(kvm_mmu_page_fault, { vcpu: "vcpu" }, "r"),
  done("r"),
]);

/** kvm_handle_page_fault(): a page fault of the guest, which shadow paging takes first. */
const pf_interception = routine("pf_interception", vcpuLocals, (own, m: Kvm) => [
  when(
    act("X0", () => {
      kvm_vcpu_srcu_read_lock(m, own.vcpu);
      recordPageFault(m, own.vcpu);
      if (endsRace(m)) own.r = 1;
      return m.kernel.unprotectsBeforeDelivery && m.vcpus[own.vcpu]?.injected === 1;
    }),
    [call(kvm_mmu_unprotect_page_virt, { vcpu: "vcpu" })],
  ),
  when(() => own.r !== 0, [call(race_end)]),
  call(kvm_mmu_page_fault, { vcpu: "vcpu" }, "r"),
  done("r"),
]);

/** kvm_check_request() of all that matter here: takes them off and gives them. */
function takeRequests(m: Kvm, id: number): number {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined) return 0;
  const { requests } = vcpu;
  vcpu.requests = 0;
  return requests;
}

/** kvm_check_and_inject_events(): a page fault of the guest that waits is given to the CPU. */
function injectEvents(m: Kvm, id: number): void {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined || vcpu.pending === 0) return;
  m.emit(EventId.kvm_inj_exception, VECTOR_PF, 1, vcpu.pf_error_code, vcpu.injected);
}

const VECTOR_PF = 14;

/** Requests, events, the root: what comes before the guest is entered. 0 or a negative errno. */
const prepareEntry = routine("prepareEntry", { vcpu: int, r: int, todo: int }, (own, m: Kvm) => [
  act("R0", () => (own.todo = takeRequests(m, own.vcpu))),
  when(
    () => (own.todo & KVM_REQ_MMU_FREE_OBSOLETE_ROOTS) !== 0,
    [call(kvm_mmu_free_obsolete_roots, { vcpu: "vcpu" })],
  ),
  when(() => (own.todo & KVM_REQ_MMU_SYNC) !== 0, [call(kvm_mmu_sync_roots, { vcpu: "vcpu" })]),
  when(
    act("R0i", () => {
      injectEvents(m, own.vcpu);
      return m.vcpus[own.vcpu]?.root === 0;
    }),
    [call(kvm_mmu_load, { vcpu: "vcpu" }, "r")],
  ),
  done("r"),
]);

/** One entry and its exit. Result: 1 to go on, 0 for user space, or a negative errno. */
const vcpu_enter_guest = routine("vcpu_enter_guest", vcpuLocals, (own, m: Kvm) => [
  call(prepareEntry, { vcpu: "vcpu" }, "r"),
  when(() => own.r < 0, [done("r")]),
  // MODEL: the TLB is empty at every entry, as in the emulated CPU that the traces come from; real
  // ones keep it.
  act("K", () => {
    kvm_vcpu_srcu_read_unlock(m, own.vcpu);
    flushTlb(m, own.vcpu, TlbScope.vcpu);
  }),
  call(runGuest, { vcpu: "vcpu" }, "r"),
  when(() => own.r === SVM_EXIT_NPF, [call(npf_interception, { vcpu: "vcpu" }, "r"), done("r")]),
  when(() => own.r === SVM_EXIT_PF, [call(pf_interception, { vcpu: "vcpu" }, "r"), done("r")]),
  when(() => own.r === SVM_EXIT_INVLPG, [call(invlpg_interception, { vcpu: "vcpu" }), done(1)]),
  when(() => own.r === SVM_EXIT_WRITE_CR3, [call(cr_interception, { vcpu: "vcpu" }), done(1)]),
  act("K.o", () => leaveForIo(m, own.vcpu)),
  done(0),
]);

/** True when user space has answered an access, which is to be finished first. */
function beginRun(m: Kvm, id: number): boolean {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined) return false;
  kvm_vcpu_srcu_read_lock(m, id);
  if (m.kernel.clearsExitReason) vcpu.exit_reason = KVM_EXIT_UNKNOWN;
  return vcpu.mmioPhase !== MmioPhase.none;
}

function leaveForIo(m: Kvm, id: number): void {
  const vcpu = m.vcpus[id];
  if (vcpu !== undefined) vcpu.exit_reason = KVM_EXIT_IO;
}

function leaveRun(m: Kvm, id: number, r: number): void {
  kvm_vcpu_srcu_read_unlock(m, id);
  m.emit(EventId.kvmRun, id, r, 0);
}

/** KVM_RUN. Result: 0 when the guest came to an out instruction, or a negative errno. */
export const kvm_arch_vcpu_ioctl_run = routine(
  "kvm_arch_vcpu_ioctl_run",
  vcpuLocals,
  (own, m: Kvm) => [
    when(
      act("K.i", () => beginRun(m, own.vcpu)),
      [
        call(complete_emulated_mmio, { vcpu: "vcpu" }, "r"),
        when(
          () => own.r === 0,
          [act("K.m", () => kvm_vcpu_srcu_read_unlock(m, own.vcpu)), done(0)],
        ),
      ],
    ),
    loop(
      call(vcpu_enter_guest, { vcpu: "vcpu" }, "r"),
      when(() => own.r <= 0, [act("K.x", () => leaveRun(m, own.vcpu, own.r)), done("r")]),
      again,
    ),
  ],
);
