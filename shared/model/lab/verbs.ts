// The verbs of the plan language, one routine each: what the VMM does for a line of the plan. A
// routine finds its step through the list and index it is given; it ends with the step's RESULT
// mark.
// From: the lab's agent (verb, go, map_kind, set_slot).
import { routine, type SpineRoutine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, when } from "#shared/engine/words";
import { ResultForm } from "#shared/events/lab";
import type { PlanStep, StepOf } from "#shared/scenario/plan";
import type { Verb } from "#shared/scenario/vocabulary";
import { highHalf, lowHalf } from "#shared/units/halves";
import * as g from "../guest/layout.ts";
import { hostAccess, walkHost } from "../host/access.ts";
import * as contents from "../host/contents.ts";
import { kindNumber } from "../host/kinds.ts";
import { fillMapping, mapKind } from "../host/mmap.ts";
import { presentPte, ptePfn } from "../host/pgtable.ts";
import { do_vmi_munmap, madvise_dontneed, pageAlign } from "../host/unmap.ts";
import { kvm_set_memory_region } from "../kvm/kvm-main.ts";
import { kvm_arch_vcpu_ioctl_run } from "../kvm/x86.ts";
import { SVM_EXIT_EXCEPTION_OUT } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { emitHostResult, emitHva, emitResult } from "./results.ts";

const PAGE = 4096;
const FILL_BATCH = 256 * PAGE;

export const verbLocals = { list: int, i: int } as const;
type VerbLocals = typeof verbLocals;
export type VerbRoutine = SpineRoutine<VerbLocals>;

/** The steps of list 0 are the scenario's; list n those of its n-th thread. */
export const stepsOf = (m: Kvm, list: number): readonly PlanStep[] =>
  list === 0 ? m.plan.steps : (m.plan.threads[list - 1]?.steps ?? []);

interface At {
  readonly list: number;
  readonly i: number;
}

export function stepAt(m: Kvm, at: At): PlanStep {
  const step = stepsOf(m, at.list)[at.i];
  if (step === undefined)
    throw new RangeError(`step ${at.i} of list ${at.list} is not in the plan`);
  return step;
}

/** The step as its verb's; the routine is only ever called for that verb. */
function argsAt<V extends Verb>(m: Kvm, at: At, verb: V): StepOf<V> {
  const step = stepAt(m, at);
  if (step.verb !== verb) throw new TypeError(`step ${step.n} is ${step.verb}, not ${verb}`);
  return step as StepOf<V>;
}

/** A verb that is one act. */
const simple = (name: string, effect: (m: Kvm, at: At) => void): VerbRoutine =>
  routine(name, verbLocals, (own, m: Kvm) => [act("V1", () => effect(m, own)), done()]);

