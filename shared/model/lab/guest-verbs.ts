// Verbs of the guest: one entry each, with the registers that lead to its stub.
// `show` says how many bytes of the result are printed.
// From: the lab's agent (go, verb, leaf_addr, ptflags).
import { routine } from "#shared/engine/routine";
import { int } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, set, when } from "#shared/engine/words";
import { ResultForm } from "#shared/events/lab";
import { EventId } from "#shared/events/table";
import type { PlanStep } from "#shared/scenario/plan";
import type { Verb } from "#shared/scenario/vocabulary";
import { highHalf, lowHalf } from "#shared/units/halves";
import * as g from "../guest/layout.ts";
import * as contents from "../host/contents.ts";
import { presentPte, ptePfn } from "../host/pgtable.ts";
import { kvm_arch_vcpu_ioctl_run } from "../kvm/x86.ts";
import {
  KVM_EXIT_INTERNAL_ERROR,
  KVM_EXIT_MMIO,
  MmioPhase,
  SVM_EXIT_EXCEPTION_OUT,
} from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { notSimulated } from "../state/not-simulated.ts";
import { emitResult } from "./results.ts";
import { stepAt, verbLocals, type At, type VerbRoutine } from "./step.ts";
import { makeVcpus, setSregs } from "./vcpus.ts";

/** Registers of a guest step. */
interface Registers {
  readonly rip: number;
  readonly lo?: number;
  readonly hi?: number;
  readonly raxLo?: number;
  readonly raxHi?: number;
  readonly rcx?: number;
  readonly user?: boolean;
  /** Bytes of the value to show; 0 for none. */
  readonly show: number;
}

/** Registers for each guest verb; null for a faulty line. */
type Prepare = (m: Kvm, step: PlanStep) => Registers | null;

const codeBase = (user: boolean): number => (user ? g.USER_CODE_GVA : g.CODE_GPA);
const P_BIT = 1;
/** Bits of an entry's address in its high half. */
const ADDRESS_HIGH = 0xfffff;

/**
 * Guest address of the entry of `level` for an address, by the guest's own tables; null outside
 * slot 0.
 */
export function guestEntryAddress(m: Kvm, lo: number, hi: number, level: number): number | null {
  const index = [
    0,
    (lo >>> 12) & 511,
    (lo >>> 21) & 511,
    ((hi & 0x7f) << 2) | (lo >>> 30),
    (hi >>> 7) & 511,
  ];
  let table = g.PML4_GPA;
  for (let at = 4; at > level; at--) {
    const pfn = ptePfn(m, presentPte(m, g.SYS_HVA + table));
    const entry = contents.readLow(m, pfn, index[at] ?? 0);
    table = entry & ~0xfff;
    const isHigh = (contents.readHigh(m, pfn, index[at] ?? 0) & ADDRESS_HIGH) !== 0;
    if ((entry & P_BIT) === 0 || isHigh || table < 0 || table >= g.SYS_SIZE) return null;
  }
  return table + 8 * (index[level] ?? 0);
}

const FLAG_BITS: Readonly<Record<string, number>> = {
  p: 1,
  w: 2,
  u: 4,
  a: 0x20,
  d: 0x40,
  s: 0x80,
  g: 0x100,
};
const NX_HIGH = 0x80000000 | 0;

/** Value of a guest entry: address and flag letters. */
export function entryValue(gpa: number, flags: string): { lo: number; hi: number } {
  let lo = lowHalf(gpa);
  for (const letter of flags) lo |= FLAG_BITS[letter] ?? 0;
  return { lo, hi: highHalf(gpa) | (flags.includes("x") ? NX_HIGH : 0) };
}

function entryWrite(m: Kvm, step: PlanStep, level: number): Registers | null {
  if (step.verb !== "gpte" && step.verb !== "gpde") return null;
  const { gva, gpa, flags } = step.args;
  const address = guestEntryAddress(m, gva.lo, gva.hi, level);
  if (address === null) return null;
  const value = entryValue(gpa, flags);
  return {
    rip: g.CODE_GPA + g.STUB.write[8],
    lo: address,
    raxLo: value.lo,
    raxHi: value.hi,
    show: 0,
  };
}

