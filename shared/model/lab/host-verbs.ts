// Verbs of the VMM's own memory: mapping it and touching it. Its system
// calls: host-calls.ts. From: the lab's agent (map_kind, hread to
// hfill).
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, when } from "#shared/engine/words";
import { ResultForm } from "#shared/events/lab";
import type { PlanStep } from "#shared/scenario/plan";
import type { Verb } from "#shared/scenario/vocabulary";
import { hostAccess, walkHost } from "../host/access.ts";
import * as contents from "../host/contents.ts";
import { kindNumber, kindOf } from "../host/kinds.ts";
import { fillMapping, mmap_region } from "../host/mmap.ts";
import { pageAlign } from "../host/unmap.ts";
import { vma_lookup, vmaAt } from "../host/vma.ts";
import { vmmBacking } from "../state/host.ts";
import { KIND, type Kvm } from "../state/machine.ts";
import { notSimulated } from "../state/not-simulated.ts";
import { emitHva, emitResult } from "./results.ts";
import { argsAt, simple, stepAt, verbLocals, type VerbRoutine } from "./step.ts";

const PAGE = 4096;
const FILL_BATCH = 256 * PAGE;

const backLocals = { ...verbLocals, start: wide, end: wide, kind: int, at: wide, failed: int };

const back = routine("back", backLocals, (own, m: Kvm) => [
  act("V1", () => {
    const { kind, size } = argsAt(m, own, "back").args;
    own.at = hvaOfBacking(m);
    own.start = own.at;
    own.end = own.at + pageAlign(size);
    own.kind = kindNumber(kind);
  }),
  call(mmap_region, { start: "start", end: "end", kind: "kind" }, "failed"),
  act("V1b", () => {
    const { kind, size } = argsAt(m, own, "back").args;
    remember(m, own.at, size, own.failed === 0 ? kindNumber(kind) : -1);
    m.mm.backings += 1;
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

type Backing = ReturnType<typeof vmmBacking.at>;
export const backingAt = (m: Kvm, number: number): Backing =>
  vmmBacking.at(m, m.arena(KIND.vmmBacking).at(number));

/** What the VMM keeps of a backing: its descriptor, for the calls that take one. */
function remember(m: Kvm, hva: number, size: number, kind: number): void {
  const backing = backingAt(m, m.mm.backings);
  backing.hva = hva;
  backing.size = size;
  if (kind < 0) return;
  const { descriptor, isOpenForWriting } = kindOf(kind);
  backing.descriptor = descriptor;
  backing.isWritable = isOpenForWriting;
  const vma = vma_lookup(m, hva);
  if (vma !== 0) backing.file = vmaAt(m, vma).vm_file;
}

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

const hvaOf = (step: PlanStep): number => ("hva" in step.args ? step.args.hva : 0);

/** An access of `size` bytes of the VMM, all in one page. */
const hostStep = (
  name: string,
  size: number,
  write: number,
  effect: (m: Kvm, step: PlanStep, pfn: number, offset: number) => void,
): VerbRoutine =>
  routine(name, accessLocals, (own, m: Kvm) => [
    act("V1", () => {
      own.hva = hvaOf(stepAt(m, own));
      own.write = write;
      if ((own.hva % PAGE) + size > PAGE) notSimulated("An access of the VMM across two pages");
    }),
    call(hostAccess, { hva: "hva", write: "write" }, "signal"),
    when(
      () => own.signal !== 0,
      [act("V2", () => emitResult(m, ResultForm.hostSignal, own.signal)), done()],
    ),
    act("V3", () => effect(m, stepAt(m, own), walkHost(m, own.hva, write), own.hva % PAGE)),
    done(),
  ]) as unknown as VerbRoutine;

const hread = hostStep("hread", 8, 0, (m, _step, pfn, offset) => {
  const lo = contents.loadLow(m, pfn, offset, 8);
  emitResult(m, ResultForm.hostOkValue, lo, contents.loadHigh(m, pfn, offset));
});
const hwrite = hostStep("hwrite", 8, 1, (m, step, pfn, offset) => {
  if (step.verb !== "hwrite") return;
  contents.store(m, pfn, offset, 8, step.args.value.lo, step.args.value.hi);
  emitResult(m, ResultForm.hostOk);
});
/** nop; out %al,$0x10: three bytes. */
const hcode = hostStep("hcode", 3, 1, (m, _step, pfn, offset) => {
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

const hfill = rangeStep(
  "hfill",
  (step) =>
    step.verb === "hfill"
      ? { hva: step.args.hva, size: step.args.size, write: 1 }
      : { hva: 0, size: 0, write: 1 },
  (m, step, pfn) => {
    const byte = step.verb === "hfill" ? step.args.byte & 0xff : 0;
    const word = (byte * 0x01010101) | 0;
    contents.fillContents(m, pfn, word, word);
  },
  (m, signal) =>
    signal === 0 ? emitResult(m, ResultForm.hostOk) : emitResult(m, ResultForm.hostSignal, signal),
);

const sleep = simple("sleep", (m) => emitResult(m, ResultForm.hostOk));

export const HOST_VERBS: ReadonlyMap<Verb, VerbRoutine> = new Map<Verb, VerbRoutine>([
  ["back", back],
  ["hread", hread],
  ["hwrite", hwrite],
  ["hcode", hcode],
  ["hfill", hfill],
  ["sleep", sleep],
]);
