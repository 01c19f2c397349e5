// `faultline report`: the evidence of one or two runs as one HTML file, or as text for a mail.
// Without -o it goes to stdout; an existing file is replaced only with --force.
// The file is whole in itself: it loads nothing.
import { SECTIONS } from "#shared/contract/report";
import { EXIT, isOn, textOf, type Command, type Invocation } from "./command.ts";
import { runIdOf } from "./compare.ts";
import { saveOutput } from "./output-file.ts";
import { progressLine } from "./progress-line.ts";

export const reportCommand: Command = {
  name: "report",
  usage: "A [B]",
  summary: "write the evidence of one or two runs",
  about: "One HTML file that loads nothing from elsewhere, or with --text 72 columns.",
  options: {
    output: { type: "string", short: "o" },
    text: { type: "boolean" },
    title: { type: "string" },
    force: { type: "boolean" },
  },
  optionHelp: [
    ["-o, --output FILE", "write there instead of to stdout"],
    ["--text", "plain text instead of HTML"],
    ["--title TEXT", "the report's title"],
    ["--force", "replace FILE if it exists"],
  ],
  arity: [1, 2],
  run: runReport,
};

async function runReport(invocation: Invocation): Promise<number> {
  const { args, io, common } = invocation;
  const client = await invocation.open();
  const runs: string[] = [];
  for (const arg of args) runs.push(await runIdOf(client, arg));
  const form = isOn(invocation, "text") ? ("text" as const) : ("html" as const);
  const title = textOf(invocation, "title").slice(0, 200);
  const progress = progressLine(invocation);
  const input = { runs, title, note: "", sections: [...SECTIONS], form };
  const options = { onItem: progress.show, signal: invocation.signal };
  const report = await client.call("report.make", input, options);
  progress.end();
  const output = textOf(invocation, "output");
  if (output === "") io.out(report.content);
  else await saveOutput(output, report.content, isOn(invocation, "force"));
  if (common.quiet) return EXIT.asExpected;
  if (report.cut !== "") io.err(`${report.cut}\n`);
  if (output !== "") io.err(`${output}: ${report.bytes} bytes\n`);
  return EXIT.asExpected;
}
