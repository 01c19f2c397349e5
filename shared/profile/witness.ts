// How many real traces pass through a function of the model: the counts that come with faultline,
// and their words. A function that is modelled and not in the counts is reached by no real trace:
// its code is read from the source alone, nothing that a kernel printed confirms it.
import { isKernels } from "./functions.ts";
import counts from "./witness.json" with { type: "json" };

/** Real traces that were counted. */
export const WITNESSES: number = counts.traces;

const functions = new Map<string, number>(Object.entries<number>(counts.functions));

/** By the kernel's name of a function of the model. */
export const witnessesOf = (name: string): number => functions.get(name) ?? 0;

export const NOT_WITNESSED = "modelled, not witnessed";

/** For a function of the kernel's that the model has; "" for what is not the kernel's. */
export function witnessText(name: string): string {
  if (!isKernels(name)) return "";
  const traces = witnessesOf(name);
  if (traces === 0) return NOT_WITNESSED;
  return `witnessed by ${traces} real ${traces === 1 ? "trace" : "traces"}`;
}
