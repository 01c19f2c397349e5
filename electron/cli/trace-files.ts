// The list of traces that a user names: files, and folders for all .trace files below them.
// One sorted list without repetitions, so that the order of the arguments does not matter; a shard
// is every n-th name of it. Owns the digest by which shards of one list know each other.
import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Shard } from "#shared/verify/verify-result";
import { BadInput, textOf, type Invocation } from "./command.ts";

const MAX_FILES = 100_000;
const MAX_SHARDS = 10_000;

export async function tracesOf(args: readonly string[]): Promise<string[]> {
  const found = await Promise.all(args.map(tracesIn));
  const files = [...new Set(found.flat())].sort();
  if (files.length > MAX_FILES) throw new BadInput(`There are more than ${MAX_FILES} traces.`);
  return files;
}

async function tracesIn(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => null);
  if (found === null || !found.isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(".trace"))
    .map((entry) => join(entry.parentPath, entry.name));
  if (files.length === 0) throw new BadInput(`${path}: There is no .trace file in this folder.`);
  return files;
}

export const listDigest = (files: readonly string[]): string =>
  createHash("sha256").update(files.join("\0")).digest("hex").slice(0, 16);

/** `--shard i/n`; without it the whole list is shard 1 of 1. */
export function shardOf(invocation: Invocation, files: readonly string[]): Shard {
  const text = textOf(invocation, "shard", "1/1");
  const [, index = 0, of = 0] = (/^(\d{1,5})\/(\d{1,5})$/.exec(text) ?? []).map(Number);
  if (index < 1 || index > of || of > MAX_SHARDS) {
    const right = `Give i/n, such as 1/4: i from 1 to n, n up to ${MAX_SHARDS}.`;
    throw new BadInput(`--shard: "${text}" is no shard. ${right}`);
  }
  return { index, of, files: files.length, list: listDigest(files) };
}

export const filesOfShard = (files: readonly string[], { index, of }: Shard): string[] =>
  files.filter((_, at) => at % of === index - 1);
