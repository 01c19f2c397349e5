// Places a function in its kernel file and its colour family, and tells what one call of it costs.
// Promises an answer for every name; costs are instructions of the kernel's own tables, always an
// estimate.
// From: functions.table.ts, the kernel profile's costs and its list of inlined functions.
import type { FunctionInfo } from "#shared/engine/routine";
import type { KernelProfile } from "#shared/model/kernels/profile";
import { FUNCTION_FILES, type Family } from "./functions.table.ts";

export interface FunctionPlace {
  readonly file: string;
  readonly family: Family;
}

/** The kernel's name of a function: without what tells its variants apart after a dot. */
export const kernelName = (name: string): string => name.split(".")[0] ?? name;

const NO_PLACE: FunctionPlace = { file: "", family: "dim" };

const names = new Map<string, FunctionPlace>();
const prefixes: { readonly prefix: string; readonly place: FunctionPlace }[] = [];
for (const [file, family, list] of FUNCTION_FILES) {
  for (const word of list.split(/\s+/)) {
    if (word.endsWith("*")) prefixes.push({ prefix: word.slice(0, -1), place: { file, family } });
    else names.set(word, { file, family });
  }
}
prefixes.sort((a, b) => b.prefix.length - a.prefix.length);

export function placeOf(name: string): FunctionPlace {
  return (
    names.get(name) ?? prefixes.find(({ prefix }) => name.startsWith(prefix))?.place ?? NO_PLACE
  );
}

/** A kernel function that no trace has measured: the median of the tables' rows, about. */
export const UNMEASURED_COST = 40;

/** True for a name of the kernel's; our own threads and helpers are camelCase and cost nothing. */
export const isKernels = (name: string): boolean =>
  name.includes("_") || placeOf(name) !== NO_PLACE;

/**
 * Estimated nanoseconds of each function's own call, by id; 0 where its caller's figure holds it.
 */
export function costsOf(functions: readonly FunctionInfo[], kernel: KernelProfile): Float64Array {
  return Float64Array.from(functions, (info) => {
    const name = kernelName(info.name);
    const known = kernel.costs[name];
    if (known !== undefined) return known;
    if (kernel.inlined.includes(name) || !isKernels(name)) return 0;
    return UNMEASURED_COST;
  });
}

/** By id: 1 where the kernel's compiler left no function of its own. */
export function inlinedOf(functions: readonly FunctionInfo[], kernel: KernelProfile): Uint8Array {
  const inlined = new Set(kernel.inlined);
  return Uint8Array.from(functions, (info) =>
    info.inlined || inlined.has(kernelName(info.name)) ? 1 : 0,
  );
}
