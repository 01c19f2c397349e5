// `faultline witness`: through how many real traces each function of the model passes.
// Only traces that are equal to their simulation count: where the two part, the model's path is not
// the kernel's. Promises: sorted names, the same bytes whatever the number of workers.
import { modelFunctions } from "#shared/profile/called";
import { countWitnesses, witnessJson } from "#shared/profile/witness-file";
import { AXES_HELP, AXES_OPTIONS, checkFiles, type CheckedFile } from "./check-files.ts";
import { EXIT, isOn, textOf, type Command, type Invocation, warnerOf } from "./command.ts";
import { OUTPUT_HELP, OUTPUT_OPTIONS, refuseExisting, saveOutput } from "./output-file.ts";
import { tracesOf } from "./trace-files.ts";

export const witnessCommand: Command = {
  name: "witness",
  usage: "FILE|FOLDER…",
  summary: "count the real traces behind each function",
  about: [
    "Runs the plan of each trace as verify does and notes which functions of the",
    "model it passes through; a trace counts once for each of them, and only when",
    "it is equal to its simulation. The counts that come with faultline are shown",
    "by doctor --witness.",
  ].join("\n"),
  options: { ...AXES_OPTIONS, ...OUTPUT_OPTIONS },
  optionHelp: [...AXES_HELP, ...OUTPUT_HELP],
  arity: [1, 10_000],
  run: runWitness,
};

const isEqual = ({ checked }: CheckedFile): boolean =>
  checked.kind === "compared" && checked.verdict.equal;

async function runWitness(invocation: Invocation): Promise<number> {
  refuseExisting(invocation);
  const files = await tracesOf(invocation.args);
  const found = await checkFiles(invocation, files, true);
  const warn = warnerOf(invocation);
  if (invocation.signal.aborted) {
    warn(`Stopped: ${found.length} of ${files.length} traces were run. Nothing was counted.`);
    return EXIT.interrupted;
  }
  for (const { file } of found.filter((one) => !isEqual(one))) {
    warn(`${file}: not equal to its simulation, counts for nothing.`);
  }
  const counts = countWitnesses(found.filter(isEqual).map(({ called }) => called));
  const json = witnessJson(counts);
  const output = textOf(invocation, "output");
  if (output === "") invocation.io.out(json);
  else await saveOutput(output, json, isOn(invocation, "force"));
  const all = modelFunctions().length;
  const reached = Object.keys(counts.functions).length;
  warn(`${counts.traces} traces pass through ${reached} of ${all} functions.`);
  return EXIT.asExpected;
}
