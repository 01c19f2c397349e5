// What the emulator's paths share: the running instruction, the trace of an MMIO access, whether an
// address is known to be MMIO, and going on behind the instruction.
// From: arch/x86/kvm/x86.c (vcpu_mmio_gva_to_gpa, trace_kvm_mmio), 6.12 and 7.2.
import { EventId } from "#shared/events/table";
import { highHalf, type Word } from "#shared/units/halves";
import { stubAt, type Instruction } from "../guest/instruction.ts";
import type { Kvm } from "../state/machine.ts";
import { lengthAt, userBit } from "./decode.ts";
import { isCachedMmioGva } from "./mmio.ts";
import { permission_fault, PFERR_WRITE_MASK } from "./paging64.ts";
import { accReadMask } from "./role.ts";

type Vcpu = Kvm["vcpus"][number];

const NO_ADDRESS: Word = { lo: 0, hi: 0 };
export const addressOf = (m: Kvm, id: number): Word => m.vcpus[id]?.rdi ?? NO_ADDRESS;

export const instructionOf = (m: Kvm, id: number): Instruction | null =>
  stubAt(m.vcpus[id]?.rip ?? 0);

export const MmioType = { unsatisfiedRead: 0, read: 1, write: 2 } as const;

export function recordMmio(m: Kvm, type: number, length: number, gpa: number, value: Word): void {
  m.emit(EventId.kvm_mmio, type, length, gpa, highHalf(gpa), value.lo, value.hi);
}

/** The guest goes on behind the instruction; a touch loop is one to the model. */
export function finishInstruction(vcpu: Vcpu): void {
  const { rip } = vcpu;
  if (stubAt(rip)?.op === "touch") vcpu.isEmulated = 1;
  else vcpu.rip = rip + lengthAt(rip);
}

/** The last MMIO access was to this page, and its rights suffice. */
export function isCachedFor(m: Kvm, vcpu: Vcpu, isWrite: boolean): boolean {
  if (!isCachedMmioGva(m, vcpu, vcpu.rdi)) return false;
  // The cache keeps no right to read, where the kernel counts reading as a right.
  if (!isWrite && accReadMask(m) !== 0) return false;
  const access = (isWrite ? PFERR_WRITE_MASK : 0) | userBit(vcpu);
  return !permission_fault(m, vcpu, vcpu.mmio_access, access);
}
