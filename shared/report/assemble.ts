// From finished runs to a report's input: verdicts, rows around the differences, ledgers, profiles,
// commands.
// Owns what is chosen of a run; page tables are handed in by who can replay it (walks of each
// step).
// From: compare, rules and profile; the order and names are the report's.
import { compareRuns, type Comparison } from "#shared/compare/compare";
import { eventText } from "#shared/compare/event-text";
import { stepOutcomes, type StepOutcome } from "#shared/compare/outcomes";
import { MARKS } from "#shared/compare/rows";
import { verdictOfStep, verdictOfSteps, type RunVerdict } from "#shared/compare/verdict";
import { LookupStep } from "#shared/events/own";
import { EventId } from "#shared/events/table";
import type { SimRun } from "#shared/model/sim-run";
import { runClock } from "#shared/profile/clock";
import { buildProfile, WHOLE_RUN } from "#shared/profile/profile";
import type { RuleResult } from "#shared/rules/check";
import { balanceOf, ledgerRows } from "#shared/rules/ledger";
import { pageNames } from "#shared/rules/page-names";
import { hexText } from "#shared/rules/rule";
import {
  KEPT_ROWS,
  MOST_LEDGER_ROWS,
  type ReportDifferences,
  type ReportEvent,
  type ReportInput,
  type ReportLedger,
  type ReportProfile,
  type ReportRun,
  type ReportTables,
  type Section,
} from "./input.ts";

export interface ReportedRun {
  readonly run: SimRun;
  readonly rules: RuleResult;
  /** The run's id, as the library has it. */
  readonly id: string;
  /** "50 of 50" against a real trace; "" where none was compared. */
  readonly equal: string;
}

export interface ReportRequest {
  readonly title: string;
  readonly note: string;
  readonly sections: readonly Section[];
  readonly scenario: { readonly name: string; readonly digest: string; readonly text: string };
  readonly runs: readonly ReportedRun[];
  readonly tables: readonly ReportTables[];
  readonly real: ReportInput["real"];
  /** Version of the engine, and whatever else the reader must know of where this comes from. */
  readonly engine: string;
  readonly provenance: ReportInput["provenance"];
}

const LETTERS = ["A", "B", "C", "D"] as const;
/** Pages whose ledger is shown, tracked ones first. */
const MOST_PAGES = 4;

export function assembleReport(request: ReportRequest): ReportInput {
  const runs = request.runs.slice(0, LETTERS.length);
  const [a, b] = runs;
  const comparison = a === undefined || b === undefined ? null : compareRuns(a, b);
  const first = a?.run.plan;
  return {
    title: request.title === "" ? (first?.title ?? "Report") : request.title,
    about: first?.about ?? "",
    note: request.note,
    scenario: request.scenario,
    runs: runs.map((run, index) => reportRun(run, LETTERS[index] ?? "A")),
    differences:
      comparison === null || a === undefined || b === undefined
        ? null
        : reportDifferences(comparison, a, b),
    tables: request.tables,
    ledgers: runs.flatMap((run, index) => ledgersOf(run, LETTERS[index] ?? "A")),
    profiles: runs.flatMap((run, index) => profileOf(run, LETTERS[index] ?? "A")),
    schedules: runs.flatMap(({ run }, index) =>
      run.plan.threads.length === 0 ? [] : [{ letter: LETTERS[index] ?? "A", text: run.schedule }],
    ),
    real: request.real,
    commands: commandsOf(request.scenario.name, runs),
    sections: request.sections,
    provenance: [
      { label: "Engine", value: `version ${request.engine}` },
      { label: "Scenario", value: `${request.scenario.name}, digest ${request.scenario.digest}` },
      ...runs.map(({ run, id }, index) => ({
        label: `Run ${LETTERS[index] ?? ""}`,
        value: [
          `${id}: ${run.lookup.id}`,
          `model of ${run.kernel.title} after ${run.kernel.witness}`,
          run.mode,
        ].join(", "),
      })),
      { label: "Rules asked", value: a?.rules.checked.join(", ") ?? "" },
      {
        label: "Time",
        value:
          "instruction costs of each kernel's functions; one instruction counts one nanosecond",
      },
      ...request.provenance,
    ],
  };
}

function reportRun({ run, rules, id, equal }: ReportedRun, letter: string): ReportRun {
  const outcomes = stepOutcomes(run);
  const verdict = verdictOfSteps(run, outcomes, rules.findings, null);
  return {
    letter,
    id,
    lookup: run.lookup.id,
    lookupTitle: run.lookup.title,
    isPosted: run.lookup.posted,
    kernel: `Linux ${run.kernel.witness}`,
    mode: run.mode,
    origin: "sim",
    verdict: verdict.verdict,
    sentence: verdict.sentence,
    because: becauseOf(run, outcomes, verdict),
    events: run.record.events,
    estimatedNs: runClock(run).end,
    deltaRef: balanceOf(rules.ledger.entries),
    equal,
    steps: outcomes.map((outcome) => ({
      n: outcome.n,
      line: outcome.span.step.line,
      result: outcome.result,
      verdict: verdictOfStep(outcome),
      deltaRef: outcome.deltaRef,
    })),
    findings: rules.findings.map(({ rule, sentence, evidence }) => ({ rule, sentence, evidence })),
  };
}

