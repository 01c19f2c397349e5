// What a verification of many traces leaves: one row a trace in the order of the files, and the
// part of the list that this is. Plain data with one schema, for JSON files and for merging.
// Promises: the same rows give the same bytes; keys stand in the order of the schema.
import { z } from "zod";
import { ENGINE_VERSION } from "#shared/model/simulate";
import type { Difference, Verdict } from "./difference.ts";
import { summaryOf } from "./verify-summary.ts";
import type { Verification, VerifyAxes } from "./verify-text.ts";

/** Changed whenever a reader of the JSON form would have to change. */
const RESULT_FORM = "verify/1";

const text = z.string().max(1 << 20);
const count = z.int().min(0);
const KINDS = ["step", "result", "event", "table", "page", "reference"] as const;
const SHAPES = ["missing", "extra", "swapped", "changed"] as const;

const difference = z.strictObject({
  kind: z.enum(KINDS),
  shape: z.enum(SHAPES),
  step: count,
  plan: text,
  line: count,
  field: text,
  expected: text.nullable(),
  got: text.nullable(),
  function: text,
  around: z.strictObject({ expected: z.array(text), got: z.array(text) }),
});

const counts = z.strictObject({
  steps: count,
  results: count,
  events: count,
  entries: count,
  pages: count,
  references: count,
  labMarks: count,
});

const row = z.strictObject({
  file: text,
  kernel: text,
  mode: text,
  lookup: text,
  scenario: text,
  verdict: z.enum(["equal", "differs", "not-simulated"]),
  /** Why it was not simulated, and the line that says so; "" and 0 otherwise. */
  reason: text,
  line: count,
  counts: counts.nullable(),
  first: difference.nullable(),
  also: z.array(difference),
});

const axes = z.strictObject({ kernel: text, mode: text, lookup: text });

/** Which part of which list: rows `index`, `index + of` … of a list of `files` names. */
const shard = z.strictObject({
  index: z.int().min(1),
  of: z.int().min(1),
  files: count,
  /** Digest of the whole list's names. */
  list: text,
});

const summary = z.strictObject({
  equal: count,
  total: count,
  cells: z.array(
    z.strictObject({
      kernel: text,
      mode: text,
      lookup: text,
      equal: count,
      total: count,
      differing: z.array(text),
      notSimulated: z.array(text),
    }),
  ),
});

/** The JSON form of a result: a whole run is shard 1 of 1. */
export const verifyResult = z.strictObject({
  faultline: z.literal(RESULT_FORM),
  engine: text,
  options: axes,
  shard,
  rows: z.array(row),
  summary,
});

export type VerifyResult = z.infer<typeof verifyResult>;
export type VerifyRow = z.infer<typeof row>;
export type Shard = z.infer<typeof shard>;

/** A trace that cannot be read is no row: it ends a verification as bad input. */
export type Checked = Exclude<Verification, { kind: "problems" }>;

export const isEqual = ({ verdict }: VerifyRow): boolean => verdict === "equal";

/** "…/tdp/lab_tail.trace" → "lab_tail" */
const scenarioOf = (file: string): string =>
  (file.split(/[\\/]/).at(-1) ?? "").replace(/\.trace$/, "");

const differenceRow = (found: Difference): z.infer<typeof difference> => ({
  kind: found.kind,
  shape: found.shape,
  step: found.step,
  plan: found.plan,
  line: found.line,
  field: found.field,
  expected: found.expected,
  got: found.got,
  function: found.by,
  around: { expected: [...found.around.expected], got: [...found.around.got] },
});

export function rowOf(file: string, by: VerifyAxes, checked: Checked): VerifyRow {
  const { kernel, mode, lookup } = by;
  const head = { file, kernel, mode, lookup, scenario: scenarioOf(file) };
  if (checked.kind === "not simulated") {
    const { message, line } = checked;
    const none = { counts: null, first: null, also: [] };
    return { ...head, verdict: "not-simulated", reason: message, line, ...none };
  }
  const { verdict } = checked;
  return {
    ...head,
    verdict: verdict.equal ? "equal" : "differs",
    reason: "",
    line: 0,
    counts: { ...verdict.counts },
    first: verdict.equal ? null : differenceRow(verdict.first),
    also: verdict.equal ? [] : verdict.also.map(differenceRow),
  };
}

const differenceOf = ({ function: by, ...rest }: z.infer<typeof difference>): Difference => ({
  ...rest,
  by,
});

/** What the comparison said; null where none was made. */
export function verdictOf({ counts: made, first, also }: VerifyRow): Verdict | null {
  if (made === null) return null;
  if (first === null) return { equal: true, counts: made };
  return {
    equal: false,
    counts: made,
    first: differenceOf(first),
    also: also.map(differenceOf),
  };
}

export function makeResult(
  options: VerifyAxes,
  part: Shard,
  rows: readonly VerifyRow[],
): VerifyResult {
  return {
    faultline: RESULT_FORM,
    engine: ENGINE_VERSION,
    options: { kernel: options.kernel, mode: options.mode, lookup: options.lookup },
    shard: { index: part.index, of: part.of, files: part.files, list: part.list },
    rows: [...rows],
    summary: summaryOf(rows),
  };
}

/** The JSON form, one row a line, so that it can be searched by line and compared by diff. */
export function resultJson(result: VerifyResult): string {
  const { rows, summary: cells, ...head } = result;
  const fields = Object.entries(head).map(
    ([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)},`,
  );
  const lines = rows.map((one) => JSON.stringify(one)).join(",\n");
  return [
    "{",
    ...fields,
    `"rows": [${rows.length === 0 ? "" : `\n${lines}\n`}],`,
    `"summary": ${JSON.stringify(cells)}`,
    "}",
    "",
  ].join("\n");
}
