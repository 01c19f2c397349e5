// The comparison of two runs: one sentence, where they part and why, the rows and the counts.
// Promises: the sentence says only what the rows, the results and the ledgers show.
// From: outcomes of the steps, aligned rows, final tables, reference balances, estimated time.
import type { SimRun } from "#shared/model/sim-run";
import { runClock } from "#shared/profile/clock";
import { balanceOf } from "#shared/rules/ledger";
import type { RuleResult } from "#shared/rules/check";
import { countOf } from "#shared/rules/rule";
import { planText } from "#shared/scenario/plan";
import { eventWords } from "./event-text.ts";
import { stepOutcomes, type StepOutcome } from "./outcomes.ts";
import { alignRuns, type AlignedRows } from "./rows.ts";
import {
  compareEntries,
  entriesFromEvents,
  entriesThatDiffer,
  type TableReader,
} from "./tables.ts";
import {
  decidingOutcome,
  errnoName,
  objectOf,
  verdictOfSteps,
  type RunVerdict,
} from "./verdict.ts";

export interface ComparedRun {
  readonly run: SimRun;
  readonly rules: RuleResult;
  /** Left out: entries are read from the events. */
  readonly tables?: TableReader;
}

export interface Comparison {
  readonly sentence: string;
  /** At most 40 words. */
  readonly detail: string;
  readonly sameScenario: boolean;
  readonly rows: AlignedRows;
  readonly balanceA: number;
  readonly balanceB: number;
  readonly entriesDiffer: number;
  readonly estimatedDeltaNs: number;
  readonly verdictA: RunVerdict;
  readonly verdictB: RunVerdict;
  readonly outcomesA: readonly StepOutcome[];
  readonly outcomesB: readonly StepOutcome[];
  /** Step in which the runs part, the deciding one where it differs; -1: they do not. */
  readonly partsAtStep: number;
}

export function compareRuns(a: ComparedRun, b: ComparedRun): Comparison {
  const rows = alignRuns(a.run, b.run);
  const outcomesA = stepOutcomes(a.run);
  const outcomesB = stepOutcomes(b.run);
  const tablesA = (a.tables ?? entriesFromEvents(a.run)).entries(0);
  const tablesB = (b.tables ?? entriesFromEvents(b.run)).entries(0);
  const sides: Sides = {
    a: a.run,
    b: b.run,
    outcomesA,
    outcomesB,
    rows,
    verdictA: verdictOfSteps(a.run, outcomesA, a.rules.findings, null),
    verdictB: verdictOfSteps(b.run, outcomesB, b.rules.findings, null),
    sameScenario: planText(a.run.plan) === planText(b.run.plan),
    entriesDiffer: entriesThatDiffer(compareEntries(tablesA, tablesB)),
  };
  const parting = partingStep(sides);
  const pair = parting ?? decidingPair(sides);
  const row = pair === null ? rows.first : firstRowOf(rows, pair);
  return {
    sentence: sentenceOf(sides, parting),
    detail: detailOf(sides, pair, row),
    sameScenario: sides.sameScenario,
    rows,
    entriesDiffer: sides.entriesDiffer,
    balanceA: balanceOf(a.rules.ledger.entries),
    balanceB: balanceOf(b.rules.ledger.entries),
    estimatedDeltaNs: runClock(b.run).end - runClock(a.run).end,
    verdictA: sides.verdictA,
    verdictB: sides.verdictB,
    outcomesA,
    outcomesB,
    partsAtStep: stepOfRow(sides, row),
  };
}

interface Sides {
  readonly a: SimRun;
  readonly b: SimRun;
  readonly outcomesA: readonly StepOutcome[];
  readonly outcomesB: readonly StepOutcome[];
  readonly rows: AlignedRows;
  readonly verdictA: RunVerdict;
  readonly verdictB: RunVerdict;
  readonly sameScenario: boolean;
  readonly entriesDiffer: number;
}

interface StepPair {
  readonly a: StepOutcome;
  readonly b: StepOutcome;
}

/** The first step that both have and that ended in another way. */
function partingStep({ outcomesA, outcomesB }: Sides): StepPair | null {
  const ofB = new Map(outcomesB.map((outcome) => [outcome.n, outcome]));
  for (const a of outcomesA) {
    const b = ofB.get(a.n);
    if (b === undefined || a.result === b.result) continue;
    if (a.answer !== b.answer || a.errno !== b.errno || a.isGuest) return { a, b };
  }
  return null;
}

