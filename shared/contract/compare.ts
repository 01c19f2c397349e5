// Two runs side by side: one sentence, aligned
// rows by window, counts of both, final
// tables.
import { z } from "zod";
import { eventRow, runSummary } from "./runs.ts";
import { entryView } from "./state.ts";
import { hexWord, int32s, position, progress, runId } from "./values.ts";

const pair = z.object({ a: runId, b: runId });

export const MARKS = ["=", "≈", "≠", "A", "B"] as const;
export const alignmentMark = z.enum(MARKS);

export const compareRuns = {
  input: pair,
  item: progress,
  output: z.object({
    sentence: z.string(), // the verdict of the comparison
    detail: z.string(), // where they part and why, at most 40 words
    a: runSummary,
    b: runSummary,
    sameScenario: z.boolean(),
    equal: z.int(),
    renamed: z.int(),
    differs: z.int(),
    onlyA: z.int(),
    onlyB: z.int(),
    balanceA: z.int(), // sum of all reference changes
    balanceB: z.int(),
    entriesDiffer: z.int(),
    estimatedDeltaNs: z.number(),
    rows: z.int(),
    firstDifference: z.int(), // row index, -1: none
    differences: int32s, // row indexes
    cut: z.string(), // "" or what was left out
    // a and b are "pfn:…" handles for readPage
    pages: z.array(z.object({ name: z.string(), a: z.string(), b: z.string() })),
  }),
};

export const alignedRow = z.object({
  index: z.int(),
  mark: alignmentMark,
  a: eventRow.nullable(),
  b: eventRow.nullable(),
  field: z.string(), // the field that differs, or ""
});
export type AlignedRow = z.infer<typeof alignedRow>;

export const readAlignment = {
  input: pair.extend({ from: z.int().min(0), count: z.int().min(1).max(2000) }),
  output: z.object({ rows: z.array(alignedRow), total: z.int() }),
};

export const compareTables = {
  input: pair.extend({ eventA: position, eventB: position }), // 0: the end
  output: z.object({
    rows: z.array(
      z.object({
        level: z.int(),
        address: hexWord, // gva or gpa, as `space` says; of the gfn when pages are compared
        gfn: z.number(), // of the page; of the guest table that a shadow table stands for
        a: entryView.nullable(),
        b: entryView.nullable(),
        mark: alignmentMark,
        text: z.string(),
      }),
    ),
    total: z.int(),
    space: z.enum(["gva", "gpa", "gfn"]), // what rows go by; gfn: pages only, tables left out
  }),
};

/** 72-column plain text of a comparison, for a mail. */
export const compareText = { input: pair, output: z.object({ text: z.string() }) };
