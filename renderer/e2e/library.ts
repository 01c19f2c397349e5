// A library with two runs of lab-tail in it, made by the built command line.
// For tests of screens that show runs; made once a file, removed with its folder.
// The runs are the debate's own pair: V0 refuses the tail page, V3 maps it.
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const CLI = resolve(import.meta.dirname, "../../out/main/cli.js");
const call = promisify(execFile);

export interface SeededLibrary {
  file: string;
  /** Ids of the two runs, V0 first. */
  runs: [v0: string, v3: string];
  remove(): Promise<void>;
}

export async function seedLibrary(): Promise<SeededLibrary> {
  const folder = await mkdtemp(join(tmpdir(), "faultline-seed-"));
  const file = join(folder, "library.db");
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    return { file, runs: [await run(file, "V0"), await run(file, "V3")], remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function run(file: string, lookup: string): Promise<string> {
  const words = ["run", "lab-tail", "--lookup", lookup, "--save", "--json", "--library", file];
  const { stdout } = await call(process.execPath, [CLI, ...words], { maxBuffer: 64 * 1024 * 1024 });
  return (JSON.parse(stdout) as { id: string }).id;
}
