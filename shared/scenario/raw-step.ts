// One entry of setup, steps or a thread as a verb and its argument words, whether it was a string
// or a map. Promises: both forms give the same words; every argument that must be there is there;
// words are not yet understood.
// From: the lab's plan language (one verb a line, flags after the arguments) and the product's rule
// for the map form.
import type { Reporter, Token } from "./diagnostics.ts";
import { MAX_LINE, MAX_WORDS } from "./limits.ts";
import { nearestWord } from "./nearest.ts";
import type { MapNode, ScalarNode, SourceNode, SourcePair } from "./source.ts";
import type { VcpuIndex } from "./vocabulary.ts";
import type { ArgSpec, VerbSpec } from "./vocabulary-rows.ts";
import { isPositional, usageOf, VCPU_NAMES, VERB_BY_NAME, wanted, WIDTHS } from "./words.ts";

export interface RawStep {
  readonly spec: VerbSpec;
  readonly verb: Token;
  /** The prefix; null when there is none. */
  readonly vcpu: VcpuIndex | null;
  /** One place for each of the verb's arguments; null where an optional one is left out. */
  readonly args: readonly (Token | null)[];
  readonly from: number;
  readonly to: number;
}

export function readStep(node: SourceNode, report: Reporter): RawStep | null {
  if (node.kind === "scalar") return readLine(node, report);
  if (node.kind === "map") return readMap(node, report);
  report.error(node, "A step is one line or a map, not a list.", { expected: ["boot"] });
  return null;
}

/** The words of a scalar; each has its own place when the text stands in the source as it is. */
export function wordsOf(node: ScalarNode, text: string): Token[] {
  const words: Token[] = [];
  for (const match of text.matchAll(/[^ \t\r\n]+/g)) {
    const from = node.textFrom === null ? node.from : node.textFrom + match.index;
    const to = node.textFrom === null ? node.to : from + match[0].length;
    words.push({ text: match[0], from, to });
  }
  return words;
}

function readLine(node: ScalarNode, report: Reporter): RawStep | null {
  const comment = node.text.indexOf("#");
  const text = comment < 0 ? node.text : node.text.slice(0, comment);
  const words = wordsOf(node, text);
  if (words.length === 0) {
    report.error(node, "The step is empty. Write a verb, such as boot, or remove the line.");
    return null;
  }
  if (text.length > MAX_LINE || words.length > MAX_WORDS) {
    const message = `A step has at most ${MAX_WORDS} words and ${MAX_LINE} characters.`;
    report.error(node, message);
    return null;
  }
  const vcpu = readPrefix(words, report);
  if (vcpu === undefined) return null;
  const verb = words.shift();
  if (!verb) {
    report.error(node, "A verb must follow the vCPU.");
    return null;
  }
  const spec = verbOf(verb, report);
  if (!spec) return null;
  const args = placeWords(spec, verb, words, report);
  return args && { spec, verb, vcpu, args, from: node.from, to: node.to };
}

/** Takes `v1` from the front of the words; undefined after an error. */
function readPrefix(words: Token[], report: Reporter): VcpuIndex | null | undefined {
  const [first, second] = words;
  if (!first || !/^v[0-9]+$/.test(first.text)) return null;
  const index = vcpuIndex(first.text);
  if (index === null) {
    report.error(first, `${first.text} is no vCPU; a scenario has v0 to v3.`, {
      expected: VCPU_NAMES,
    });
    return undefined;
  }
  if (index === 0) {
    report.error(first, "A step without a prefix runs on v0. Remove the prefix.", {
      expected: VCPU_NAMES.slice(1),
      fix: { from: first.from, to: second?.from ?? first.to, text: "" },
    });
    return undefined;
  }
  words.shift();
  return index;
}

export function vcpuIndex(name: string): VcpuIndex | null {
  const index = VCPU_NAMES.indexOf(name as (typeof VCPU_NAMES)[number]);
  return index < 0 ? null : (index as VcpuIndex); // 0 to 3: the places of VCPU_NAMES
}

function verbOf(word: Token, report: Reporter): VerbSpec | null {
  const spec = VERB_BY_NAME.get(word.text);
  if (spec) return spec;
  const expected = [...VERB_BY_NAME.keys()];
  const nearest = nearestWord(word.text, expected);
  report.error(word, `"${word.text}" is not a verb.`, { expected, nearest });
  return null;
}

function placeWords(
  spec: VerbSpec,
  verb: Token,
  words: readonly Token[],
  report: Reporter,
): (Token | null)[] | null {
  const args: (Token | null)[] = spec.args.map(() => null);
  let position = 0;
  for (const word of words) {
    const flag = spec.args.findIndex((arg) => isFlagWord(arg, word.text));
    const at = flag >= 0 ? flag : position < spec.args.length ? position++ : -1;
    const arg = spec.args[at];
    if (!arg || (flag < 0 && !isPositional(arg))) {
      reportSurplus(spec, word, report);
      return null;
    }
    if (args[at])
      report.warn(word, `"${word.text}" says ${arg.name} a second time; the last counts.`);
    args[at] = word;
  }
  return areComplete(spec, args, words.at(-1) ?? verb, report) ? args : null;
}

