// The report as plain text: 72 columns of ASCII, the same facts in the same order, for a mail.
// Promises no line longer than 72 columns in what the report itself says; scenario lines stay as
// they are.
// From: the sections of input.ts; pictures become sentences or lists.
import { eventLine } from "#shared/compare/event-text";
import { ascii, columns, MAIL_WIDTH, wrap } from "#shared/compare/text72";
import {
  type ReportDifferences,
  type ReportEvent,
  type ReportInput,
  type ReportLedger,
  type ReportProfile,
  type ReportRun,
} from "./input.ts";

const ROWS_SHOWN = 24;
const FRAMES_SHOWN = 12;
const MARKS: Readonly<Record<string, string>> = { "=": "=", "≈": "~", "≠": "!=", A: "A", B: "B" };

export function makeReportText(input: ReportInput): string {
  const wants = (section: ReportInput["sections"][number]): boolean =>
    input.sections.includes(section);
  const blocks: (readonly string[])[] = [
    [...wrap(input.title), "=".repeat(Math.min(MAIL_WIDTH, ascii(input.title).length))],
    wrap(input.about),
    input.note.split("\n").flatMap((line) => wrap(line)),
    wants("verdicts") ? input.runs.flatMap(runLines) : [],
    wants("verdicts") ? stepLines(input.runs) : [],
    wants("verdicts") ? input.runs.flatMap(findingLines) : [],
    wants("differences") && input.differences !== null ? differenceLines(input.differences) : [],
    wants("ledger") ? input.ledgers.flatMap(ledgerLines) : [],
    wants("profile") ? input.profiles.flatMap(profileLines) : [],
    wants("schedule")
      ? input.schedules.flatMap(({ letter, text }) => [`Schedule of ${letter}:`, ...indented(text)])
      : [],
    wants("scenario") ? ["Scenario:", ...indented(input.scenario.text)] : [],
    input.commands.length === 0
      ? []
      : ["Reproduce:", ...input.commands.map((command) => `  ${ascii(command)}`)],
    wants("provenance")
      ? input.provenance.flatMap(({ label, value }) => wrap(`${label}: ${value}`, { later: "  " }))
      : [],
    wrap("Simulated unless marked real. Times are estimates (est)."),
  ];
  const shown = blocks.filter((block) => block.length > 0);
  return `${shown.map((block) => block.join("\n")).join("\n\n")}\n`;
}

const indented = (text: string): string[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => `  ${ascii(line)}`.trimEnd());

function runLines(run: ReportRun): string[] {
  const posted = run.isPosted ? "" : ", never posted as code";
  return [
    ...wrap(run.sentence, { first: `${run.letter}  `, later: "   " }),
    ...wrap(
      [
        `${run.lookup} (${run.lookupTitle}${posted}), ${run.kernel}, ${run.mode}, ${run.origin}.`,
        run.because,
      ].join(" "),
      { first: "   ", later: "   " },
    ),
  ];
}

function stepLines(runs: readonly ReportRun[]): string[] {
  const first = runs[0];
  if (first === undefined) return [];
  const width = Math.floor((MAIL_WIDTH - 28) / runs.length);
  const results = (n: number): string[] =>
    runs.map((run) => run.steps.find((step) => step.n === n)?.result ?? "not run");
  const rows = first.steps.map((step) => [String(step.n), step.line, ...results(step.n)]);
  const widths = [5, 23, ...runs.map(() => width)];
  return columns([["step", "plan line", ...runs.map((run) => run.letter)], ...rows], widths);
}

const findingLines = (run: ReportRun): string[] =>
  run.findings.flatMap((finding) =>
    wrap(`${run.letter}, ${finding.rule}: ${finding.sentence} ${finding.evidence}`, {
      later: "   ",
    }),
  );

function differenceLines(differences: ReportDifferences): string[] {
  const { rows, first, counts } = differences;
  const from = Math.max(0, first - 4);
  const shown = rows.slice(from, from + ROWS_SHOWN);
  const [equal, renamed, differs, onlyA, onlyB] = counts;
  return [
    ...wrap(differences.sentence),
    ...wrap(differences.detail),
    "",
    ...shown.flatMap((row) => rowLines(row.mark, row.a, row.b)),
    ...(rows.length > shown.length ? [`  ${shown.length} of ${differences.total} rows.`] : []),
    "",
    ...wrap(
      `${equal} equal, ${renamed} renamed, ${differs} differ, ` +
        `${onlyA} only in A, ${onlyB} only in B.`,
    ),
  ];
}

function rowLines(mark: string, a: ReportEvent | null, b: ReportEvent | null): string[] {
  const sign = (MARKS[mark] ?? mark).padEnd(3);
  const lines = (letter: string, { n, name, text }: ReportEvent): string[] => {
    const first = `  ${sign}${letter} ${String(n).padStart(5)}  `;
    return wrap(eventLine({ name, body: text }), { first, later: " ".repeat(first.length + 2) });
  };
  if (a !== null && (mark === "=" || mark === "≈")) return lines(" ", a);
  return [...(a === null ? [] : lines("A", a)), ...(b === null ? [] : lines("B", b))];
}

function ledgerLines(ledger: ReportLedger): string[] {
  const rows = ledger.rows
    .slice(0, ROWS_SHOWN)
    .map((row) => [
      "",
      String(row.event),
      row.delta > 0 ? `+${row.delta}` : String(row.delta),
      String(row.count),
      row.cause,
      row.pair === null ? "no pair" : `pair ${row.pair}`,
    ]);
  const more = ledger.total > rows.length ? [`  ${rows.length} of ${ledger.total} changes.`] : [];
  return [
    `References of ${ascii(ledger.page)} in ${ledger.letter}:`,
    ...columns(rows, [2, 7, 5, 5, 32]),
    ...more,
  ];
}

/** The functions with the largest self, as a list. */
function profileLines(profile: ReportProfile): string[] {
  const { tree } = profile;
  const self = new Map<string, number>();
  tree.fn.forEach((fn, row) => {
    const name = tree.functions[fn] ?? "";
    self.set(name, (self.get(name) ?? 0) + (tree.self[row] ?? 0));
  });
  const total = tree.total[0] ?? 0;
  const rows = [...self]
    .filter(([, value]) => value > 0)
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const lines = rows
    .slice(0, FRAMES_SHOWN)
    .map(([name, value]) => [
      "",
      `${((value / total) * 100).toFixed(1)} %`,
      profile.unit === "ns" ? `${(value / 1000).toFixed(3)} us` : String(value),
      name,
    ]);
  const more = rows.length > lines.length ? [`  ${lines.length} of ${rows.length} functions.`] : [];
  return [
    ...wrap(`${profile.title}, self (${profile.unit === "ns" ? "est" : profile.unit}):`),
    ...columns(lines, [2, 8, 14, 44]),
    ...more,
  ];
}