/** What the deciding event says, and where it stands. */
export function becauseOf(
  run: SimRun,
  outcomes: readonly StepOutcome[],
  verdict: RunVerdict,
): string {
  const outcome = outcomes.find((known) => known.n === verdict.decidingStep);
  if (outcome === undefined) return "";
  const where = `Step ${outcome.n}, ${outcome.span.step.line}`;
  const lookup = lookupEvent(run, outcome);
  const said = lookup === null ? "" : ` Event ${lookup.n}: ${lookup.text}.`;
  return `${where}.${said}`;
}

/** The last step of the deciding step's lookup. */
function lookupEvent(run: SimRun, outcome: StepOutcome): ReportEvent | null {
  const { firstEvent, eventCount } = outcome.span;
  for (let n = firstEvent + eventCount - 1; n >= firstEvent; n--) {
    const { event, fields } = run.record.event(n - 1);
    // Pages mapped ahead of use come last, and decide nothing.
    if (event !== EventId.lookupStep || fields[0] === LookupStep.prefetch) continue;
    return reportEvent(run, n);
  }
  return null;
}

function reportEvent(run: SimRun, n: number): ReportEvent | null {
  const text = eventText(run, n);
  if (text === null) return null;
  const isMark = /^(STEP|RESULT|PAGE|SPTE|MMIO|NOTE|WATCH) /.test(text.body);
  return { n, name: isMark ? "" : text.name, text: text.body };
}

/** Rows around each difference; all of them where they are few. */
function reportDifferences(
  comparison: Comparison,
  a: ReportedRun,
  b: ReportedRun,
): ReportDifferences {
  const { rows } = comparison;
  const shown = rowsToShow(comparison, a.run);
  return {
    sentence: comparison.sentence,
    detail: comparison.detail,
    counts: rows.counts,
    rows: shown.map((row) => ({
      mark: MARKS[rows.mark[row] ?? 0] ?? "=",
      a: reportEvent(a.run, rows.a[row] ?? 0),
      b: reportEvent(b.run, rows.b[row] ?? 0),
    })),
    total: rows.mark.length,
    first: shown.indexOf(partingRow(comparison)),
    address: `compare?a=${a.id.slice(0, 6)}&b=${b.id.slice(0, 6)}`,
  };
}

/** The first difference in the step where the runs part. */
function partingRow({ rows, partsAtStep, outcomesA }: Comparison): number {
  const first = outcomesA.find((outcome) => outcome.n === partsAtStep)?.span.firstEvent ?? 0;
  return rows.differences.find((row) => (rows.a[row] ?? 0) >= first) ?? rows.first;
}

const AROUND = 6;

function rowsToShow(comparison: Comparison, a: SimRun): number[] {
  const { rows, partsAtStep } = comparison;
  const step = a.steps.find((span) => span.n === partsAtStep);
  const parting = partingRow(comparison);
  const kept: number[] = [];
  for (let row = 0; row < rows.mark.length && kept.length < 2 * KEPT_ROWS; row++) {
    const n = rows.a[row] ?? 0;
    const isInStep =
      step !== undefined && n >= step.firstEvent && n < step.firstEvent + step.eventCount;
    if (isInStep || Math.abs(row - parting) <= AROUND) kept.push(row);
  }
  return withGaps(kept, rows.a);
}

/** Rows of B alone stand between those of A: a run of kept rows keeps them too. */
function withGaps(kept: readonly number[], a: Int32Array): number[] {
  const all: number[] = [];
  kept.forEach((row, index) => {
    all.push(row);
    const next = kept[index + 1] ?? row + 1;
    for (let between = row + 1; between < next && (a[between] ?? 0) === 0; between++)
      all.push(between);
  });
  return all;
}

function ledgersOf({ run, rules, id }: ReportedRun, letter: string): ReportLedger[] {
  const names = pageNames(run);
  const pages = [...rules.ledger.byPage.keys()].filter(
    (pfn) => names.has(pfn) || isInFinding(rules, pfn),
  );
  return pages.slice(0, MOST_PAGES).map((pfn) => {
    const entries = rules.ledger.byPage.get(pfn) ?? [];
    const name = names.get(pfn);
    return {
      letter,
      page: `${name === undefined ? "" : `page ${name}, `}pfn ${hexText(pfn)}`,
      rows: ledgerRows(run, entries.slice(0, MOST_LEDGER_ROWS)),
      total: entries.length,
      address: `run/${id.slice(0, 6)}?pfn=${hexText(pfn)}`,
    };
  });
}

const isInFinding = (rules: RuleResult, pfn: number): boolean =>
  rules.findings.some((finding) => finding.pfn === pfn);

function profileOf({ run, id }: ReportedRun, letter: string): ReportProfile[] {
  if (run.record.spans.count === 0) return [];
  const { tree, unit, note } = buildProfile(run, {
    by: "est",
    ...WHOLE_RUN,
    merged: true,
    withInlined: false,
  });
  return [
    {
      letter,
      title: `Run ${letter}: ${run.lookup.id}, ${run.kernel.title}, whole run`,
      tree,
      unit,
      note,
      address: `run/${id.slice(0, 6)}?pane=profile`,
    },
  ];
}

function commandsOf(scenario: string, runs: readonly ReportedRun[]): string[] {
  const file = scenario === "" ? "scenario.yaml" : scenario;
  const commands = runs.map(({ run }) =>
    [
      `faultline run ${file} --lookup ${run.lookup.id}`,
      `--kernel ${run.kernel.id} --mode ${run.mode}`,
    ].join(" "),
  );
  const ids = runs.map(({ id }) => id.slice(0, 6)).join(" ");
  if (runs.length >= 2) commands.push(`faultline compare ${ids}`);
  return [...commands, `faultline report ${ids} --out report.html`];
}
