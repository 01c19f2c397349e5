// The sections of a report as markup, each from its own part of the input.
// Owns the wording of headings and of "n of m" lines; every value goes through the escaping
// template.
// From: the order and content of the printed report.
import { amount, flameSvg } from "./flame.ts";
import { verdictShape, verdictWord } from "./glyphs.ts";
import { html, NOTHING, type Content, type Html } from "./html.ts";
import {
  MOST_LEDGER_ROWS,
  MOST_STEPS_SHOWN,
  MOST_TEXT,
  type ReportDifferences,
  type ReportEvent,
  type ReportInput,
  type ReportLedger,
  type ReportProfile,
  type ReportRun,
  type ReportTables,
} from "./input.ts";
import { columnsOf, table } from "./table.ts";
import { walkMarkup } from "./walk.ts";

export const count = (n: number): string => n.toLocaleString("en-US");
/** `+1`, `−1`, `0` */
export const signed = (n: number): string =>
  n > 0 ? `+${count(n)}` : n < 0 ? `−${count(-n)}` : "0";

/** The line that says how much of a table is shown; nothing when it is all. */
export const cutLine = (shown: number, total: number, what: string): Html =>
  shown >= total
    ? NOTHING
    : html`<p class="cut">${count(shown)} of ${count(total)} ${what} are shown.</p>`;

const addressLine = (address: string): Html =>
  address === "" ? NOTHING : html`<p class="addr mono">${address}</p>`;

const originMark = (run: ReportRun): Html => html`<span class="mark">${run.origin}</span>`;
const lookupName = (run: ReportRun): string =>
  run.isPosted ? run.lookup : `${run.lookup} (never posted as code)`;
const runName = (run: ReportRun): string => `${run.letter}: ${lookupName(run)}, ${run.kernel}`;

export function verdictColumns(runs: readonly ReportRun[]): Html {
  const sides = runs.map(
    (run) => html`<div>${verdictShape(run.verdict, 16)}
<b>${run.sentence}</b><span>${run.because}</span></div>
`,
  );
  return html`<div class="vs">${sides}</div>`;
}

const VERDICT_COLUMNS = columnsOf(
  "mono Run",
  "mono Design",
  "t2",
  "text Verdict",
  "t2 Kernel",
  "mono Mode",
  "text From",
  "num Events",
  "num Δref",
  "num Time",
  "num Events equal",
);

export function verdictsSection(input: ReportInput): Html {
  const rows = input.runs.map((run) => ({
    cells: [
      run.letter,
      lookupName(run),
      run.lookupTitle,
      verdictWord(run.verdict),
      run.kernel,
      run.mode,
      originMark(run),
      count(run.events),
      signed(run.deltaRef),
      amount(run.estimatedNs, "ns"),
      run.equal === "" ? "—" : run.equal,
    ],
  }));
  const found = input.runs.map(findingList);
  return html`${table(VERDICT_COLUMNS, rows)}${stepTable(input.runs)}${found}`;
}

/** Each step once, with every run's result. */
function stepTable(runs: readonly ReportRun[]): Html {
  const first = runs[0];
  if (first === undefined) return NOTHING;
  const steps = first.steps.slice(0, MOST_STEPS_SHOWN * 5);
  const columns = [
    ...columnsOf("num Step", "mono wrap Plan line"),
    ...runs.map((run) => ({ head: runName(run), kind: "text" })),
  ];
  const rows = steps.map((step) => ({
    cells: [step.n, step.line, ...runs.map((run) => stepResult(run, step.n))],
  }));
  const cut = cutLine(steps.length, first.steps.length, "steps");
  return html`<h3>Steps</h3>${table(columns, rows)}${cut}`;
}

function stepResult(run: ReportRun, n: number): Content {
  const step = run.steps.find((known) => known.n === n);
  if (step === undefined) return "not run";
  const shape = step.verdict === null ? NOTHING : verdictShape(step.verdict);
  return html`${shape} <span class="mono">${step.result}</span>`;
}

function findingList(run: ReportRun): Html {
  if (run.findings.length === 0) return NOTHING;
  const rows = run.findings.map(({ rule, sentence, evidence }) => ({
    cells: [rule, html`${sentence}<br><span class="t2">${evidence}</span>`],
  }));
  const columns = columnsOf("mono Rule", "text What");
  return html`<h3>Findings in ${run.letter}</h3>${table(columns, rows)}`;
}

