// The comparison as plain text for a mail: 72 columns, ASCII, sentence first, then results, then
// where they part.
// Promises the same text for the same runs; figures of time are marked as estimates.
// From: what reviewers paste into a reply on the kernel's mailing lists.
import { kvmTree } from "#shared/model/inspect/entry";
import type { SimRun } from "#shared/model/sim-run";
import type { Comparison } from "./compare.ts";
import { eventLine, eventText } from "./event-text.ts";
import type { StepOutcome } from "./outcomes.ts";
import { MARKS, type AlignedRows } from "./rows.ts";
import { clip, columns, MAIL_WIDTH, wrap } from "./text72.ts";

/** Rows shown around the parting. */
const BEFORE = 3;
const AFTER = 8;
const ASCII_MARKS: Readonly<Record<string, string>> = {
  "=": "=",
  "≈": "~",
  "≠": "!=",
  A: "A",
  B: "B",
};

export function mailText(comparison: Comparison, a: SimRun, b: SimRun): string {
  const lines = [
    ...wrap(comparison.sentence),
    "",
    ...wrap(comparison.detail),
    "",
    ...runLines(comparison, a, b),
    "",
    ...resultLines(comparison),
    "",
    ...partingLines(comparison, a, b),
    "",
    ...countLines(comparison, a, b),
  ];
  return `${lines.map((line) => clip(line, MAIL_WIDTH)).join("\n")}\n`;
}

function runLines({ verdictA, verdictB }: Comparison, a: SimRun, b: SimRun): string[] {
  const title = a.plan.title === "" ? "Scenario" : a.plan.title;
  const line = (letter: string, run: SimRun, verdict: string): string =>
    `${letter}: ${run.lookup.id}${run.lookup.posted ? "" : " (never posted as code)"}, ` +
    `${run.kernel.title} model, ${run.mode}: ${verdict}`;
  return [
    ...wrap(`${title}, simulated.`),
    ...wrap(line("A", a, verdictA.sentence), { first: "  ", later: "     " }),
    ...wrap(line("B", b, verdictB.sentence), { first: "  ", later: "     " }),
  ];
}

/** Steps with a result, both runs' side by side. */
function resultLines({ outcomesA, outcomesB }: Comparison): string[] {
  const ofB = new Map(outcomesB.map((outcome) => [outcome.n, outcome]));
  const rows = outcomesA
    .filter((a) => a.isGuest || differs(a, ofB.get(a.n)))
    .map((a) => {
      const b = ofB.get(a.n);
      const mark = differs(a, b) ? "!=" : "";
      return [String(a.n), a.span.step.line, a.result, mark, b?.result ?? "not run"];
    });
  return columns([["step", "plan line", "A", "", "B"], ...rows], [5, 24, 20, 3, 20]);
}

const differs = (a: StepOutcome, b: StepOutcome | undefined): boolean => b?.result !== a.result;

function partingLines(
  { rows, partsAtStep, outcomesA }: Comparison,
  a: SimRun,
  b: SimRun,
): string[] {
  if (rows.first < 0) return ["No event differs."];
  const first = outcomesA.find((outcome) => outcome.n === partsAtStep)?.span.firstEvent ?? 0;
  const row = rows.differences.find((at) => (rows.a[at] ?? 0) >= first) ?? rows.first;
  const from = Math.max(0, row - BEFORE);
  const to = Math.min(rows.mark.length, row + AFTER);
  const lines: string[] = [
    partsAtStep < 0 ? "Where they part:" : `Where they part, step ${partsAtStep}:`,
  ];
  for (let at = from; at < to; at++) lines.push(...rowLines(rows, at, a, b));
  const left = rows.mark.length - to;
  return left === 0 ? lines : [...lines, `  ... ${left} more rows`];
}

/** An equal row once; a different one for each run that has it. */
function rowLines(rows: AlignedRows, row: number, a: SimRun, b: SimRun): string[] {
  const mark = MARKS[rows.mark[row] ?? 0] ?? "=";
  const sides = [
    ["A", a, rows.a[row] ?? 0],
    ["B", b, rows.b[row] ?? 0],
  ] as const;
  const shown = mark === "=" || mark === "≈" ? sides.slice(0, 1) : sides;
  return shown.flatMap(([letter, run, n]) => {
    const text = eventText(run, n);
    if (text === null) return [];
    const side = shown.length === 1 ? " " : letter;
    const sign = `  ${(ASCII_MARKS[mark] ?? mark).padEnd(3)}${side}`;
    const first = `${sign} ${String(n).padStart(5)}  `;
    return wrap(eventLine(text), { first, later: " ".repeat(first.length + 2) });
  });
}

function countLines(comparison: Comparison, a: SimRun, b: SimRun): string[] {
  const [equal, renamed, differing, onlyA, onlyB] = comparison.rows.counts;
  const delta = Math.round(comparison.estimatedDeltaNs);
  // Shadow tables go by gva, the others by gpa: only their pages can be set side by side.
  const entries = kvmTree(a.mode) === kvmTree(b.mode) ? "Table entries" : "Pages, by gfn,";
  return [
    ...wrap(
      `Events: ${equal} equal, ${renamed} renamed, ${differing} differ, ${onlyA} only in A, ` +
        `${onlyB} only in B.`,
    ),
    ...wrap(
      `Sum of reference changes: A ${comparison.balanceA}, B ${comparison.balanceB}. ` +
        `${entries} that differ at the end: ${comparison.entriesDiffer}. ` +
        `Time, B against A: ${delta >= 0 ? "+" : ""}${(delta / 1000).toFixed(2)} us (est).`,
    ),
    ...(comparison.rows.cut === "" ? [] : wrap(comparison.rows.cut)),
  ];
}
