// What every start script shares: the project's folder, one way to speak, one way to run a program.
// Plain JavaScript for Node 18 and later, without packages: it runs in an untouched clone.
// Promises: words go to stderr only; stdout belongs to the command that was asked for.
import { spawn } from "node:child_process";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** @param {string[]} parts */
export const inProject = (...parts) => join(PROJECT, ...parts);

/** @param {string} text */
export const say = (text) => process.stderr.write(`${text}\n`);

/** An end that the user can do something about: one sentence, no stack. */
export class Stop extends Error {}

/**
 * Runs a program to its end, passes on the signals that end this one, and gives its exit code.
 * @param {string} command
 * @param {string[]} args
 * @param {import("node:child_process").SpawnOptions} [options]
 * @param {(child: import("node:child_process").ChildProcess) => void} [onChild]
 * @returns {Promise<number>}
 */
export function run(command, args, options = {}, onChild = () => {}) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd: PROJECT, stdio: "inherit", ...options });
    const pass = (signal) => child.kill(signal);
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
    for (const signal of signals) process.on(signal, pass);
    const end = () => signals.forEach((signal) => process.off(signal, pass));
    child.on("error", (error) => {
      end();
      fail(error);
    });
    child.on("close", (code, signal) => {
      end();
      done(code ?? (signal === "SIGINT" ? 130 : 1));
    });
    onChild(child);
  });
}

/**
 * Runs a script's main function; its value is the exit code.
 * @param {() => Promise<number>} main
 */
export async function script(main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    say(error.message);
    process.exitCode = 3;
  }
}