const PREPARE: Partial<Record<Verb, Prepare>> = {
  boot: () => ({ rip: g.CODE_GPA + g.STUB.read[8], lo: g.SYSTEM_GPA + 0x800, show: 8 }),
  gread: (m, step) => {
    if (step.verb !== "gread") return null;
    const { gva, width, user } = step.args;
    return { rip: codeBase(user) + g.STUB.read[width], lo: gva.lo, hi: gva.hi, user, show: width };
  },
  gwrite: (m, step) => {
    if (step.verb !== "gwrite") return null;
    const { gva, value, width, user } = step.args;
    const rip = codeBase(user) + g.STUB.write[width];
    return { rip, lo: gva.lo, hi: gva.hi, raxLo: value.lo, raxHi: value.hi, user, show: 0 };
  },
  gxadd: (m, step) => {
    if (step.verb !== "gxadd") return null;
    const { gva, value, user } = step.args;
    const rip = codeBase(user) + g.STUB.xadd;
    return { rip, lo: gva.lo, hi: gva.hi, raxLo: value.lo, raxHi: value.hi, user, show: 8 };
  },
  gtouch: (m, step) => {
    if (step.verb !== "gtouch") return null;
    const { gva, count, access, user } = step.args;
    const rip = codeBase(user) + (access === "w" ? g.STUB.touchWrite : g.STUB.touchRead);
    return { rip, lo: gva.lo, hi: gva.hi, raxLo: 0x77, rcx: count, user, show: 0 };
  },
  gexec: (m, step) => {
    if (step.verb !== "gexec") return null;
    const { gva, user } = step.args;
    return { rip: (gva.hi >>> 0) * 2 ** 32 + (gva.lo >>> 0), user, show: 0 };
  },
  ginvlpg: (m, step) => {
    if (step.verb !== "ginvlpg") return null;
    return { rip: g.CODE_GPA + g.STUB.invlpg, lo: step.args.gva.lo, hi: step.args.gva.hi, show: 0 };
  },
  gcr3: (m, step) => {
    if (step.verb !== "gcr3") return null;
    const { gpa } = step.args;
    return { rip: g.CODE_GPA + g.STUB.cr3, lo: lowHalf(gpa), hi: highHalf(gpa), show: 0 };
  },
  gpte: (m, step) => entryWrite(m, step, 1),
  gpde: (m, step) => entryWrite(m, step, 2),
};

/** KVM_SET_SREGS is called only when the privilege level changes: what it must be, or -1. */
function newCpl(m: Kvm, at: At): number {
  const step = stepAt(m, at);
  makeVcpus(m, step.vcpu);
  const registers = PREPARE[step.verb]?.(m, step) ?? null;
  const cpl = registers?.user === true ? 3 : 0;
  return registers === null || m.vcpus[step.vcpu]?.cpl === cpl ? -1 : cpl;
}

/**
 * An access that the VMM gave up is finished by the next KVM_RUN. A write's instruction was done
 * when it left; a read's would go on with the new registers.
 */
function dropAnswer(vcpu: Kvm["vcpus"][number]): void {
  if (vcpu.mmioPhase === MmioPhase.read)
    notSimulated("A guest step after a read that the VMM gave up");
  vcpu.mmioPhase = MmioPhase.none;
}

/** Sets the vCPU's registers. False for a faulty line. */
function prepareGuest(m: Kvm, at: At): boolean {
  const step = stepAt(m, at);
  const vcpu = m.vcpus[step.vcpu];
  const registers = PREPARE[step.verb]?.(m, step) ?? null;
  if (registers === null || vcpu === undefined) {
    emitResult(m, ResultForm.planError);
    return false;
  }
  dropAnswer(vcpu);
  vcpu.rip = registers.rip;
  vcpu.rdi.lo = registers.lo ?? 0;
  vcpu.rdi.hi = registers.hi ?? 0;
  vcpu.rax.lo = registers.raxLo ?? 0;
  vcpu.rax.hi = registers.raxHi ?? 0;
  vcpu.rcx = registers.rcx ?? 0;
  return true;
}

