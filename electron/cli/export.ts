// `faultline export`: a scenario as a lab plan that a real kernel can run.
// What a plan file has no line for (threads, switches, expectations) is told on stderr.
// Promises: lines in the order of the steps, so that step numbers stay.
import { exportPlan } from "#shared/scenario/export";
import { choiceOf, EXIT, warnerOf, type Command, type Invocation } from "./command.ts";
import { planOf, readText } from "./input-file.ts";

export const exportCommand: Command = {
  name: "export",
  usage: "--as plan FILE",
  summary: "make a lab plan of a scenario",
  about: "Prints the plan's lines; what a plan cannot say is listed on stderr.",
  options: { as: { type: "string" } },
  optionHelp: [["--as plan", "what to make; a plan is the default"]],
  arity: [1, 1],
  run: runExport,
};

async function runExport(invocation: Invocation): Promise<number> {
  choiceOf(invocation, "as", ["plan"], "plan");
  const [file = ""] = invocation.args;
  const { io, common } = invocation;
  const { text, leftOut } = exportPlan(planOf(file, await readText(file), warnerOf(invocation)));
  if (common.json) io.out(`${JSON.stringify({ plan: text, leftOut }, null, 2)}\n`);
  else io.out(text);
  if (!common.quiet) for (const part of leftOut) io.err(`Not in the plan: ${part}\n`);
  return EXIT.asExpected;
}
