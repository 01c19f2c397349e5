// How each step of a run ended, as facts: the kernel's answer, exits to user space, references, the
// memory touched.
// Owns nothing; read from the lab's marks and the model's own events, never from a step's name.
// From: RESULT and MMIO marks; kvm_page_fault and lookupStep events.
import { ResultForm } from "#shared/events/lab";
import { printBody } from "#shared/events/print";
import { EventId } from "#shared/events/table";
import type { SimRun, StepSpan } from "#shared/model/sim-run";
import { groupOf } from "#shared/rules/causes";
import { intAt, scanEvents, wideAt, type ScannedEvent } from "#shared/rules/scan";
import { StepFinder } from "#shared/rules/steps";
import type { Backing } from "#shared/scenario/plan";
import { PAGE_SIZE } from "#shared/units/address";

/** The kernel's answer to a guest step; `host` for a step that is not the guest's. */
export type Answer = "maps" | "refuses" | "emulates" | "guest exception" | "stopped" | "host";

/** Verbs by which the guest touches memory. */
const GUEST_VERBS: readonly string[] = ["gread", "gwrite", "gxadd", "gtouch", "gexec"];

export interface StepOutcome {
  readonly span: StepSpan;
  readonly n: number;
  readonly isGuest: boolean;
  readonly access: "read" | "write" | "fetch";
  answer: Answer;
  /** As the lab prints it, without the word RESULT; "" when there is none. */
  result: string;
  errno: number;
  mmioCount: number;
  /** Sum of all reference changes, and the references that lookups took in the step. */
  deltaRef: number;
  taken: number;
  /**
   * Of the last fault that looked a page up: address, frame (0: none) and what the lookup found.
   */
  hva: number;
  pfn: number;
  lookup: number;
  /** Event that decided: the lookup's last step for a refusal, else the result. */
  event: number;
  faults: number;
}

const WANTED = [
  EventId.labResult,
  EventId.labMmio,
  EventId.pageRef,
  EventId.lookupStep,
  EventId.kvm_page_fault,
] as const;

/** All steps of a run with what came of them, in the order of the run's steps. */
export function stepOutcomes(run: SimRun): readonly StepOutcome[] {
  const outcomes = new Map(run.steps.map((span) => [span, emptyOutcome(span)]));
  const finder = new StepFinder(run.steps);
  scanEvents(run.record, WANTED, (event) => {
    const span = finder.stepOf(event.n, event.thread);
    const outcome = span === null ? undefined : outcomes.get(span);
    if (outcome !== undefined) note(run, outcome, event);
  });
  const list = [...outcomes.values()];
  for (const outcome of list) settle(outcome);
  return list;
}

function emptyOutcome(span: StepSpan): StepOutcome {
  const { verb } = span.step;
  const isWrite =
    verb === "gwrite" || verb === "gxadd" || (verb === "gtouch" && span.step.args.access === "w");
  return {
    span,
    n: span.n,
    isGuest: GUEST_VERBS.includes(verb),
    access: verb === "gexec" ? "fetch" : isWrite ? "write" : "read",
    answer: "host",
    result: "",
    errno: 0,
    mmioCount: 0,
    deltaRef: 0,
    taken: 0,
    hva: 0,
    pfn: 0,
    lookup: -1,
    event: 0,
    faults: 0,
  };
}

function note(run: SimRun, outcome: StepOutcome, event: ScannedEvent): void {
  const { cells, id, n } = event;
  switch (id) {
    case EventId.pageRef: {
      const delta = intAt(cells, 2);
      outcome.deltaRef += delta;
      if (delta > 0 && groupOf(intAt(cells, 4)) === "lookup") outcome.taken += delta;
      return;
    }
    case EventId.kvm_page_fault:
      outcome.faults++;
      outcome.taken = 0;
      outcome.hva = 0;
      outcome.pfn = 0;
      outcome.lookup = -1;
      return;
    case EventId.lookupStep: {
      const pfn = wideAt(cells, 3);
      outcome.hva = wideAt(cells, 1);
      if (pfn !== 0) outcome.pfn = pfn;
      outcome.lookup = intAt(cells, 5);
      outcome.event = n;
      return;
    }
    case EventId.labMmio:
      outcome.mmioCount++;
      outcome.event = n;
      return;
    case EventId.labResult:
      noteResult(run, outcome, event);
  }
}

const FAILED: readonly number[] = [ResultForm.errno, ResultForm.memoryFault];
const EXCEPTION: readonly number[] = [
  ResultForm.pageFault,
  ResultForm.protection,
  ResultForm.otherException,
];

function noteResult(run: SimRun, outcome: StepOutcome, { id, n, cells }: ScannedEvent): void {
  const form = intAt(cells, 0);
  const body = printBody(id, cells, 0, { forms: run.kernel.forms, texts: run.texts });
  outcome.result = body.slice("RESULT ".length);
  if (FAILED.includes(form)) outcome.errno = Math.abs(intAt(cells, 1));
  const isRefusal = outcome.errno !== 0 && outcome.lookup >= 0;
  if (!isRefusal && outcome.mmioCount === 0) outcome.event = n;
  if (!outcome.isGuest) return;
  if (form === ResultForm.ok || form === ResultForm.okValue) outcome.answer = "maps";
  else if (FAILED.includes(form)) outcome.answer = "refuses";
  else if (EXCEPTION.includes(form)) outcome.answer = "guest exception";
  else outcome.answer = "stopped";
}

function settle(outcome: StepOutcome): void {
  if (!outcome.isGuest) return;
  if (outcome.answer === "host") outcome.answer = "stopped";
  if (outcome.mmioCount > 0 && outcome.answer === "maps") outcome.answer = "emulates";
}

/**
 * The memory behind the step's last fault, and the page's number in it; null when none is known.
 */
export function backingOf(
  run: SimRun,
  outcome: StepOutcome,
): { backing: Backing; page: number } | null {
  if (outcome.hva === 0) return null;
  const backing = run.plan.backings.findLast(
    (known) =>
      outcome.hva >= known.hva && outcome.hva < known.hva + known.size && known.n < outcome.n,
  );
  if (backing === undefined) return null;
  return { backing, page: Math.floor((outcome.hva - backing.hva) / PAGE_SIZE) };
}