/** Suberror of an instruction that KVM could not emulate. */
const KVM_INTERNAL_ERROR_EMULATION = 1;

function reportGuest(m: Kvm, at: At, r: number): void {
  const step = stepAt(m, at);
  const vcpu = m.vcpus[step.vcpu];
  if (vcpu === undefined) return;
  if (r < 0) {
    vcpu.pending = 0;
    vcpu.injected = 0;
    emitResult(m, ResultForm.errno, -r, 0, vcpu.exit_reason);
    vcpu.exit_reason = 0;
    return;
  }
  if (vcpu.exit_reason === KVM_EXIT_INTERNAL_ERROR) {
    emitResult(m, ResultForm.internalError, KVM_INTERNAL_ERROR_EMULATION);
    return;
  }
  if (vcpu.exit_code === SVM_EXIT_EXCEPTION_OUT) {
    const { cr2, pf_error_code } = vcpu;
    emitResult(m, ResultForm.pageFault, cr2.lo, cr2.hi, pf_error_code);
    return;
  }
  const width = PREPARE[step.verb]?.(m, step)?.show ?? 0;
  if (width === 0) emitResult(m, ResultForm.ok);
  else
    emitResult(m, ResultForm.okValue, maskLow(vcpu.rax.lo, width), width === 8 ? vcpu.rax.hi : 0);
}

const maskLow = (lo: number, width: number): number =>
  width >= 4 ? lo : lo & (2 ** (8 * width) - 1);

/** As often as the VMM enters the guest for one step. */
const MOST_RUNS = 40;

const isMmioExit = (m: Kvm, id: number): boolean => m.vcpus[id]?.exit_reason === KVM_EXIT_MMIO;

/** A byte of what the VMM answers to every read of nothing. */
const MMIO_BYTE = 0x5a5a5a5a;

/** Prints the access, and answers a read. */
function answerMmio(m: Kvm, id: number): void {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined) return;
  const { mmioPhase, mmioGpa, mmioLength, mmioData } = vcpu;
  const isWrite = mmioPhase === MmioPhase.write ? 1 : 0;
  const lo = isWrite === 1 ? mmioData.lo : 0;
  const hi = isWrite === 1 ? mmioData.hi : 0;
  m.emit(EventId.labMmio, isWrite, mmioGpa, highHalf(mmioGpa), mmioLength, lo, hi);
  if (isWrite === 1) return;
  mmioData.lo = maskLow(MMIO_BYTE, mmioLength);
  mmioData.hi = mmioLength === 8 ? MMIO_BYTE : 0;
}

const guestStep = routine(
  "guestStep",
  { ...verbLocals, vcpu: int, r: int, runs: int, cpl: int },
  (own, m: Kvm) => [
    act("V0", () => {
      own.vcpu = stepAt(m, own).vcpu;
      own.cpl = newCpl(m, own);
    }),
    when(() => own.cpl >= 0, [call(setSregs, { vcpu: "vcpu", cpl: "cpl" })]),
    when(
      act("V1", () => prepareGuest(m, own)),
      [],
      [done()],
    ),
    loop(
      call(kvm_arch_vcpu_ioctl_run, { vcpu: "vcpu" }, "r"),
      set("runs", () => own.runs + 1),
      when(() => own.r < 0 || !isMmioExit(m, own.vcpu), [leave]),
      act("V1m", () => answerMmio(m, own.vcpu)),
      when(() => own.runs < MOST_RUNS, [again]),
      act("V2g", () => emitResult(m, ResultForm.gaveUp)),
      done(),
    ),
    act("V2", () => reportGuest(m, own, own.r)),
    done(),
  ],
) as unknown as VerbRoutine;

export const GUEST_VERBS: ReadonlyMap<Verb, VerbRoutine> = new Map(
  (Object.keys(PREPARE) as Verb[]).map((verb) => [verb, guestStep]),
);
