// The verdict of a comparison as text for a terminal and as plain data for JSON.
// Owns the wording; the same verdict always gives the same bytes.
// From: the product's rule that a difference names step, line, field, both sides and our function.
import type { Difference, Verdict } from "./difference.ts";

const KIND_WORDS: Readonly<Record<Difference["kind"], string>> = {
  step: "The plans differ",
  result: "The result differs",
  event: "The events differ",
  table: "KVM's tables differ",
  page: "A host page differs",
  reference: "The reference counts differ",
};
const SHAPE_WORDS: Readonly<Record<Difference["shape"], string>> = {
  missing: "ours lacks it",
  extra: "ours has one more",
  swapped: "the order is swapped",
  changed: "changed",
};
const NOTHING = "(nothing)";
const FULL_FIELDS: ReadonlySet<string> = new Set(["event", "entry", "page", "plan"]);

function headline(difference: Difference): string {
  const { kind, step, plan, field, shape, line } = difference;
  const where = line === 0 ? "" : `, line ${line}`;
  const what = FULL_FIELDS.has(field) ? "" : ` in ${field}`;
  return `step ${step} (${plan})${where}: ${KIND_WORDS[kind]}${what}: ${SHAPE_WORDS[shape]}`;
}

function around(difference: Difference): string[] {
  const { expected, got } = difference.around;
  if (expected.length + got.length === 0) return [];
  const mark = (text: string, ours: string | null): string => (text === ours ? "  > " : "    ");
  return [
    "  around, expected:",
    ...expected.map((text) => mark(text, difference.expected) + text),
    "  around, got:",
    ...got.map((text) => mark(text, difference.got) + text),
  ];
}

function sides(difference: Difference): string[] {
  const by = difference.by === "" ? [] : [`  made by:  ${difference.by}()`];
  return [
    `  expected: ${difference.expected ?? NOTHING}`,
    `  got:      ${difference.got ?? NOTHING}`,
    ...by,
  ];
}

/** One line for a verdict: `equal` with its counts, or the first difference's headline. */
export function verdictLine(name: string, verdict: Verdict): string {
  const { steps, results, events, entries, pages, references, labMarks } = verdict.counts;
  if (!verdict.equal) return `${name}: differs at ${headline(verdict.first)}`;
  return (
    `${name}: equal (${steps} steps, ${results} results, ${events} events, ` +
    `${entries} table entries, ${pages} page states` +
    `${references === 0 ? "" : `, ${references} reference changes`})` +
    (labMarks === 0 ? "" : `; lab pages taken with ${labMarks} marks of use of an earlier plan`)
  );
}

/** The whole verdict for a terminal, without a newline at its end. */
export function differenceText(name: string, verdict: Verdict): string {
  if (verdict.equal) return verdictLine(name, verdict);
  const also = verdict.also.flatMap((difference) => [
    `  in the same step: ${headline(difference)}`,
    ...sides(difference).map((text) => `  ${text}`),
  ]);
  return [
    verdictLine(name, verdict),
    ...sides(verdict.first),
    ...around(verdict.first),
    ...also,
  ].join("\n");
}

/** The verdict as JSON text with a fixed order of keys. */
export const verdictJson = (name: string, verdict: Verdict): string =>
  JSON.stringify({ trace: name, ...verdict }, null, 2);
