// `faultline merge`: the shards of one verification joined to what one run over all would have
// given.
// Promises: same bytes as that run, in whatever order the shards are named; a file that is missing,
// there twice, or of another run ends it as bad input that says which.
import { mergeResults, type NamedResult } from "#shared/verify/merge-results";
import { verifyResult } from "#shared/verify/verify-result";
import { BadInput, badPlace, type Command, type Invocation } from "./command.ts";
import { readText } from "./input-file.ts";
import { OUTPUT_HELP, OUTPUT_OPTIONS, refuseExisting } from "./output-file.ts";
import { listDigest } from "./trace-files.ts";
import { giveResult } from "./verify.ts";

/** A hundred thousand rows are about 60 MiB. */
const MAX_RESULT_BYTES = 512 * 1024 * 1024;

export const mergeCommand: Command = {
  name: "merge",
  usage: "FILE…",
  summary: "join the results of verify --shard",
  about: [
    "FILEs are what verify --shard I/N wrote with -o, all N of one run, in any",
    "order. Gives exactly what verify would have given over all traces at once,",
    "with the same exit code.",
  ].join("\n"),
  options: { ...OUTPUT_OPTIONS },
  optionHelp: OUTPUT_HELP,
  arity: [1, 10_000],
  run: runMerge,
};

async function runMerge(invocation: Invocation): Promise<number> {
  refuseExisting(invocation);
  const given: NamedResult[] = [];
  for (const file of invocation.args) given.push(await readResult(file));
  const merged = mergeResults(given);
  if (!merged.ok) throw new BadInput(merged.message);
  const { result } = merged;
  if (listDigest(result.rows.map(({ file }) => file)) === result.shard.list) {
    return await giveResult(invocation, result);
  }
  const names = given.map(({ name }) => name).join(", ");
  throw new BadInput(`${names}: Their rows are not those of the list they name. Make them again.`);
}

async function readResult(name: string): Promise<NamedResult> {
  const text = await readText(name, MAX_RESULT_BYTES);
  const value = parseJson(name, text);
  const parsed = verifyResult.safeParse(value);
  if (parsed.success) return { name, result: parsed.data };
  const [issue] = parsed.error.issues;
  const at = issue === undefined || issue.path.length === 0 ? "it" : issue.path.join(".");
  const why = `${at}: ${issue?.message ?? "unknown"}`;
  throw badPlace(name, 1, 1, `This is no result of verify (${why}). Give what verify -o wrote.`);
}

function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const at = Number(/position (\d+)/.exec(message)?.[1] ?? text.length);
    const lines = text.slice(0, at).split("\n");
    const column = (lines.at(-1)?.length ?? 0) + 1;
    throw badPlace(name, lines.length, column, "This is no JSON. Was the file cut? Make it again.");
  }
}
