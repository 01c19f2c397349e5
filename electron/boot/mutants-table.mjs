// The table of mutants: fixtures/mutants/*.txt as records, and a mutant applied to its source.
// A fragment is looked for with any white space standing for any other, so that a line that is
// only broken anew still is found; it must be there exactly once.
// From: the form of a patch, which everyone who adds a mutant knows: "-" goes, "+" comes.
import { readdirSync, readFileSync } from "node:fs";
import { inProject } from "./project.mjs";

const FOLDER = "fixtures/mutants";
/** @type {Record<string, "before" | "after" | "unseen">} */
const PARTS = { "-": "before", "+": "after", "?": "unseen" };
/** What a mutant's file is relative to. */
const MODEL = "shared/model";

/**
 * @typedef {object} Mutant
 * @property {string} file the source it changes, from the project's folder
 * @property {string} means what the change means, in one phrase
 * @property {string} before the fragment that goes
 * @property {string} after what comes in its place
 * @property {string} unseen why no real trace that there is notices it; "" if one does
 * @property {string} place file and line of the mutant in the table
 */

/** The whole table, and what is wrong with its form as `file:line:column: what`. */
export function readMutants() {
  const files = readdirSync(inProject(FOLDER)).filter((name) => name.endsWith(".txt"));
  const read = files.sort().map((name) => {
    const path = `${FOLDER}/${name}`;
    return parseMutants(readFileSync(inProject(path), "utf8"), path);
  });
  return {
    mutants: read.flatMap(({ mutants }) => mutants),
    problems: read.flatMap(({ problems }) => problems),
  };
}

/**
 * A mutant is a line `file: what it means`, a line "?" if it cannot be seen, lines with "-", and
 * lines with "+" or none.
 * @param {string} text
 * @param {string} path of the table, for messages
 */
export function parseMutants(text, path) {
  /** @type {Mutant[]} */
  const mutants = [];
  /** @type {string[]} */
  const problems = [];
  for (const [index, line] of text.split("\n").entries()) {
    const place = `${path}:${index + 1}`;
    const tell = (/** @type {string} */ what) => problems.push(`${place}:1: ${what}`);
    const mutant = mutants.at(-1);
    if (line.trim() === "" || line.startsWith("#")) continue;
    const part = PARTS[line[0] ?? ""];
    if (part !== undefined) {
      if (mutant === undefined) tell("no mutant has begun. Begin it with a line FILE: MEANING.");
      else mutant[part] += `${mutant[part] === "" ? "" : "\n"}${line.slice(1)}`;
      continue;
    }
    const head = /^([\w/.-]+\.ts): (.+)$/.exec(line);
    if (head === null)
      tell(`not understood. A mutant begins with FILE: MEANING, then "-" and "+".`);
    else {
      const [, file = "", means = ""] = head;
      mutants.push({ file: `${MODEL}/${file}`, means, before: "", after: "", unseen: "", place });
    }
  }
  for (const { before, place } of mutants)
    if (before.trim() === "")
      problems.push(`${place}:1: the mutant changes nothing. Add "-" lines.`);
  return { mutants, problems };
}

/**
 * The changed source, and where in the source the fragment is; or what is wrong with the mutant.
 * @param {string} source
 * @param {Mutant} mutant
 */
export function applyMutant(source, { file, before, after, place }) {
  const words = before.trim().split(/\s+/);
  const escaped = words.map((word) => word.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const found = [...source.matchAll(new RegExp(escaped.join("\\s+"), "g"))];
  const [first] = found;
  if (first === undefined || found.length > 1) {
    const times = first === undefined ? "not" : `${found.length} times`;
    const advice =
      "It must be there exactly once: give a longer fragment, or the line as it is now.";
    return { problem: `${place}:1: the fragment is ${times} in ${file}. ${advice}` };
  }
  const start = first.index;
  const end = start + first[0].length;
  const text = source.slice(0, start) + after.trim() + source.slice(end);
  if (text === source) return { problem: `${place}:1: the mutant changes nothing.` };
  return { text, start, end, line: source.slice(0, start).split("\n").length };
}

/** @param {Mutant} mutant */
export const sourceOf = ({ file }) => readFileSync(inProject(file), "utf8");
