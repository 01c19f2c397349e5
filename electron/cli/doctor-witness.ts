// `faultline doctor --witness`: every function of the model with the real traces that pass through
// it, most first; those that none reaches stand last and say so.
// From: the counts that come with faultline, and the functions that this program has.
import { modelFunctions } from "#shared/profile/called";
import { placeOf } from "#shared/profile/functions";
import { NOT_WITNESSED, WITNESSES, witnessesOf } from "#shared/profile/witness";
import type { Invocation } from "./command.ts";
import { textTable } from "./text-table.ts";

interface Row {
  function: string;
  file: string;
  traces: number;
}

const rows = (): Row[] =>
  modelFunctions()
    .map((name) => ({ function: name, file: placeOf(name).file, traces: witnessesOf(name) }))
    .sort((a, b) => b.traces - a.traces);

export function printWitnesses({ io, common }: Invocation): void {
  const all = rows();
  if (common.json) {
    io.out(`${JSON.stringify({ traces: WITNESSES, functions: all }, null, 2)}\n`);
    return;
  }
  const table = textTable(
    [{ title: "traces", align: "right" }, { title: "function" }, { title: "kernel file" }],
    all.map(({ function: name, file, traces }) => [
      String(traces),
      name,
      traces === 0 ? NOT_WITNESSED : file,
    ]),
  );
  const reached = all.filter(({ traces }) => traces > 0).length;
  io.out(`${table}\n${reached} of ${all.length} functions, ${WITNESSES} real traces\n`);
}