// ---- guest ----

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
    const isHigh = contents.readHigh(m, pfn, index[at] ?? 0) !== 0;
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
function entryValue(gpa: number, flags: string): { lo: number; hi: number } {
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

/** Makes the vCPU if it is new, and sets its registers. False for a faulty line. */
function prepareGuest(m: Kvm, at: At): boolean {
  const step = stepAt(m, at);
  for (let id = 0; id <= step.vcpu; id++) if (m.vcpus[id]?.created === 0) g.resetVcpu(m, id);
  const vcpu = m.vcpus[step.vcpu];
  const registers = PREPARE[step.verb]?.(m, step) ?? null;
  if (registers === null || vcpu === undefined) {
    emitResult(m, ResultForm.planError);
    return false;
  }
  vcpu.rip = registers.rip;
  vcpu.rdi.lo = registers.lo ?? 0;
  vcpu.rdi.hi = registers.hi ?? 0;
  vcpu.rax.lo = registers.raxLo ?? 0;
  vcpu.rax.hi = registers.raxHi ?? 0;
  vcpu.rcx = registers.rcx ?? 0;
  vcpu.cpl = registers.user === true ? 3 : 0;
  return true;
}

function reportGuest(m: Kvm, at: At, r: number): void {
  const step = stepAt(m, at);
  const vcpu = m.vcpus[step.vcpu];
  if (vcpu === undefined) return;
  if (r < 0) {
    vcpu.pending = 0;
    emitResult(m, ResultForm.errno, -r);
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

const guestStep = routine("guestStep", { ...verbLocals, vcpu: int, r: int }, (own, m: Kvm) => [
  when(
    act("V1", () => {
      own.vcpu = stepAt(m, own).vcpu;
      return prepareGuest(m, own);
    }),
    [],
    [done()],
  ),
  call(kvm_arch_vcpu_ioctl_run, { vcpu: "vcpu" }, "r"),
  act("V2", () => reportGuest(m, own, own.r)),
  done(),
]) as unknown as VerbRoutine;

const CONTROL_BITS = {
  wp: { field: "cr0", mask: g.CR0_WP },
  smep: { field: "cr4", mask: g.CR4_SMEP },
  smap: { field: "cr4", mask: g.CR4_SMAP },
  nx: { field: "efer", mask: g.EFER_NX },
} as const;

const setcr = simple("setcr", (m, at) => {
  const { bit, on } = argsAt(m, at, "setcr").args;
  const { field, mask } = CONTROL_BITS[bit];
  for (const vcpu of m.vcpus) vcpu[field] = on === 1 ? vcpu[field] | mask : vcpu[field] & ~mask;
  emitResult(m, ResultForm.hostOk);
});

// ---- host ----

const back = routine("back", { ...verbLocals, at: wide, failed: int }, (own, m: Kvm) => [
  act("V1", () => {
    const { kind, size } = argsAt(m, own, "back").args;
    own.at = hvaOfBacking(m);
    m.mm.backings += 1;
    own.failed = mapKind(m, { start: own.at, size: pageAlign(size), kind: kindNumber(kind) })
      ? 0
      : 1;
  }),
  when(
    () => own.failed === 0,
    [
      loop(
        when(
          act("V2", () => fillNext(m, own)),
          [],
          [leave],
        ),
        again,
      ),
    ],
  ),
  act("V3", () => {
    const hva = hvaOfBacking(m) - BACKING_SPACE;
    emitHva(m, own.failed !== 0 ? ResultForm.hostFailedHva : ResultForm.hostOkHva, hva);
  }),
  done(),
]) as unknown as VerbRoutine;

const FIRST_BACKING = 0x7e0000000000;
const BACKING_SPACE = 0x40000000;
const hvaOfBacking = (m: Kvm): number => FIRST_BACKING + m.mm.backings * BACKING_SPACE;

/** Fills the next part of a new mapping; false when all is filled. */
function fillNext(m: Kvm, own: { list: number; i: number; at: number }): boolean {
  const { kind, size } = argsAt(m, own, "back").args;
  const start = hvaOfBacking(m) - BACKING_SPACE;
  const end = start + pageAlign(size);
  const to = Math.min(end, own.at + FILL_BATCH);
  fillMapping(m, { start, size, kind: kindNumber(kind) }, own.at, to);
  own.at = to;
  return to < end;
}

const slot = simple("slot", (m, at) => {
  const { id, gpa, hva, size, ro, log } = argsAt(m, at, "slot").args;
  const flags = (log ? 1 : 0) | (ro ? 2 : 0);
  emitHostResult(m, kvm_set_memory_region(m, { slot: id, flags, gpa, size, hva }));
});

/** A tracked page prints no RESULT; its state is read after each step. */
const track = simple("track", () => undefined);

const accessLocals = { ...verbLocals, hva: wide, write: int, signal: int } as const;

const hostStep = (
  name: string,
  place: (step: PlanStep) => number,
  write: number,
  effect: (m: Kvm, step: PlanStep, pfn: number, offset: number) => void,
): VerbRoutine =>
  routine(name, accessLocals, (own, m: Kvm) => [
    act("V1", () => {
      own.hva = place(stepAt(m, own));
      own.write = write;
    }),
    call(hostAccess, { hva: "hva", write: "write" }, "signal"),
    when(
      () => own.signal !== 0,
      [act("V2", () => emitResult(m, ResultForm.hostSignal, own.signal)), done()],
    ),
    act("V3", () => effect(m, stepAt(m, own), walkHost(m, own.hva, write), own.hva % PAGE)),
    done(),
  ]) as unknown as VerbRoutine;

const hvaOf = (step: PlanStep): number => ("hva" in step.args ? step.args.hva : 0);

const hread = hostStep("hread", hvaOf, 0, (m, _step, pfn, offset) => {
  const lo = contents.loadLow(m, pfn, offset, 8);
  emitResult(m, ResultForm.hostOkValue, lo, contents.readHigh(m, pfn, offset >> 3));
});
const hwrite = hostStep("hwrite", hvaOf, 1, (m, step, pfn, offset) => {
  if (step.verb !== "hwrite") return;
  contents.store(m, pfn, offset, 8, step.args.value.lo, step.args.value.hi);
  emitResult(m, ResultForm.hostOk);
});
/** nop; out %al,$0x10: three bytes. */
const hcode = hostStep("hcode", hvaOf, 1, (m, _step, pfn, offset) => {
  contents.store(m, pfn, offset, 2, 0xe690, 0);
  contents.store(m, pfn, offset + 2, 1, 0x10, 0);
  emitResult(m, ResultForm.hostOk);
});

/** Touches each page of a range in turn; the first signal ends it. */
const rangeStep = (
  name: string,
  rangeOf: (step: PlanStep) => { hva: number; size: number; write: number },
  visit: (m: Kvm, step: PlanStep, pfn: number) => void,
  end: (m: Kvm, signal: number) => void,
): VerbRoutine =>
  routine(name, { ...accessLocals, to: wide }, (own, m: Kvm) => [
    act("V1", () => {
      const { hva, size, write } = rangeOf(stepAt(m, own));
      own.hva = hva;
      own.to = hva + size;
      own.write = write;
    }),
    loop(
      when(() => own.hva >= own.to, [leave]),
      call(hostAccess, { hva: "hva", write: "write" }, "signal"),
      when(() => own.signal !== 0, [leave]),
      act("V2", () => {
        visit(m, stepAt(m, own), walkHost(m, own.hva, own.write));
        own.hva += PAGE - (own.hva % PAGE);
      }),
      again,
    ),
    act("V3", () => end(m, own.signal)),
    done(),
  ]) as unknown as VerbRoutine;

const DEFAULT_BYTE = 0x22;

const hfill = rangeStep(
  "hfill",
  (step) =>
    step.verb === "hfill"
      ? { hva: step.args.hva, size: step.args.size, write: 1 }
      : { hva: 0, size: 0, write: 1 },
  (m, step, pfn) => {
    const byte = step.verb === "hfill" ? (step.args.byte ?? DEFAULT_BYTE) & 0xff : 0;
    const word = (byte * 0x01010101) | 0;
    for (let index = 0; index < 512; index++) contents.writeWord(m, pfn, index, word, word);
  },
  (m, signal) =>
    signal === 0 ? emitResult(m, ResultForm.hostOk) : emitResult(m, ResultForm.hostSignal, signal),
);

const EFAULT = -14;
const ENOMEM = -12;
const SIGSEGV = 11;

const populate = rangeStep(
  "madvise_populate",
  (step) =>
    step.verb === "madvise"
      ? {
          hva: step.args.hva,
          size: step.args.size,
          write: step.args.advice === "populate_write" ? 1 : 0,
        }
      : { hva: 0, size: 0, write: 0 },
  () => undefined,
  (m, signal) => emitHostResult(m, signal === 0 ? 0 : signal === SIGSEGV ? ENOMEM : EFAULT),
);

const systemCall = { ...verbLocals, start: wide, end: wide, r: int } as const;

const munmap = routine("__x64_sys_munmap", systemCall, (own, m: Kvm) => [
  act("V1", () => {
    const { hva, size } = argsAt(m, own, "munmap").args;
    own.start = hva;
    own.end = hva + pageAlign(size);
  }),
  call(do_vmi_munmap, { start: "start", end: "end" }, "r"),
  act("V2", () => emitHostResult(m, own.r)),
  done(),
]) as unknown as VerbRoutine;

const dontneed = routine("__x64_sys_madvise", systemCall, (own, m: Kvm) => [
  act("V1", () => {
    const { hva, size } = argsAt(m, own, "madvise").args;
    own.start = hva;
    own.end = hva + pageAlign(size);
  }),
  call(madvise_dontneed, { start: "start", end: "end" }, "r"),
  act("V2", () => emitHostResult(m, own.r)),
  done(),
]) as unknown as VerbRoutine;

/** A store of the VMM into the guest's tables: KVM does not see it. */
const hostEntry =
  (level: number) =>
  (m: Kvm, at: At): void => {
    const step = stepAt(m, at);
    if (step.verb !== "hpte" && step.verb !== "hpde") return;
    const { gva, gpa, flags } = step.args;
    const address = guestEntryAddress(m, gva.lo, gva.hi, level);
    if (address === null) {
      emitResult(m, ResultForm.planError);
      return;
    }
    const value = entryValue(gpa, flags);
    g.writeSystem(m, address, value.lo, value.hi);
    emitResult(m, ResultForm.hostOk);
  };

const sleep = simple("sleep", (m) => emitResult(m, ResultForm.hostOk));

const madvise = routine("madvise", verbLocals, (own, m: Kvm) => [
  when(
    () => {
      const step = stepAt(m, own);
      return step.verb === "madvise" && step.args.advice === "dontneed";
    },
    [call(dontneed, { list: "list", i: "i" })],
    [call(populate, { list: "list", i: "i" })],
  ),
  done(),
]);

export const VERB_ROUTINES: ReadonlyMap<Verb, VerbRoutine> = new Map<Verb, VerbRoutine>([
  ["back", back],
  ["slot", slot],
  ["track", track],
  ["boot", guestStep],
  ["gread", guestStep],
  ["gwrite", guestStep],
  ["gxadd", guestStep],
  ["gtouch", guestStep],
  ["gexec", guestStep],
  ["ginvlpg", guestStep],
  ["gcr3", guestStep],
  ["gpte", guestStep],
  ["gpde", guestStep],
  ["hpte", simple("hpte", hostEntry(1))],
  ["hpde", simple("hpde", hostEntry(2))],
  ["setcr", setcr],
  ["hread", hread],
  ["hwrite", hwrite],
  ["hcode", hcode],
  ["hfill", hfill],
  ["munmap", munmap],
  ["madvise", madvise],
  ["sleep", sleep],
]);