export function differencesSection(
  differences: ReportDifferences,
  runs: readonly ReportRun[],
): Html {
  const [equal, renamed, differs, onlyA, onlyB] = differences.counts;
  const counts =
    `${count(equal)} equal, ${count(renamed)} renamed (≈), ` +
    `${count(differs)} differ (≠), ${count(onlyA)} only in A, ${count(onlyB)} only in B.`;
  return html`<p><b>${differences.sentence}</b></p>
<p class="t2">${differences.detail}</p>
<p class="t2">${counts}</p>
${alignment(differences, runs)}
${cutLine(differences.rows.length, differences.total, "rows")}${addressLine(differences.address)}`;
}

function alignment(differences: ReportDifferences, runs: readonly ReportRun[]): Html {
  const head = (letter: string): string => {
    const run = runs.find((known) => known.letter === letter);
    return run === undefined ? letter : runName(run);
  };
  const rows = differences.rows.map((row, at) => {
    const hot = at === differences.first ? html` class="hot"` : NOTHING;
    const mark = row.mark === "=" ? "" : row.mark;
    return html`<tr data-mark="${row.mark}"${hot}>${eventCells(row.a)}
<td class="k">${mark}</td>${eventCells(row.b)}</tr>
`;
  });
  return html`<table class="al">
<colgroup><col class="n"><col><col class="k"><col class="n"><col></colgroup>
<thead><tr><th class="r">#</th><th>${head("A")}</th><th class="k"></th>
<th class="r">#</th><th>${head("B")}</th></tr></thead>
<tbody>${rows}</tbody></table>`;
}

function eventCells(event: ReportEvent | null): Html {
  if (event === null) return html`<td></td><td></td>`;
  const name = event.name === "" ? NOTHING : html`${event.name} `;
  return html`<td class="num t3">${event.n}</td>
<td class="mono">${name}<span class="t2">${event.text}</span></td>`;
}

const KEY =
  "T table, W writable, R read-only, a access-tracked, P write-protected by KVM, M MMIO, " +
  "Z frozen, · not present. The ring marks what the step wrote.";

export function tablesSection(tables: ReportTables): Html {
  const steps = tables.steps.slice(0, MOST_STEPS_SHOWN);
  const shown = Math.max(
    0,
    steps.findIndex((step) => step.n === tables.shown),
  );
  const bodies = steps.map(
    (step) => html`<div class="step" data-name="${step.n} ${step.line}">
<h3>After step ${step.n}: <span class="mono">${step.line}</span></h3>
${walkMarkup(step.walk)}</div>
`,
  );
  const captions = tables.captions.map(({ head, text }) => html`<b>${head}</b><p>${text}</p>`);
  return html`<div class="fig"><div data-steps="${shown}">${bodies}</div>
<div class="cap">${captions}<b>Key.</b><p>${KEY}</p></div></div>
${cutLine(steps.length, tables.steps.length, "steps")}${addressLine(tables.address)}`;
}

const LEDGER_COLUMNS = columnsOf(
  "num Event",
  "num Step",
  "num Δref",
  "num Count",
  "text Cause",
  "mono wrap Call path",
  "num Pair",
);

export function ledgerSection(ledger: ReportLedger): Html {
  const shown = ledger.rows.slice(0, MOST_LEDGER_ROWS);
  const rows = shown.map((row) => ({
    isMarked: row.isOpen && row.delta < 0,
    cells: [row.event, row.step, signed(row.delta), row.count, row.cause, row.path, pairText(row)],
  }));
  return html`<h3>Run ${ledger.letter}, ${ledger.page}</h3>${table(LEDGER_COLUMNS, rows)}
${cutLine(shown.length, ledger.total, "changes")}${addressLine(ledger.address)}`;
}

function pairText({ pair, delta }: ReportLedger["rows"][number]): string {
  if (pair !== null) return count(pair);
  return delta > 0 ? "no put yet" : "no get";
}

export function profileSection(profile: ReportProfile): Html {
  const { svg, hidden } = flameSvg(profile.tree, profile.unit, profile.title);
  const narrow =
    hidden === 0 ? "" : `${count(hidden)} frames narrower than a pixel are not drawn. `;
  const note = `${narrow}${profile.note}`.trim();
  return html`<h3>${profile.title} <span class="mark est">est</span></h3>
${svg}${note === "" ? NOTHING : html`<p class="cut">${note}</p>`}${addressLine(profile.address)}`;
}

/** A block of plain text, cut where it is too long. */
export function textBlock(text: string): Content {
  if (text.length <= MOST_TEXT) return html`<pre>${text}</pre>`;
  const cut = cutLine(MOST_TEXT, text.length, "characters");
  return html`<pre>${text.slice(0, MOST_TEXT)}</pre>${cut}`;
}
