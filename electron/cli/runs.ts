// `faultline runs`: the runs of the library, newest first, or those that pass a search.
// The same search words as in the app: lookup:V1 verdict:leaks tag:mail kernel:6.12 mode:tdp.
// `--limit` bounds what is printed; what is left out is said on stderr.
import type { RunSummary } from "#shared/contract/runs";
import { EXIT, textOf, wholeNumberOf, type Command, type Invocation } from "./command.ts";
import { textTable } from "./text-table.ts";

const MOST_ROWS = 1000;

export const runsCommand: Command = {
  name: "runs",
  usage: "[WORD…]",
  summary: "list the runs of the library",
  about: [
    "Words narrow the list: plain words, or lookup:V1 verdict:leaks tag:mail",
    "kernel:6.12 mode:tdp.",
  ].join("\n"),
  options: { sort: { type: "string" }, limit: { type: "string" } },
  optionHelp: [
    ["--sort COLUMN", "column to sort by, with - before it downwards"],
    ["--limit N", "at most N rows; 50 without it"],
  ],
  arity: [0, 50],
  run: runRuns,
};

async function runRuns(invocation: Invocation): Promise<number> {
  const { io, common, args } = invocation;
  const count = wholeNumberOf(invocation, "limit", [1, MOST_ROWS], 50);
  const client = await invocation.open();
  const sort = textOf(invocation, "sort", "-createdAt");
  const list = await client.call("runs.list", { q: args.join(" "), sort, from: 0, count });
  if (common.json) io.out(`${JSON.stringify(list, null, 2)}\n`);
  else io.out(`${table(list.rows)}\n`);
  const left = list.total - list.rows.length;
  if (left > 0 && !common.quiet) io.err(`${left} more; --limit shows them.\n`);
  return EXIT.asExpected;
}

const table = (rows: readonly RunSummary[]): string =>
  textTable(
    [
      { title: "run" },
      { title: "scenario" },
      { title: "lookup" },
      { title: "kernel" },
      { title: "mode" },
      { title: "verdict" },
      { title: "events", align: "right" },
      { title: "title" },
    ],
    rows.map((run) => [
      run.id.slice(0, 6),
      run.scenario,
      run.lookup,
      run.kernel,
      run.mode,
      run.verdict,
      String(run.events),
      run.title,
    ]),
  );
