// The verdict of one run: one word, one sentence, the step and the event that decide.
// A broken rule, a stopped run or a difference from a real trace decides first, by severity; else
// the deciding step.
// From: the product's rule of the deciding step; sentences are put together of parts, never chosen
// by name.
import { LookupOutcome } from "#shared/events/own";
import type { SimRun } from "#shared/model/sim-run";
import type { Finding } from "#shared/rules/rule";
import { decidingStep } from "#shared/scenario/evaluate";
import { ERRNOS } from "#shared/scenario/vocabulary.table";
import { NOUNS } from "./nouns.table.ts";
import { SEVERITY, type VerdictWord } from "./severity.ts";
import { backingOf, stepOutcomes, type StepOutcome } from "./outcomes.ts";

export interface RunVerdict {
  readonly verdict: VerdictWord;
  /** At most 14 words, ends with a stop. */
  readonly sentence: string;
  /** -1: no step decides. */
  readonly decidingStep: number;
  /** 0: the end of the run. */
  readonly decidingEvent: number;
}

/** The first difference from a real trace, where one was looked for. */
export interface RealDifference {
  readonly event: number;
  /** Kernel with its build: "Linux 7.2.13". */
  readonly kernel: string;
  readonly expected: string;
}

export function verdictOf(
  run: SimRun,
  findings: readonly Finding[],
  difference: RealDifference | null = null,
): RunVerdict {
  return verdictOfSteps(run, stepOutcomes(run), findings, difference);
}

/** The same, with the steps' outcomes at hand. */
export function verdictOfSteps(
  run: SimRun,
  outcomes: readonly StepOutcome[],
  findings: readonly Finding[],
  difference: RealDifference | null,
): RunVerdict {
  const found: RunVerdict[] = findings
    .filter((f) => f.isBroken)
    .map((finding) => ({
      verdict: finding.verdict,
      sentence: finding.sentence,
      decidingStep: finding.step,
      decidingEvent: finding.event ?? 0,
    }));
  if (run.end !== "finished") found.push(stopped(run, outcomes));
  if (difference !== null) found.push(differs(difference));
  const worst = found.sort((a, b) => rank(a) - rank(b))[0];
  return worst ?? stepVerdict(run, outcomes);
}

const rank = ({ verdict }: RunVerdict): number => SEVERITY.indexOf(verdict);

function stopped(run: SimRun, outcomes: readonly StepOutcome[]): RunVerdict {
  const last = outcomes.findLast((outcome) => outcome.span.eventCount > 0);
  const at = last === undefined ? "before its first step" : `at step ${last.n}`;
  const why = run.message === "" ? "" : `: ${run.message.replace(/\.$/, "")}`;
  return {
    verdict: "fails",
    sentence: `The run stopped ${at}${why}.`,
    decidingStep: last?.n ?? -1,
    decidingEvent: run.record.events,
  };
}

const differs = ({ event, kernel, expected }: RealDifference): RunVerdict => ({
  verdict: "differs",
  sentence: `The run differs from ${kernel} at event ${event}: expected ${expected}.`,
  decidingStep: -1,
  decidingEvent: event,
});

/**
 * The step that `expect` names first, else the first guest step that does not map, else the last.
 */
export function decidingOutcome(run: SimRun, outcomes: readonly StepOutcome[]): StepOutcome | null {
  const named = decidingStep(run.plan, {
    lookup: run.lookup.id,
    kernel: run.kernel.id,
    mode: run.mode,
    switches: run.plan.switches,
  });
  const byExpectation = outcomes.find((outcome) => outcome.n === named && outcome.isGuest);
  const guest = outcomes.filter((outcome) => outcome.isGuest);
  const bad = guest.find((outcome) => outcome.answer !== "maps");
  return byExpectation ?? bad ?? guest.at(-1) ?? null;
}

function stepVerdict(run: SimRun, outcomes: readonly StepOutcome[]): RunVerdict {
  const outcome = decidingOutcome(run, outcomes);
  if (outcome === null) {
    return {
      verdict: "not run",
      sentence: "No step of the guest touches memory.",
      decidingStep: -1,
      decidingEvent: 0,
    };
  }
  return {
    verdict: verdictOfStep(outcome) ?? "fails",
    sentence: sentenceOf(run, outcome),
    decidingStep: outcome.n,
    decidingEvent: outcome.event,
  };
}

/** The verdict of one step; null for a step that is not the guest's. */
export function verdictOfStep(outcome: StepOutcome): VerdictWord | null {
  switch (outcome.answer) {
    case "host":
      return null;
    case "maps":
      return "maps";
    case "emulates":
      return "emulates";
    case "refuses":
    case "guest exception":
      return "refuses";
    case "stopped":
      return "fails";
  }
}

/** `the tail page`; where the lookup found no memory at all, that. */
export function objectOf(run: SimRun, outcome: StepOutcome): string {
  if (outcome.lookup === LookupOutcome.noVma) return "the unmapped address";
  const place = backingOf(run, outcome);
  if (place === null) return "the page";
  const [first, later] = NOUNS[place.backing.kind];
  return place.page > 0 ? (later ?? first) : first;
}

export const errnoName = (errno: number): string =>
  [...ERRNOS].find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;

const ACCESS = { read: "read", write: "write", fetch: "instruction fetch" } as const;

function sentenceOf(run: SimRun, outcome: StepOutcome): string {
  const { id } = run.lookup;
  const access = ACCESS[outcome.access];
  switch (outcome.answer) {
    case "maps":
      return outcome.faults === 0
        ? `The guest's ${access} reaches its page without a fault.`
        : `${id} maps ${objectOf(run, outcome)} and ${takenWords(outcome)}.`;
    case "emulates":
      return `The ${access} goes to user space as MMIO.`;
    case "refuses":
      return `${id} refuses ${objectOf(run, outcome)} with ${errnoName(outcome.errno)}.`;
    case "guest exception":
      return `The guest's own page tables refuse the ${access} of step ${outcome.n}.`;
    case "stopped":
      return `Step ${outcome.n} did not end: ${outcome.result || "no result"}.`;
    case "host":
      return `Step ${outcome.n} is the host's.`;
  }
}

/** `takes no reference`: of the lookup's own, not of the mapping's owners. */
export function takenWords({ taken }: StepOutcome): string {
  if (taken === 0) return "takes no reference";
  return taken === 1
    ? "takes a reference for the lookup"
    : `takes ${taken} references for the lookup`;
}
