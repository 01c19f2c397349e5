// `faultline import`: a lab plan or a real trace becomes a scenario.
// A trace's STEP lines keep their numbers, so that events of the real run and of the simulated one
// can be compared step by step.
// Promises: a cut trace, or a file that is neither, is refused with the place and what to do.
import { basename } from "node:path";
import { importPlan, readPlanLines } from "#shared/scenario/import";
import { nearestWord } from "#shared/scenario/nearest";
import { VCPU_NAMES, VERB_BY_NAME } from "#shared/scenario/words";
import { badPlace, choiceOf, EXIT, type Command, type Invocation } from "./command.ts";
import { checkWholeTrace, MAX_TRACE_BYTES, readText } from "./input-file.ts";

export const importCommand: Command = {
  name: "import",
  usage: "--as scenario FILE",
  summary: "make a scenario of a lab plan or of a real trace",
  about: [
    "Prints a scenario whose steps are the plan's lines, or the STEP lines that",
    "the lab writes into its traces, in the same order and with the same numbers.",
  ].join("\n"),
  options: { as: { type: "string" } },
  optionHelp: [["--as scenario", "what to make; a scenario is the default"]],
  arity: [1, 1],
  run: runImport,
};

async function runImport(invocation: Invocation): Promise<number> {
  choiceOf(invocation, "as", ["scenario"], "scenario");
  const [file = ""] = invocation.args;
  const { io, common } = invocation;
  const text = await readText(file, MAX_TRACE_BYTES);
  const { lines, kind, remarks } = readPlanLines(text);
  if (kind === "trace") checkWholeTrace(file, text);
  else checkPlan(file, text);
  if (!common.quiet) for (const remark of remarks) io.err(`${file}: ${remark}\n`);
  const scenario = importPlan(text, { title: basename(file).replace(/\.[^.]*$/, "") });
  if (common.json) io.out(`${JSON.stringify({ kind, lines, scenario }, null, 2)}\n`);
  else io.out(scenario);
  return EXIT.asExpected;
}

function checkPlan(file: string, text: string): void {
  let steps = 0;
  for (const [index, row] of text.split("\n").entries()) {
    const words = [...row.replace(/#.*/, "").matchAll(/\S+/g)];
    const isPrefixed = VCPU_NAMES.some((name) => name === words[0]?.[0]);
    const verb = words[isPrefixed ? 1 : 0];
    if (verb === undefined) continue;
    steps += 1;
    if (VERB_BY_NAME.has(verb[0])) continue;
    throw badPlace(file, index + 1, verb.index + 1, noVerb(verb[0], steps === 1));
  }
  if (steps === 0) throw badPlace(file, 1, 1, "The file has no step. Give a plan or a trace.");
}

function noVerb(word: string, isFirst: boolean): string {
  const shown = JSON.stringify(word.slice(0, 40));
  if (isFirst) {
    const both = "is no verb of a plan, and the file has no STEP line, so it is no trace either";
    return `${shown} ${both}. Give a lab plan or a trace.`;
  }
  const nearest = nearestWord(word, VERB_BY_NAME.keys());
  return `${shown} is no verb of a plan.${nearest === null ? "" : ` Did you mean ${nearest}?`}`;
}
