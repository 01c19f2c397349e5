// `faultline compare`: two runs of the library side by side, as text for a mail.
// Exit code 1 when they differ in more than names.
// A and B are run ids, or the first four or more digits of one.
import type { Client } from "#shared/contract/methods";
import { BadInput, EXIT, type Command, type Invocation } from "./command.ts";
import { progressLine } from "./progress-line.ts";

export const compareCommand: Command = {
  name: "compare",
  usage: "A B",
  summary: "compare two runs of the library",
  about: [
    "A and B are ids of runs, or their first four or more digits; `faultline runs`",
    "lists them. Prints at most 72 columns, ready for a mail.",
  ].join("\n"),
  options: {},
  optionHelp: [],
  arity: [2, 2],
  run: runCompare,
};

async function runCompare(invocation: Invocation): Promise<number> {
  const { args, io, common } = invocation;
  const client = await invocation.open();
  const [a, b] = [await runIdOf(client, args[0] ?? ""), await runIdOf(client, args[1] ?? "")];
  const progress = progressLine(invocation);
  const options = { onItem: progress.show, signal: invocation.signal };
  const compared = await client.call("compare.runs", { a, b }, options);
  progress.end();
  if (common.json) {
    io.out(`${JSON.stringify({ ...compared, differences: [...compared.differences] }, null, 2)}\n`);
  } else io.out((await client.call("compare.text", { a, b })).text);
  const { differs, onlyA, onlyB } = compared;
  return differs + onlyA + onlyB > 0 ? EXIT.finding : EXIT.asExpected;
}

/** The whole id of a run, from its beginning. */
export async function runIdOf(client: Client, text: string): Promise<string> {
  if (!/^[0-9a-f]{4,16}$/.test(text)) {
    throw new BadInput(`"${text}" is no run: give 4 to 16 hex digits of one; see faultline runs.`);
  }
  return (await client.call("runs.get", { id: text })).id;
}
