// The small keys of a scenario: faultline, title, about, tags, switches, bounds.
// Each reader takes what it can use and reports the rest; an absent key is empty.
// From: KEYS, BOUNDS and the switches in the tables.
import type { Reporter } from "./diagnostics.ts";
import { nearestWord } from "./nearest.ts";
import type { Bounds } from "./plan.ts";
import type { MapNode, ScalarNode, SourceNode, SourcePair } from "./source.ts";
import { readSum } from "./sum.ts";
import { BOUNDS } from "./vocabulary.table.ts";
import { SWITCH_BY_NAME } from "./words.ts";

const MAX_TITLE = 20_000;

export function readVersion(root: MapNode, pair: SourcePair | undefined, report: Reporter): void {
  const expected = ["faultline: 1"];
  if (!pair) {
    const at = { from: root.from, to: root.pairs[0]?.key.to ?? root.from };
    const fix = { from: root.from, to: root.from, text: "faultline: 1\n" };
    report.error(at, "A scenario begins with faultline: 1.", { expected, fix });
    return;
  }
  const text = pair.value.kind === "scalar" ? pair.value.text : "";
  if (text !== "1") {
    const message = /^[0-9]+$/.test(text)
      ? `This is version ${text} of the language; this program reads version 1.`
      : "The version of the language is 1.";
    report.error(pair.value, message, { expected: ["1"] });
  } else if (root.pairs[0] !== pair) report.warn(pair.key, "faultline: 1 should stand first.");
}

export function readText(node: SourceNode | null, report: Reporter): string {
  if (!node) return "";
  if (node.kind === "scalar" && node.text.length <= MAX_TITLE) return node.text.trim();
  report.error(node, `Here stands one text of at most ${MAX_TITLE} characters.`);
  return "";
}

/** The scalars of a list, or one alone. */
function scalarsOf(node: SourceNode, what: string, report: Reporter): ScalarNode[] {
  const items = node.kind === "list" ? node.items : [node];
  const found: ScalarNode[] = [];
  for (const item of items) {
    if (item.kind === "scalar") found.push(item);
    else report.error(item, `Here stands a ${what}, one word.`);
  }
  return found;
}

export function readWords(node: SourceNode | null, what: string, report: Reporter): string[] {
  if (!node) return [];
  const words: string[] = [];
  for (const item of scalarsOf(node, what, report)) {
    const text = item.text.trim();
    if (/^[^\s,]{1,60}$/.test(text)) words.push(text);
    else report.error(item, `"${text}" is no ${what}: one word of at most 60 characters.`);
  }
  return [...new Set(words)];
}

export function readSwitches(node: SourceNode | null, report: Reporter): string[] {
  if (!node) return [];
  const names = new Set<string>();
  for (const item of scalarsOf(node, "switch", report)) {
    if (SWITCH_BY_NAME.has(item.text)) {
      if (names.has(item.text)) report.warn(item, `${item.text} stands here twice.`);
      names.add(item.text);
      continue;
    }
    const expected = [...SWITCH_BY_NAME.keys()];
    const nearest = nearestWord(item.text, expected);
    report.error(item, `"${item.text}" is not a switch.`, { expected, nearest });
  }
  return [...names].toSorted((a, b) => (a < b ? -1 : 1));
}

export function readBounds(node: SourceNode | null, report: Reporter): Bounds {
  if (!node) return {};
  if (node.kind !== "map") {
    report.error(node, "bounds is a map, such as {ticks: 100000}.", {
      expected: BOUNDS.map((row) => row.name),
    });
    return {};
  }
  const bounds: Record<string, number> = {};
  for (const { key, value } of node.pairs) {
    const row = BOUNDS.find((each) => each.name === key.text);
    if (!row) {
      const expected = BOUNDS.map((each) => each.name);
      const nearest = nearestWord(key.text, expected);
      report.error(key, `"${key.text}" is not a bound.`, { expected, nearest });
      continue;
    }
    const sum = value.kind === "scalar" ? readSum(value.text, () => undefined) : null;
    const number = sum && !("message" in sum) ? sum.number : null;
    if (number === null || number < row.min || number > row.max) {
      report.error(value, `${row.name} is a number from ${row.min} to ${row.max}.`);
    } else bounds[row.name] = number;
  }
  return bounds;
}
