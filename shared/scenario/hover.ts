// What the word at an offset of a scenario means: verb, argument, kind, key, switch, name or
// number. Plain data for any editor; null where there is nothing to say.
// From: the vocabulary table and the plan's own names.
import type { Token } from "./diagnostics.ts";
import { spotAt } from "./editing.ts";
import type { Spot } from "./editing.ts";
import type { Plan } from "./plan.ts";
import { NAMED, readSum } from "./sum.ts";
import type { ArgSpec, VerbSpec } from "./vocabulary-rows.ts";
import { groupedHex, hexOf } from "#shared/units/hex";
import {
  isPositional,
  KEY_BY_NAME,
  KIND_BY_NAME,
  SWITCH_BY_NAME,
  usageOf,
  VERB_BY_NAME,
} from "./words.ts";

export interface Hover {
  readonly from: number;
  readonly to: number;
  readonly title: string;
  /** Sentences, in order. */
  readonly lines: readonly string[];
}

/** `plan`: the draft of the same text, for names; null when there is none. */
export function hover(text: string, offset: number, plan: Plan | null): Hover | null {
  const spot = spotAt(text, offset);
  if (spot.at.text === "" && !spot.words.some((word) => isIn(word, offset))) return null;
  const key = KEY_BY_NAME.get(spot.at.text);
  if (key && spot.at.from === spot.lineFrom) return made(spot.at, key.key, [key.doc, key.example]);
  const deviation = SWITCH_BY_NAME.get(spot.at.text);
  if (deviation)
    return made(spot.at, deviation.name, [`${deviation.doc}.`, `Changes act ${deviation.act}.`]);
  return stepHover(spot, offset, plan);
}

const isIn = (word: Token, offset: number): boolean => word.from <= offset && offset <= word.to;
const made = (at: Token, title: string, lines: readonly string[]): Hover => ({
  from: at.from,
  to: at.to,
  title,
  lines: lines.filter((line) => line !== ""),
});

function stepHover(spot: Spot, offset: number, plan: Plan | null): Hover | null {
  const [verb, ...words] = spot.words;
  const spec = verb && VERB_BY_NAME.get(verb.text.replace(/:$/, ""));
  if (!verb || !spec) return null;
  if (isIn(verb, offset)) return made(spot.at, usageOf(spec), [spec.doc, spec.real, spec.example]);
  const index = words.findIndex((word) => isIn(word, offset));
  const word = words[index];
  if (!word) return null;
  const kind = KIND_BY_NAME.get(word.text);
  if (kind) return made(word, kind.kind, [`${kind.doc}.`]);
  const arg = spot.isMap ? mapArgument(spec, words, index) : lineArgument(spec, words, index);
  return arg
    ? made(word, `${spec.verb}: ${arg.name}`, [`${arg.doc}.`, valueLine(word.text, plan)])
    : null;
}

function lineArgument(spec: VerbSpec, words: readonly Token[], index: number): ArgSpec | undefined {
  const isFlag = (text: string): boolean =>
    spec.args.some(
      (arg) =>
        (arg.type === "flag" && arg.name === text) ||
        (arg.type === "width" && /^w[124]$/.test(text)),
    );
  const text = words[index]?.text ?? "";
  if (isFlag(text))
    return spec.args.find(
      (arg) => arg.name === text || (arg.type === "width" && /^w[124]$/.test(text)),
    );
  const position = words.slice(0, index).filter((word) => !isFlag(word.text)).length;
  return spec.args.filter(isPositional)[position];
}

function mapArgument(spec: VerbSpec, words: readonly Token[], index: number): ArgSpec | undefined {
  const own = words[index]?.text ?? "";
  const key = own.endsWith(":") ? own : (words[index - 1]?.text ?? "");
  if (index === 0 && !own.endsWith(":")) return spec.args[0];
  return spec.args.find((arg) => `${arg.name}:` === key);
}

/** `D+1p is 0x4000_1000.` when the word is a sum with a name or an ending. */
function valueLine(text: string, plan: Plan | null): string {
  const sum = readSum(text, (name) => plan?.backings.find((each) => each.name === name)?.hva);
  if ("message" in sum || sum.number === null || (/^[0-9]+$/.test(text) && !NAMED.has(text)))
    return "";
  const backing = plan?.backings.find((each) => each.name === text.split("+")[0]);
  const of = backing ? `, in backing ${backing.name} (${backing.kind})` : "";
  return `${text} is ${groupedHex(hexOf(sum.number))}${of}.`;
}
