// Words to values: one step's arguments as numbers, addresses and names, and its canonical line.
// Promises: a step is made only if every argument is in range; `args` has exactly the names and
// types of the vocabulary.
// From: the vocabulary table's types and ranges, and the address widths of shared/units.
import type { Gpa, Hva } from "#shared/units/address";
import { GPA_END, HVA_END } from "#shared/units/address";
import type { Word } from "#shared/units/halves";
import type { Reporter, Token } from "./diagnostics.ts";
import { nearestWord } from "./nearest.ts";
import type { PlanStep } from "./plan.ts";
import type { RawStep } from "./raw-step.ts";
import type { Sum } from "./sum.ts";
import { NAMED, readSum } from "./sum.ts";
import type { VcpuIndex } from "./vocabulary.ts";
import type { ArgSpec } from "./vocabulary-rows.ts";
import { KIND_BY_NAME, wanted, WIDTHS } from "./words.ts";

/** The names that stand for something at this place of the text. */
export interface Names {
  hvaOf(backing: string): number | undefined;
  backings(): readonly string[];
}

type Value = string | number | boolean | Word | Gpa | Hva;
interface Read {
  readonly value: Value;
  readonly canonical: string;
}

export function resolveStep(
  raw: RawStep,
  n: number,
  vcpu: VcpuIndex,
  names: Names,
  report: Reporter,
): PlanStep | null {
  const args: Record<string, Value> = {};
  const line: string[] = vcpu === 0 ? [raw.verb.text] : [`v${vcpu}`, raw.verb.text];
  let isComplete = true;
  for (const [index, arg] of raw.spec.args.entries()) {
    const word = raw.args[index];
    const read = word ? readArgument(arg, word, names, report) : defaultOf(arg);
    if (read === null) {
      isComplete = false;
      continue;
    }
    args[arg.name] = read.value;
    if (word) line.push(read.canonical);
  }
  if (!isComplete) return null;
  const range = report.range(raw.from, raw.to);
  // Proof: `verb` is a row of the table and `args` was filled from that row, each value by its
  // type.
  return { n, line: line.join(" "), vcpu, range, verb: raw.spec.verb, args } as unknown as PlanStep;
}

const noNames = (): undefined => undefined;

function defaultOf(arg: ArgSpec): Read {
  if (arg.type === "flag") return { value: false, canonical: "" };
  if (arg.type === "width") return { value: 8, canonical: "" };
  const sum = readSum(arg.default ?? "0", noNames);
  return { value: "word" in sum ? (sum.number ?? 0) : 0, canonical: "" };
}

function readArgument(arg: ArgSpec, word: Token, names: Names, report: Reporter): Read | null {
  const text = word.text;
  switch (arg.type) {
    case "flag":
      return { value: true, canonical: text };
    case "width":
      return { value: WIDTHS.get(text) ?? 8, canonical: text };
    case "name":
      return readName(word, report);
    case "backing":
      return readOneOf(word, names.backings(), "a backing defined above", report);
    case "kind":
      return readOneOf(word, [...KIND_BY_NAME.keys()], "a kind of memory", report);
    case "choice":
      return readOneOf(word, arg.choices ?? [], `a word for ${arg.name}`, report);
    case "letters":
      return readLetters(arg, word, report);
    default:
      return readNumber(arg, word, names, report);
  }
}

function readName(word: Token, report: Reporter): Read | null {
  if (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(word.text))
    return { value: word.text, canonical: word.text };
  report.error(word, `"${word.text}" is not a name: a letter, then letters, digits, _ or -.`);
  return null;
}

function readOneOf(
  word: Token,
  expected: readonly string[],
  what: string,
  report: Reporter,
): Read | null {
  if (expected.includes(word.text)) return { value: word.text, canonical: word.text };
  const nearest = nearestWord(word.text, expected);
  report.error(word, `"${word.text}" is not ${what}.`, { expected, nearest });
  return null;
}

function readLetters(arg: ArgSpec, word: Token, report: Reporter): Read | null {
  const letters = word.text === "-" ? "" : word.text;
  const choices = arg.choices ?? [];
  const wrong = [...letters].find((letter) => !choices.includes(letter));
  if (wrong === undefined) return { value: letters, canonical: word.text };
  const message = `"${wrong}" is not a flag letter; ${arg.name} takes ${choices.join("")} or -.`;
  report.error(word, message, { expected: [...choices, "-"] });
  return null;
}

function readNumber(arg: ArgSpec, word: Token, names: Names, report: Reporter): Read | null {
  const sum = readSum(word.text, (name) => names.hvaOf(name));
  if ("message" in sum) {
    const at = { from: word.from + sum.from, to: Math.min(word.from + sum.to, word.to) };
    const known = [...names.backings(), ...NAMED.keys()];
    const nearest = sum.isName
      ? nearestWord(word.text.slice(sum.from, sum.to), known)
      : sum.nearest;
    const expected = sum.isName ? [wanted(arg), ...known] : [wanted(arg)];
    report.error(at, sum.message, { expected, nearest: nearest ?? null });
    return null;
  }
  warnOfOtherSpace(arg, word, sum, report);
  if (arg.type === "gva" || arg.type === "value")
    return { value: sum.word, canonical: sum.canonical };
  return inRange(arg, word, sum, report)
    ? { value: sum.number ?? 0, canonical: sum.canonical }
    : null;
}

const SPACE_WORDS = { gva: "guest virtual", gpa: "guest physical", hva: "host virtual" } as const;

/** `gread B` or `hread D` is legal for the machine and nearly always a slip. */
function warnOfOtherSpace(arg: ArgSpec, word: Token, sum: Sum, report: Reporter): void {
  if (arg.type === "value") return;
  const other = sum.spaces.find((space) => space !== arg.type);
  if (other === undefined) return;
  const isAddress = arg.type === "gva" || arg.type === "gpa" || arg.type === "hva";
  const meant = isAddress ? `a ${SPACE_WORDS[arg.type]} address` : `${arg.name}, a number`;
  report.warn(word, `${word.text} is a ${SPACE_WORDS[other]} address; here stands ${meant}.`);
}

function inRange(arg: ArgSpec, word: Token, sum: Sum, report: Reporter): boolean {
  const [min, max] = limitsOf(arg);
  if (sum.number !== null && sum.number >= min && sum.number <= max) return true;
  const span =
    arg.type === "number" ? `${min} to ${max}` : `0x${min.toString(16)} to 0x${max.toString(16)}`;
  report.error(word, `${word.text} is out of range for ${arg.name}: ${span}.`, {
    expected: [span],
  });
  return false;
}

function limitsOf(arg: ArgSpec): [number, number] {
  if (arg.type === "gpa") return [0, GPA_END - 1];
  if (arg.type === "hva") return [0, HVA_END - 1];
  return [arg.min ?? 0, arg.max ?? Number.MAX_SAFE_INTEGER];
}
