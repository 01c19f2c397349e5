// The report as one HTML file: readable from a file, without network, without script, on paper.
// Promises: every value is escaped, the policy allows one script by its hash and nothing from
// outside, the size is bounded.
// From: the sections of input.ts in their order; numbering follows what is there.
import { Html, html, NOTHING, type Content } from "./html.ts";
import {
  KEPT_ROWS,
  MOST_BYTES,
  type ReportInput,
  type ReportTables,
  type Section,
} from "./input.ts";
import { SCRIPT } from "./script.ts";
import { scriptHash } from "./sha256.ts";
import {
  count,
  differencesSection,
  ledgerSection,
  profileSection,
  tablesSection,
  textBlock,
  verdictColumns,
  verdictsSection,
} from "./sections.ts";
import { STYLE } from "./style.ts";

export interface ReportFile {
  readonly content: string;
  readonly bytes: number;
  /** "" or what was left out to stay below the limit. */
  readonly cut: string;
}

const POLICY =
  `default-src 'none'; style-src 'unsafe-inline'; script-src '${scriptHash(SCRIPT)}'; ` +
  "base-uri 'none'; form-action 'none'";

/** What stays of ledgers and of steps' tables in a document that is too large. */
const LEDGERS_KEPT = 4;
const STEPS_KEPT = 3;

interface Part {
  readonly section: Section | "reproduce";
  readonly title: string;
  readonly body: Content;
  /** May be split between pages of paper. */
  readonly isLong: boolean;
}

/** The file; too long alignments keep their first and last rows and all differences. */
export function makeReportHtml(input: ReportInput): ReportFile {
  const whole = documentOf(input);
  const size = byteLength(whole);
  if (size <= MOST_BYTES) return { content: whole, bytes: size, cut: "" };
  const smaller = documentOf(shortened(input));
  const events = count(input.differences?.total ?? 0);
  return {
    content: smaller,
    bytes: byteLength(smaller),
    cut:
      `${events} rows exceed 1 MB: the first and last ${KEPT_ROWS} and the differences are kept, ` +
      `${LEDGERS_KEPT} ledgers and ${2 * STEPS_KEPT + 1} steps of page tables.`,
  };
}

/** Rows that survive when the document is too large: both ends, and what differs in between. */
function shortened(input: ReportInput): ReportInput {
  const { differences } = input;
  const less = {
    ...input,
    real: [],
    ledgers: input.ledgers.slice(0, LEDGERS_KEPT),
    tables: input.tables.map(fewerSteps),
  };
  if (differences === null) return less;
  const last = differences.rows.length - KEPT_ROWS;
  let spare = KEPT_ROWS * 2;
  const kept = differences.rows.flatMap((row, at) => {
    const isDifferent = row.mark !== "=" && row.mark !== "≈";
    const isKept =
      at < KEPT_ROWS || at >= last || at === differences.first || (isDifferent && spare-- > 0);
    return isKept ? [{ row, isFirst: at === differences.first }] : [];
  });
  return {
    ...less,
    differences: {
      ...differences,
      rows: kept.map(({ row }) => row),
      first: kept.findIndex(({ isFirst }) => isFirst),
    },
  };
}

/** The step shown first and its neighbours. */
function fewerSteps(tables: ReportTables): ReportTables {
  const at = tables.steps.findIndex((step) => step.n === tables.shown);
  const from = Math.max(0, at - STEPS_KEPT);
  return { ...tables, steps: tables.steps.slice(from, from + 2 * STEPS_KEPT + 1) };
}

function partsOf(input: ReportInput): readonly Part[] {
  const wants = (section: Section): boolean => input.sections.includes(section);
  const parts: (Part | null)[] = [
    wants("verdicts") ? part("verdicts", "Verdicts", verdictsSection(input), true) : null,
    wants("differences") && input.differences !== null
      ? part(
          "differences",
          "Where the runs part",
          differencesSection(input.differences, input.runs),
          true,
        )
      : null,
    ...(wants("tables") ? input.tables : []).map((tables) =>
      part("tables", tables.title, tablesSection(tables)),
    ),
    wants("ledger") && input.ledgers.length > 0
      ? part("ledger", "Reference ledger", input.ledgers.map(ledgerSection), true)
      : null,
    wants("profile") && input.profiles.length > 0
      ? part("profile", "Profile", input.profiles.map(profileSection), true)
      : null,
    wants("schedule") && input.schedules.length > 0
      ? part(
          "schedule",
          "Schedule",
          input.schedules.map(({ letter, text }) => html`<h3>Run ${letter}</h3>${textBlock(text)}`),
        )
      : null,
    wants("real") && input.real.length > 0
      ? part(
          "real",
          "From the real trace",
          input.real.map(
            ({ title, text }) =>
              html`<h3>${title} <span class="mark">real</span></h3>${textBlock(text)}`,
          ),
          true,
        )
      : null,
    wants("scenario") ? part("scenario", "Scenario", textBlock(input.scenario.text), true) : null,
    input.commands.length > 0
      ? part("reproduce", "Reproduce", textBlock(input.commands.join("\n")))
      : null,
    wants("provenance") ? part("provenance", "Provenance", provenance(input)) : null,
  ];
  return parts.filter((one) => one !== null);
}

const part = (section: Part["section"], title: string, body: Content, isLong = false): Part => ({
  section,
  title,
  body,
  isLong,
});

const provenance = (input: ReportInput): Html =>
  html`<table><tbody>${input.provenance.map(
    ({ label, value }) =>
      html`<tr><td class="t2">${label}</td><td class="mono wrap">${value}</td></tr>`,
  )}</tbody></table>`;

function sectionMarkup({ section, title, body, isLong }: Part, index: number): Html {
  const id = `${section}-${index + 1}`;
  return html`<section id="${id}"${isLong ? html` class="long"` : NOTHING}>
<h2><i>${index + 1}</i><a href="#${id}">${title}</a></h2>
${body}</section>
`;
}

function documentOf(input: ReportInput): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width">
<meta name="referrer" content="no-referrer">
<title>${input.title}</title>
<style>${new Html(STYLE)}</style></head>
<body>
${headMarkup(input)}
<main>
${input.sections.includes("verdicts") ? verdictColumns(input.runs) : NOTHING}
${partsOf(input).map(sectionMarkup)}</main>
<footer>${footLine(input)}</footer>
<script>${new Html(SCRIPT)}</script></body></html>
`.text;
}

function headMarkup({ title, about, note, scenario, runs }: ReportInput): Html {
  const modes = [...new Set(runs.map((run) => run.mode))].join(", ");
  const digest = html`<span class="mono">digest ${scenario.digest}</span>`;
  const end = html`${scenario.name} · ${modes} · ${digest}`;
  return html`<header>
<div class="top"><b>Faultline</b><span>report</span><span class="end">${end}</span></div>
<h1>${title}</h1>${about === "" ? NOTHING : html`<p class="lede">${about}</p>`}${
    note === "" ? NOTHING : html`<p class="note">${note}</p>`
  }</header>`;
}

function footLine({ runs }: ReportInput): string {
  const real = runs.filter((run) => run.origin === "real").length;
  const from =
    real === 0
      ? "All runs are simulated."
      : `${count(real)} of ${count(runs.length)} runs are real traces.`;
  return `${from} Times are estimates from instruction counts (est), never measured by a clock.`;
}

/** Length in UTF-8, which is what a file has. */
export function byteLength(text: string): number {
  let bytes = 0;
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}
