// Entry of the command line: the process's streams and folder, then run-cli.ts.
// A reader that stops early (`faultline runs | head`) ends the command quietly.
// Colour: only on a terminal, and never with NO_COLOR or --no-color.
import { COMMANDS } from "./commands.ts";
import type { Io } from "./command.ts";
import { runCli } from "./run-cli.ts";
import { version } from "../../package.json" with { type: "json" };

const { argv, env, stderr, stdout } = process;

stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

const io: Io = {
  out: (text) => stdout.write(text),
  err: (text) => stderr.write(text),
  isTerminal: stderr.isTTY,
  hasColor: stdout.isTTY && (env["NO_COLOR"] ?? "") === "" && !argv.includes("--no-color"),
};

// A second Ctrl-C finds no listener and ends the process as usual.
const interrupt = new AbortController();
process.once("SIGINT", () => interrupt.abort());

process.exitCode = await runCli(argv.slice(2), {
  commands: COMMANDS,
  io,
  entryDir: import.meta.dirname,
  version,
  signal: interrupt.signal,
});