function sentenceOf(sides: Sides, parting: StepPair | null): string {
  const { verdictA, verdictB, rows, a, b } = sides;
  const [equal, renamed] = rows.counts;
  if (rows.first < 0 && sides.entriesDiffer === 0) {
    const how = renamed === 0 ? "equal" : "equal after renaming";
    return `The runs are ${how}: ${countOf(equal + renamed, "event")}, all tables, all counts.`;
  }
  if (rows.first < 0) {
    return (
      `All events are equal; ${countOf(sides.entriesDiffer, "table entry", "table entries")} ` +
      "differ at the end."
    );
  }
  const isRuleBroken =
    verdictA.verdict !== verdictB.verdict &&
    [verdictA, verdictB].some(({ verdict }) => !STEP_VERDICTS.includes(verdict));
  if (isRuleBroken) return `A: ${verdictA.sentence} B: ${verdictB.sentence}`;
  if (parting !== null) return `${clause("A", a, parting.a)} ${clause("B", b, parting.b)}`;
  const first = `first difference: ${partingWords(rows, rows.first)}`;
  const deciding = decidingPair(sides);
  const predicate = PREDICATES[verdictA.verdict];
  if (verdictA.verdict !== verdictB.verdict) return `The runs end differently; ${first}.`;
  if (predicate === undefined || deciding === null) return `Both runs end alike; ${first}.`;
  const both = `Both runs ${predicate} ${pageWords(a, deciding.a)}`;
  const [takenA, takenB] = [deciding.a.taken, deciding.b.taken];
  if (takenA === takenB) return `${both}; ${first}.`;
  return `${both}; A takes ${references(takenA)}, B takes ${references(takenB)}.`;
}

/** Verdicts that have the page as their object. */
const PREDICATES: Readonly<Record<string, string>> = { maps: "map", refuses: "refuse" };

const references = (count: number): string =>
  count === 0 ? "no reference" : count === 1 ? "a reference" : `${count} references`;

/** `event 14 of A` */
function partingWords(rows: AlignedRows, row: number): string {
  const at = eventsOf(rows, row);
  return at.a === 0 ? `event ${at.b} of B` : `event ${at.a} of A`;
}

/** The step that decides both runs' verdicts, where it is the same and ended alike. */
function decidingPair({ a, b, outcomesA, outcomesB }: Sides): StepPair | null {
  const left = decidingOutcome(a, outcomesA);
  const right = decidingOutcome(b, outcomesB);
  if (left === null || right === null || left.n !== right.n) return null;
  return left.answer === right.answer && left.answer !== "stopped" ? { a: left, b: right } : null;
}

const STEP_VERDICTS: readonly string[] = ["refuses", "emulates", "skips", "maps", "not run"];

/** One run's part of the sentence: `A refuses with EFAULT at event 14.` */
function clause(letter: string, run: SimRun, outcome: StepOutcome): string {
  switch (outcome.answer) {
    case "maps":
      return `${letter} maps ${pageWords(run, outcome)} and takes ${references(outcome.taken)}.`;
    case "refuses":
      return `${letter} refuses with ${errnoName(outcome.errno)} at event ${outcome.event}.`;
    case "emulates":
      return `${letter} goes to user space as MMIO at event ${outcome.event}.`;
    case "guest exception":
      return `In ${letter} the guest's own tables refuse the access.`;
    default:
      return `${letter} ends with "${outcome.result}" at event ${outcome.event}.`;
  }
}

const pageWords = (run: SimRun, outcome: StepOutcome): string =>
  outcome.faults === 0 ? "the page" : objectOf(run, outcome);

const eventsOf = (rows: AlignedRows, row: number): { a: number; b: number } => ({
  a: rows.a[row] ?? 0,
  b: rows.b[row] ?? 0,
});

function stepOfRow({ a, b, rows }: Sides, row: number): number {
  const at = eventsOf(rows, row);
  const [run, n] = at.a === 0 ? [b, at.b] : [a, at.a];
  if (n === 0) return -1;
  return run.steps.findLast((step) => step.firstEvent <= n)?.n ?? -1;
}

/** Where they part and why; the row is the first difference of the parting step. */
function detailOf(sides: Sides, pair: StepPair | null, row: number): string {
  const { a, b, rows } = sides;
  const head = sides.sameScenario ? "" : "The scenarios differ; aligned by event only. ";
  if (row < 0) return `${head}No event differs.`;
  const at = eventsOf(rows, row);
  const step = stepOfRow(sides, row);
  const line = (at.a === 0 ? b : a).steps.find((known) => known.n === step)?.step.line ?? "";
  const where = step < 0 ? "" : `Step ${step}, ${line}. `;
  const agreed = rows.a.subarray(0, row).findLast((n) => n > 0) ?? 0;
  const isInStep = pair !== null && agreed >= pair.a.span.firstEvent;
  const until =
    row === rows.first
      ? `They go alike up to event ${agreed} of A. `
      : isInStep
        ? `In it they go alike up to event ${agreed} of A. `
        : "";
  const text = `${head}${where}${until}${contrast(sides, row)}`;
  const words = text.split(" ");
  return words.length <= MOST_WORDS ? text : `${words.slice(0, MOST_WORDS - 1).join(" ")} …`;
}

const MOST_WORDS = 40;

/** What each run does at a row; where one has nothing, its own next event. */
function contrast({ a, b, rows }: Sides, row: number): string {
  const nextOf = (numbers: Int32Array): number => {
    for (let at = row; at < rows.mark.length; at++)
      if ((numbers[at] ?? 0) > 0) return numbers[at] ?? 0;
    return 0;
  };
  return `A: ${eventWords(a, nextOf(rows.a))}. B: ${eventWords(b, nextOf(rows.b))}.`;
}

function firstRowOf(rows: AlignedRows, { a, b }: StepPair): number {
  const found = rows.differences.find((row) => {
    const at = eventsOf(rows, row);
    return at.a >= a.span.firstEvent || (at.a === 0 && at.b >= b.span.firstEvent);
  });
  return found ?? rows.first;
}
