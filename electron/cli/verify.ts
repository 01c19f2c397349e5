// `faultline verify`: real traces against the model, step by step, to the first difference.
// A folder stands for all .trace files below it; the folders above a file tell kernel and mode.
// Exit code 1: a trace differs, or could not be run. The same traces and options give the same
// bytes, whatever the number of workers; a shard's result file is what `faultline merge` reads.
import {
  isEqual,
  makeResult,
  resultJson,
  rowOf,
  type VerifyResult,
} from "#shared/verify/verify-result";
import { resultText } from "#shared/verify/verify-result-text";
import { axesOf } from "#shared/verify/verify-text";
import { AXES_HELP, AXES_OPTIONS, axesFrom, checkFiles, type CheckedFile } from "./check-files.ts";
import { EXIT, isOn, textOf, type Command, type Invocation } from "./command.ts";
import { OUTPUT_HELP, OUTPUT_OPTIONS, refuseExisting, saveOutput } from "./output-file.ts";
import { filesOfShard, shardOf, tracesOf } from "./trace-files.ts";

export const verifyCommand: Command = {
  name: "verify",
  usage: "FILE|FOLDER…",
  summary: "compare real traces with the model",
  about: [
    "Runs the plan of each trace on the simulated kernel it was recorded on and",
    "compares results, events in order, KVM's tables and tracked pages. Kernel,",
    "mode and lookup are told by the folders (…/6.12/tdp/), or by options.",
    "--json and -o give one row a trace; the form is in electron/cli/README.md.",
  ].join("\n"),
  options: { ...AXES_OPTIONS, shard: { type: "string" }, ...OUTPUT_OPTIONS },
  optionHelp: [
    ...AXES_HELP,
    ["--shard I/N", "only every N-th trace, from the I-th; see merge"],
    ...OUTPUT_HELP,
  ],
  arity: [1, 10_000],
  run: runVerify,
};

async function runVerify(invocation: Invocation): Promise<number> {
  refuseExisting(invocation);
  const all = await tracesOf(invocation.args);
  const shard = shardOf(invocation, all);
  const files = filesOfShard(all, shard);
  const axes = axesFrom(invocation);
  const checked = await checkFiles(invocation, files, false);
  const row = ({ file, checked: found }: CheckedFile) => rowOf(file, axesOf(file, axes), found);
  const result = makeResult(axes, shard, checked.map(row));
  if (!invocation.signal.aborted) return await giveResult(invocation, result);
  const { io, common } = invocation;
  if (!common.json) io.out(resultText(result, common.quiet));
  io.err(
    `Stopped: ${checked.length} of ${files.length} traces were checked. No file was written.\n`,
  );
  return EXIT.interrupted;
}

/** Prints a result, writes it where -o says, and tells by the code whether all is equal. */
export async function giveResult(invocation: Invocation, result: VerifyResult): Promise<number> {
  const { io, common } = invocation;
  const json = resultJson(result);
  const output = textOf(invocation, "output");
  if (output !== "") await saveOutput(output, json, isOn(invocation, "force"));
  io.out(common.json ? json : resultText(result, common.quiet));
  return result.rows.every(isEqual) ? EXIT.asExpected : EXIT.finding;
}
