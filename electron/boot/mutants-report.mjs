// What the check of the mutants prints: the share that is caught, and where the holes
// are. Promises: the same table and traces, the same text; times and order of work do not
// show.
import { say } from "./project.mjs";

/**
 * Mutants in a hundred of the whole table that must be caught. A mark in the table explains a
 * survivor and excuses none: it is set when the outcome is known. The share of those without a
 * mark is printed beside it, and tells of the traces that should be there and are not.
 */
const WANTED = 95;
/** And so many there must be. */
const LEAST = 100;

/**
 * @typedef {import("./mutants-table.mjs").Mutant} Mutant
 * @typedef {import("./mutants-pool.mjs").Outcome} Outcome
 * @typedef {{ mutant: Mutant, line: number, fate: Outcome }} Row
 */

/** @param {Pick<Row, "mutant" | "line">} row */
export const placeText = ({ mutant, line }) => `${mutant.file}:${line}: ${mutant.means}`;

/** How a row ended, in a sentence's part. */
function fateText({ mutant, fate: { kind, name, how } }) {
  if (kind === "caught") return name === "" ? how : `${name}, ${how}`;
  if (kind === "hangs") return `${name}: ${how}`;
  if (mutant.unseen !== "") return mutant.unseen.trim();
  return how === "" ? "no trace that comes there differs" : how;
}

const isCaught = ({ fate }) => fate.kind === "caught";
const isMarked = ({ mutant }) => mutant.unseen !== "";
const percent = (part, of) => `${((part * 100) / Math.max(1, of)).toFixed(1)} %`;

function section(title, rows) {
  if (rows.length === 0) return [];
  const lines = rows.map((row) => `${placeText(row)}\n    ${row.mutant.place}, ${fateText(row)}`);
  return ["", `${title} (${rows.length}):`, ...lines];
}

/**
 * @param {Row[]} rows in the table's order
 * @param {number} traceCount
 * @param {boolean} isVerbose tells of the mutants that are caught too
 */
export function reportText(rows, traceCount, isVerbose) {
  const caught = rows.filter(isCaught);
  const left = rows.filter((row) => !isCaught(row));
  const visible = rows.filter((row) => !isMarked(row));
  const seen = visible.filter(isCaught).length;
  return [
    `${caught.length} of ${rows.length} mutants are caught by ${traceCount} traces: ` +
      `${percent(caught.length, rows.length)}; ${WANTED} % are wanted.`,
    `Of the ${visible.length} without a mark: ${seen}, ` +
      `${percent(seen, visible.length)}.`,
    ...section(
      "Not caught",
      left.filter((row) => !isMarked(row)),
    ),
    ...section("Not caught, and marked in the table", left.filter(isMarked)),
    ...section("Caught though marked in the table: take the mark away", caught.filter(isMarked)),
    ...section("Caught", isVerbose ? caught : []),
    "",
  ].join("\n");
}

/** @param {Row[]} rows those of the whole table, or of a part of it that was asked for */
export function isEnough(rows, isWhole) {
  const caught = rows.filter(isCaught).length;
  return caught * 100 >= rows.length * WANTED && (!isWhole || caught >= LEAST);
}

/** Mutants whose text makes no sense, as `file:line:column: what`. */
export const senseless = (rows) =>
  rows
    .filter(({ fate }) => fate.kind === "senseless")
    .map(({ mutant, fate }) => `${mutant.place}:1: the changed text makes no sense: ${fate.how}`);

const CLEAR = "\r\u001b[K";
const QUIET_MS = 10_000;

/** Tells progress on stderr: on a terminal one line drawn over itself, else now and then a line. */
export function progressOf(count) {
  const started = performance.now();
  let done = 0;
  let saidMs = 0;
  return () => {
    done += 1;
    const ms = performance.now() - started;
    const perSecond = (done * 1000) / ms;
    const left = Math.ceil((count - done) / perSecond);
    const text = `${done} of ${count} mutants, ${perSecond.toFixed(1)}/s, ${left} s left`;
    if (process.stderr.isTTY) process.stderr.write(`${CLEAR}${done === count ? "" : text}`);
    else if (ms - saidMs > QUIET_MS) {
      say(text);
      saidMs = ms;
    }
  };
}
