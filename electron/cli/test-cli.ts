// The command line as a test calls it: words in, exit code and both streams out.
// Runs in this process on the sources, with real services and a library of the test's own.
// Used by tests only.
import { join } from "node:path";
import { COMMANDS } from "./commands.ts";
import { runCli } from "./run-cli.ts";

export const PROJECT = join(import.meta.dirname, "..", "..");

export interface Outcome {
  code: number;
  out: string;
  err: string;
}

/** `faultline …words --library library`. */
export async function faultline(library: string, ...words: string[]): Promise<Outcome> {
  let out = "";
  let err = "";
  const code = await runCli([...words, "--library", library], {
    commands: COMMANDS,
    io: {
      out: (text) => (out += text),
      err: (text) => (err += text),
      isTerminal: false,
      hasColor: false,
    },
    entryDir: import.meta.dirname,
    workers: { dir: join(PROJECT, "electron", "workers"), ext: ".ts" },
    version: "0",
    signal: new AbortController().signal,
  });
  return { code, out, err };
}
