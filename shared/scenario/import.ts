// From a lab plan or a trace to a scenario: the same lines in the same order, so that step numbers
// are kept. Leading back, slot and track lines, and a boot directly after them, become `setup`; all
// later lines become `steps`.
// From: the product's rule of import; the lab's plan files (`#` comments) and the STEP lines of its
// traces, plain or in function graphs.
import { MAX_STEPS } from "./limits.ts";
import { parseScenario } from "./parse.ts";
import { printScenario } from "./print.ts";

export interface ImportedLines {
  readonly lines: readonly string[];
  /** The first comment of a plan; "" when there is none. */
  readonly comment: string;
  /** Where the lines come from: a trace has STEP lines. */
  readonly kind: "plan" | "trace";
  /** Sentences on what is odd: steps that are missing at the start, lines beyond the limit. */
  readonly remarks: readonly string[];
}

export interface ImportOptions {
  /** Used when there is no comment. */
  readonly title?: string;
  readonly about?: string;
  readonly tags?: readonly string[];
}

const STEP = /\bSTEP ([0-9]+) ([^\n\r]*?)\s*(?:\*\/)?\s*$/;

/** The plan lines of a plan file or of a trace. */
export function readPlanLines(text: string): ImportedLines {
  const rows = text.split("\n");
  const isTrace = rows.some((row) => /(tracing_mark_write: |\/\* )STEP [0-9]+ /.test(row));
  return isTrace ? traceLines(rows) : planLines(rows);
}

function traceLines(rows: readonly string[]): ImportedLines {
  const lines: string[] = [];
  const remarks: string[] = [];
  for (const row of rows) {
    const step = STEP.exec(row);
    if (!step || step[2] === "end") continue;
    const n = Number(step[1]);
    if (n !== lines.length && remarks.length === 0) {
      remarks.push(
        `The trace has step ${n} where step ${lines.length} was expected; steps are numbered anew.`,
      );
    }
    if (lines.length < MAX_STEPS) lines.push(step[2] ?? "");
  }
  return { lines, comment: "", kind: "trace", remarks };
}

function planLines(rows: readonly string[]): ImportedLines {
  const lines: string[] = [];
  let comment = "";
  for (const row of rows) {
    const at = row.indexOf("#");
    if (at >= 0 && comment === "")
      comment = row
        .slice(at)
        .replace(/^[#\s]+/, "")
        .trim();
    const line = (at < 0 ? row : row.slice(0, at)).trim().replaceAll(/\s+/g, " ");
    if (line !== "" && lines.length < MAX_STEPS) lines.push(line);
  }
  return { lines, comment, kind: "plan", remarks: [] };
}

/**
 * How many of the lines become `setup`: up to the first that setup may not have, such as a slot
 * over
 * another, whose refusal by KVM is a result.
 */
export function setupLength(lines: readonly string[]): number {
  let count = 0;
  while (/^(back|slot|track)\s/.test(lines[count] ?? "")) count++;
  const refused = firstRefused(lines.slice(0, count));
  if (refused >= 0) return refused;
  return lines[count] === "boot" ? count + 1 : count;
}

function firstRefused(setup: readonly string[]): number {
  const text = printScenario({ title: "setup", setup, steps: [] });
  const error = parseScenario(text).diagnostics.find(({ severity }) => severity === "error");
  if (error === undefined) return -1;
  const index = error.line - 1 - text.split("\n").indexOf("setup:") - 1;
  return index < setup.length ? index : -1;
}

/**
 * A plan's or trace's text as a scenario's text. The result is to be parsed: foreign verbs show as
 * errors there.
 */
export function importPlan(text: string, options: ImportOptions = {}): string {
  const { lines, comment } = readPlanLines(text);
  const count = setupLength(lines);
  return printScenario({
    title: comment || options.title || "imported",
    ...(options.about ? { about: options.about } : {}),
    ...(options.tags ? { tags: options.tags } : {}),
    setup: lines.slice(0, count),
    steps: lines.slice(count),
  });
}
