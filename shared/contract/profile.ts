// Call trees of a run, or of a part of it, as columns; and the difference of two.
// Estimated nanoseconds come from instruction-cost tables and are never measured by a
// clock.
import { z } from "zod";
import { float64s, int32s, position, runId } from "./values.ts";

export const weight = z.enum(["est", "ticks", "events", "calls"]);

/** Row 0 is the root. A parent's row comes before its children's. */
export const callTree = z.object({
  parent: int32s,
  fn: int32s, // index into functions
  total: float64s,
  self: float64s,
  count: int32s,
  start: float64s, // offset of the frame on the flame's axis, in the weight's unit
  functions: z.array(z.string()),
  families: z.array(z.string()), // per function: token family of its file ("mmu", "tdp" …)
  files: z.array(z.string()), // per function: kernel file
  merged: z.boolean(),
});

export const readProfile = {
  input: z.object({
    id: runId,
    by: weight,
    fromEvent: position, // part of the run: events from..to; 0..0 means the whole run
    toEvent: position,
    merged: z.boolean(), // equal paths joined; false: in time order
    withInlined: z.boolean(),
  }),
  output: z.object({ tree: callTree, unit: z.string(), isEstimate: z.boolean(), note: z.string() }),
};

export const readProfileDifference = {
  input: z.object({ a: runId, b: runId, by: weight, withInlined: z.boolean() }),
  output: z.object({
    tree: callTree, // total and self are the larger of the two
    totalA: float64s,
    totalB: float64s,
    selfA: float64s,
    selfB: float64s,
    unit: z.string(),
    isEstimate: z.boolean(),
  }),
};

/** Text forms for other tools. */
export const exportProfile = {
  input: z.object({ id: runId, by: weight, form: z.enum(["folded", "speedscope", "chrome"]) }),
  output: z.object({ name: z.string(), text: z.string() }),
};
