// Verbs of the VMM's own memory: mapping it, touching it, taking it away.
// From: the lab's agent (map_kind, hread to hfill, the system calls).
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, when } from "#shared/engine/words";
import { ResultForm } from "#shared/events/lab";
import type { PlanStep } from "#shared/scenario/plan";
import type { Verb } from "#shared/scenario/vocabulary";
import { hostAccess, walkHost } from "../host/access.ts";
import * as contents from "../host/contents.ts";
import { kindNumber } from "../host/kinds.ts";
import { fillMapping, mapKind } from "../host/mmap.ts";
import { do_vmi_munmap, madvise_dontneed, pageAlign } from "../host/unmap.ts";
import type { Kvm } from "../state/machine.ts";
import { emitHostResult, emitHva, emitResult } from "./results.ts";
import { argsAt, simple, stepAt, systemCall, verbLocals, type VerbRoutine } from "./step.ts";

const PAGE = 4096;
const FILL_BATCH = 256 * PAGE;

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

export const HOST_VERBS: ReadonlyMap<Verb, VerbRoutine> = new Map<Verb, VerbRoutine>([
  ["back", back],
  ["hread", hread],
  ["hwrite", hwrite],
  ["hcode", hcode],
  ["hfill", hfill],
  ["munmap", munmap],
  ["madvise", madvise],
  ["sleep", sleep],
]);