const isFlagWord = (arg: ArgSpec, text: string): boolean =>
  arg.type === "flag" ? arg.name === text : arg.type === "width" && WIDTHS.has(text);

function reportSurplus(spec: VerbSpec, word: Token, report: Reporter): void {
  const flags = spec.args.filter((arg) => !isPositional(arg));
  const expected = flags.flatMap((arg) => (arg.type === "width" ? [...WIDTHS.keys()] : [arg.name]));
  report.error(word, `"${word.text}" is one word too many: ${usageOf(spec)}.`, {
    expected,
    nearest: nearestWord(word.text, expected),
  });
}

function areComplete(
  spec: VerbSpec,
  args: readonly (Token | null)[],
  last: Token,
  report: Reporter,
): boolean {
  const missing = spec.args.find((arg, index) => arg.default === undefined && !args[index]);
  if (!missing) return true;
  const message = `${spec.verb} needs ${missing.name} (${missing.doc}): ${usageOf(spec)}.`;
  report.error(last, message, { expected: [wanted(missing)] });
  return false;
}

function readMap(node: MapNode, report: Reporter): RawStep | null {
  const [first, ...others] = node.pairs;
  if (!first) {
    report.error(
      node,
      "The step is empty. Write a verb, such as boot: {back: B, kind: anon, size: 64k}.",
    );
    return null;
  }
  const verb: Token = first.key;
  const spec = verbOf(verb, report);
  if (!spec) return null;
  const args: (Token | null)[] = spec.args.map(() => null);
  const leading = spec.args[0];
  if (leading && isPositional(leading)) args[0] = argumentWord(leading, first, report);
  else if (first.value.kind !== "scalar" || first.value.text !== "") {
    report.error(
      first.value,
      `${spec.verb} has no first argument. Leave it empty: {${spec.verb}: }.`,
    );
    return null;
  }
  let vcpu: VcpuIndex | null = null;
  const before = report.errorCount;
  for (const pair of others) {
    if (pair.key.text === "vcpu") vcpu = readVcpu(pair, report);
    else placePair(spec, args, pair, report);
  }
  if (report.errorCount > before) return null;
  return areComplete(spec, args, verb, report)
    ? { spec, verb, vcpu, args, from: node.from, to: node.to }
    : null;
}

function placePair(
  spec: VerbSpec,
  args: (Token | null)[],
  pair: SourcePair,
  report: Reporter,
): void {
  const index = spec.args.findIndex(
    (arg, at) => arg.name === pair.key.text && (at > 0 || !isPositional(arg)),
  );
  const arg = spec.args[index];
  if (arg) {
    args[index] = argumentWord(arg, pair, report);
    return;
  }
  const named = spec.args.filter((each, at) => at > 0 || !isPositional(each));
  const expected = [...named.map((each) => each.name), "vcpu"];
  const message = `${spec.verb} has no argument "${pair.key.text}": ${usageOf(spec)}.`;
  report.error(pair.key, message, { expected, nearest: nearestWord(pair.key.text, expected) });
}

/**
 * A map's value as the word that it would be in a line; null for a flag that is off or an empty
 * value.
 */
function argumentWord(arg: ArgSpec, pair: SourcePair, report: Reporter): Token | null {
  const { value } = pair;
  const text = value.kind === "scalar" ? value.text.trim() : "";
  if (value.kind !== "scalar" || /[\s#]/.test(text)) {
    report.error(value, `${arg.name} is one word (${arg.doc}).`, { expected: [wanted(arg)] });
    return null;
  }
  const from = value.textFrom ?? value.from;
  const word = { text, from, to: value.textFrom === null ? value.to : from + value.text.length };
  if (arg.type === "flag") return flagWord(arg, word, report);
  if (arg.type === "width" && !WIDTHS.has(text) && text !== "w8") {
    report.error(value, `"${text}" is no width.`, { expected: [...WIDTHS.keys()] });
    return null;
  }
  return text === "" || text === "w8" ? null : word;
}

function flagWord(arg: ArgSpec, word: Token, report: Reporter): Token | null {
  if (word.text === "true") return { ...word, text: arg.name };
  if (word.text !== "false") {
    report.error(word, `${arg.name} is true or false.`, { expected: ["true", "false"] });
  }
  return null;
}

function readVcpu(pair: SourcePair, report: Reporter): VcpuIndex | null {
  const text = pair.value.kind === "scalar" ? pair.value.text : "";
  const index = vcpuIndex(text);
  if (index === null) {
    report.error(pair.value, `"${text}" is no vCPU; a scenario has v0 to v3.`, {
      expected: VCPU_NAMES,
    });
  }
  return index;
}
