// Workers that run the model against traces: started, watched and ended here.
// Promises: whatever a mutant does to its worker, the answer comes; a worker that says nothing for
// a minute is ended, and its mutant counts as not caught, for verify would not come back either.
import { readdirSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import { inProject } from "./project.mjs";

const SILENCE_MS = 60_000;
/** A slip in the table, not a change of meaning: no compiler has seen the changed text. */
const NO_SENSE = /is not defined|is not a function|before initialization|SyntaxError|Unexpected/;

/**
 * @typedef {{ name: string, text: string }} NamedTrace
 * @typedef {{ file: string, start: number, end: number }} Place of a mutant, by whole path
 * @typedef {object} Outcome
 * @property {"caught" | "survived" | "hangs" | "senseless" | "watched"} kind
 * @property {string} name of the trace that tells
 * @property {string} how it differs
 * @property {(number[] | "all")[]} [reach] by place, the numbers of the traces that come there
 */

/**
 * The traces below a folder, small ones first: most mutants are seen by any trace of their kind.
 * @returns {NamedTrace[]}
 */
export function readTraces(folder = inProject("fixtures", "traces")) {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".trace"))
    .map((name) => ({
      name: name.replaceAll("\\", "/"),
      text: readFileSync(join(folder, name), "utf8"),
    }))
    .sort((a, b) => a.text.length - b.text.length || (a.name < b.name ? -1 : 1));
}

/** @type {Map<string, string> | undefined} */
let plain;

/** All of shared/ without its types, read once. */
function plainSources() {
  plain ??= new Map(
    readdirSync(inProject("shared"), { recursive: true, encoding: "utf8" })
      .filter((name) => /(?<!\.test|\.bench|\.d)\.ts$/.test(name))
      .map((name) => inProject("shared", name))
      .map((path) => [path, stripTypeScriptTypes(readFileSync(path, "utf8"))]),
  );
  return plain;
}

/**
 * What the traces say of a changed source.
 * @param {{ file: string, text: string }} changed
 * @param {NamedTrace[]} traces
 * @param {AbortSignal} [signal]
 */
export function fateOf(changed, traces, signal) {
  try {
    const text = stripTypeScriptTypes(changed.text);
    const sources = new Map(plainSources()).set(inProject(changed.file), text);
    return work({ sources, traces, places: null }, signal);
  } catch (error) {
    return Promise.resolve({ kind: "senseless", name: "", how: String(error) });
  }
}

/** Optimised code does not count its blocks: a place that is often run would look never run. */
function setOptimizing(isOn) {
  for (const flag of ["opt", "maglev"]) setFlagsFromString(isOn ? `--${flag}` : `--no-${flag}`);
}

/**
 * The sources as they are: which traces come to which places; "caught" where one differs. Nothing
 * else should run meanwhile: it would be slow.
 * @param {Place[]} places
 * @param {NamedTrace[]} traces
 * @param {AbortSignal} [signal]
 */
export async function reachOf(places, traces, signal) {
  setOptimizing(false);
  try {
    return await work({ sources: plainSources(), traces, places }, signal);
  } finally {
    setOptimizing(true);
  }
}

/** @returns {Promise<Outcome>} */
function work(workerData, signal) {
  return new Promise((done, fail) => {
    const entry = inProject("electron", "boot", "mutants-run.mjs");
    const worker = new Worker(entry, { workerData });
    let at = "";
    let timer;
    const watch = () => {
      clearTimeout(timer);
      timer = setTimeout(
        () => end({ kind: "hangs", name: at, how: "the run does not come back" }),
        SILENCE_MS,
      );
    };
    const stop = () => {
      close();
      fail(new Error("interrupted"));
    };
    const close = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      void worker.terminate();
    };
    const end = (outcome) => {
      close();
      const isSlip = outcome.kind === "caught" && NO_SENSE.test(outcome.how);
      done(isSlip ? { ...outcome, kind: "senseless" } : outcome);
    };
    watch();
    signal?.addEventListener("abort", stop);
    worker.on("message", (message) => {
      if (message.kind !== "begun") return end(message);
      at = message.name;
      watch();
    });
    // Out of memory, or a module that cannot be loaded.
    worker.on("error", (error) => end({ kind: "caught", name: at, how: String(error) }));
  });
}
