// Which functions a run passes through, each once: the question behind witness counts.
// Promises: sorted names of kernel functions; variants of one function are one name. A run that was
// recorded without spans passes through none.
import "#shared/model/simulate"; // declares every function of the model
import { SPAN_ENTER, spanKind, spanValue } from "#shared/engine/spans";
import { type FunctionInfo, functionTable } from "#shared/engine/routine";
import type { SimRun } from "#shared/model/sim-run";
import { kernelName } from "./functions.ts";

export function calledFunctions({ record, functions }: SimRun): string[] {
  const isCalled = new Uint8Array(functions.length);
  for (const word of record.spans.words) {
    if (spanKind(word) === SPAN_ENTER) isCalled[spanValue(word)] = 1;
  }
  return namesOf(functions.filter((_, id) => isCalled[id] === 1));
}

/** All functions of the model, by the names that witness counts know. */
export const modelFunctions = (): string[] => namesOf(functionTable());

const namesOf = (functions: readonly FunctionInfo[]): string[] =>
  [...new Set(functions.map(({ name }) => kernelName(name)))].sort();
