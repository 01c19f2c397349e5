// The file of witness counts: how many real traces pass through each function of the model.
// A function that none passes through is not in it. Made by `faultline witness`, kept as data.
// Promises: names sorted, one a line, so that a change of the model shows as changed lines.
import { z } from "zod";

const FORM = "witness/1";

export const witnessCounts = z.strictObject({
  faultline: z.literal(FORM),
  /** Real traces that equal their simulation. */
  traces: z.int().min(0),
  functions: z.record(z.string(), z.int().min(1)),
});
export type WitnessCounts = z.infer<typeof witnessCounts>;

/** From the functions that each trace passes through, each once. */
export function countWitnesses(traces: readonly (readonly string[])[]): WitnessCounts {
  const counts = new Map<string, number>();
  for (const name of traces.flat()) counts.set(name, (counts.get(name) ?? 0) + 1);
  const sorted = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  return { faultline: FORM, traces: traces.length, functions: Object.fromEntries(sorted) };
}

export const witnessJson = (counts: WitnessCounts): string =>
  `${JSON.stringify(counts, null, 2)}\n`;
