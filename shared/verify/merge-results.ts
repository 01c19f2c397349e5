// The results of all shards of one verification joined to what one run over the whole list leaves.
// Owns what makes shards strangers: another form, engine, list of files or set of options.
// Promises: the order in which shards are given does not matter; a problem names the file and why.
import { makeResult, type VerifyResult, type VerifyRow } from "./verify-result.ts";

export interface NamedResult {
  /** The file that holds it, for messages. */
  readonly name: string;
  readonly result: VerifyResult;
}

export type Merge =
  | { readonly ok: true; readonly result: VerifyResult }
  | { readonly ok: false; readonly message: string };

const no = (message: string): Merge => ({ ok: false, message });

/** What all shards of one run have in common, with the words for what differs. */
const COMMON: readonly (readonly [string, (result: VerifyResult) => string])[] = [
  ["it was made by another engine version", ({ engine }) => engine],
  ["it was made with other options", ({ options }) => JSON.stringify(options)],
  ["it is a part of another number of shards", ({ shard }) => String(shard.of)],
  ["it is of another list of files", ({ shard }) => `${shard.files} ${shard.list}`],
];

/** Rows of a list of `files` that fall to a shard. */
const rowsOfShard = ({ index, of, files }: VerifyResult["shard"]): number =>
  Math.max(0, Math.ceil((files - index + 1) / of));

function problemOf({ name, result }: NamedResult, first: NamedResult): string | null {
  for (const [words, read] of COMMON) {
    const [here, there] = [read(result), read(first.result)];
    if (here === there) continue;
    return `${name}: ${words} than ${first.name} (${here}, not ${there}). Give shards of one run.`;
  }
  const { shard, rows } = result;
  const part = partText(shard);
  if (shard.index > shard.of) return `${name}: It says that it is shard ${part}. Make it again.`;
  const due = rowsOfShard(shard);
  if (rows.length === due) return null;
  return `${name}: It has ${rows.length} rows, shard ${part} has ${due}. Make it again.`;
}

const partText = ({ index, of }: { index: number; of: number }): string => `${index}/${of}`;

export function mergeResults(given: readonly NamedResult[]): Merge {
  const [first] = given;
  if (first === undefined) return no("There is no shard to merge.");
  const byIndex = new Map<number, NamedResult>();
  for (const one of given) {
    const problem = problemOf(one, first);
    if (problem !== null) return no(problem);
    const { shard } = one.result;
    const other = byIndex.get(shard.index);
    if (other !== undefined) {
      return no(
        `${one.name}: Shard ${partText(shard)} is there already, in ${other.name}. Give each once.`,
      );
    }
    byIndex.set(shard.index, one);
  }
  const { of, files, list } = first.result.shard;
  const missing = missingOf(byIndex, of);
  if (missing.length > 0) {
    const [is, them] = missing.length === 1 ? ["Shard", "it"] : ["Shards", "them"];
    const verb = missing.length === 1 ? "is" : "are";
    return no(`${is} ${missing.join(", ")} ${verb} missing. Make ${them} with --shard.`);
  }
  const shard = { index: 1, of: 1, files, list };
  return { ok: true, result: makeResult(first.result.options, shard, interleaved(byIndex, of)) };
}

/** Most missing shards that a message names. */
const SHOWN_MISSING = 20;

function missingOf(byIndex: ReadonlyMap<number, NamedResult>, of: number): string[] {
  const missing: string[] = [];
  for (let index = 1; index <= of && missing.length <= SHOWN_MISSING; index++) {
    if (byIndex.has(index)) continue;
    missing.push(missing.length < SHOWN_MISSING ? partText({ index, of }) : "…");
  }
  return missing;
}

function interleaved(byIndex: ReadonlyMap<number, NamedResult>, of: number): VerifyRow[] {
  const rows: VerifyRow[] = [];
  const files = byIndex.get(1)?.result.shard.files ?? 0;
  for (let at = 0; at < files; at++) {
    const row = byIndex.get((at % of) + 1)?.result.rows[Math.floor(at / of)];
    if (row !== undefined) rows.push(row);
  }
  return rows;
}
