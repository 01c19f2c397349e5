// What may follow `step n:` in an expectation: an errno, a mapping, a value, a guest exception, a
// host result. Closed: anything else is an error that names the forms.
// From: OUTCOMES of vocabulary.table.ts and the RESULT lines of the lab.
import type { Gfn } from "#shared/units/address";
import { FRAME_END } from "#shared/units/address";
import type { Word } from "#shared/units/halves";
import type { Place, Reporter } from "./diagnostics.ts";
import type { Outcome } from "./expect.ts";
import { nearestWord } from "./nearest.ts";
import { readSum } from "./sum.ts";
import { ERRNOS, OUTCOMES } from "./vocabulary.table.ts";

const PLAIN = ["ok", "refuses", "emulates", "guest protection fault", "plan error"] as const;
const SIGNALS: ReadonlyMap<string, number> = new Map([
  ["SIGBUS", 7],
  ["SIGSEGV", 11],
]);

export function readOutcome(text: string, at: Place, report: Reporter): Outcome | null {
  const plain = PLAIN.find((word) => word === text);
  if (plain) return { kind: plain };
  const errno = ERRNOS.get(text);
  if (errno !== undefined) return { kind: "errno", name: text, errno };
  const signal = SIGNALS.get(text);
  if (signal !== undefined) return { kind: "signal", name: text, signal };
  const maps = /^maps(?: gfn ([^ ]+))?(?: (writable|read-only))?$/.exec(text);
  if (maps) return readMaps(maps[1], maps[2], at, report);
  const value = /^value ([^ ]+)$/.exec(text);
  if (value) return readValue(value[1] ?? "", at, report);
  const fault = /^guest page fault(?: (0x[0-9a-fA-F]{1,8}))?$/.exec(text);
  if (fault)
    return { kind: "guest page fault", code: fault[1] === undefined ? null : Number(fault[1]) };
  const dirty = /^dirty (none|[0-9]{1,7}(?:, ?[0-9]{1,7}){0,39})$/.exec(text);
  if (dirty) return { kind: "dirty", pages: pagesOf(dirty[1] ?? "none") };
  const returned = /^(young|pinned|moved|fired) ([0-9]{1,9})$/.exec(text);
  if (returned) return readReturned(returned[1] ?? "", Number(returned[2]));
  reportUnknown(text, at, report);
  return null;
}

function readMaps(
  gfnText: string | undefined,
  access: string | undefined,
  at: Place,
  report: Reporter,
): Outcome | null {
  const gfn = gfnText === undefined ? null : readGfn(gfnText, at, report);
  if (gfnText !== undefined && gfn === null) return null;
  const isKnown = access === "writable" || access === "read-only";
  return { kind: "maps", gfn, access: isKnown ? access : null };
}

function readValue(text: string, at: Place, report: Reporter): Outcome | null {
  const sum = readSum(text, () => undefined);
  if ("message" in sum) {
    report.error(at, sum.message);
    return null;
  }
  const value: Word = sum.word;
  return { kind: "value", value };
}

const pagesOf = (text: string): number[] => (text === "none" ? [] : text.split(",").map(Number));

function readReturned(text: string, count: number): Outcome | null {
  const word = (["young", "pinned", "moved", "fired"] as const).find((each) => each === text);
  return word ? { kind: "returned", word, count } : null;
}

function reportUnknown(text: string, at: Place, report: Reporter): void {
  const words = [...PLAIN, "maps", ...ERRNOS.keys(), ...SIGNALS.keys()];
  const nearest = nearestWord(text, words);
  const expected = OUTCOMES.map((row) => row.form);
  report.error(report.find(text, at), `"${text}" is no outcome of a step.`, { expected, nearest });
}

/** A guest frame number such as `0x10001`; null after an error. */
export function readGfn(text: string, at: Place, report: Reporter): Gfn | null {
  const sum = readSum(text, () => undefined);
  if (!("message" in sum) && sum.number !== null && sum.number < FRAME_END)
    return sum.number as Gfn;
  report.error(at, `"${text}" is no guest frame number.`, { expected: ["0x10000"] });
  return null;
}
