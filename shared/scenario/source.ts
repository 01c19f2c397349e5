// YAML text as a small tree of scalars, lists and maps with places, safe to walk whatever the text
// holds. Promises: no cycles, at most MAX_DEPTH levels and MAX_NODES values with aliases followed,
// unique scalar keys, one document. Scalars keep the text as written: `0x1111` stays `0x1111`, so a
// number in a map equals the same word in a step string.
// From: YAML 1.2 and the documentation of the yaml package (errors carry a code and offsets, nodes
// carry ranges).
import { isAlias, isMap, isScalar, isSeq, parseDocument } from "yaml";
import type { Node, Pair, YAMLError, YAMLMap, YAMLSeq } from "yaml";
import type { Reporter } from "./diagnostics.ts";
import {
  MAX_BRACKETS,
  MAX_DEPTH,
  MAX_LINES,
  MAX_NODES,
  MAX_RAW_DEPTH,
  MAX_TEXT,
} from "./limits.ts";

interface Placed {
  readonly from: number;
  readonly to: number;
  /** Values in it, itself included, aliases followed. */
  readonly weight: number;
}
export interface ScalarNode extends Placed {
  readonly kind: "scalar";
  readonly text: string;
  /** Offset of `text[0]` when each character stands in the source as it is; else null. */
  readonly textFrom: number | null;
}
export interface ListNode extends Placed {
  readonly kind: "list";
  readonly items: readonly SourceNode[];
}
export interface SourcePair {
  readonly key: ScalarNode;
  readonly value: SourceNode;
}
export interface MapNode extends Placed {
  readonly kind: "map";
  readonly pairs: readonly SourcePair[];
}
export type SourceNode = ScalarNode | ListNode | MapNode;

/**
 * The text's one document as a tree; null when it is no YAML or breaks a limit (then an error is
 * reported).
 */
export function readSource(text: string, report: Reporter): SourceNode | null {
  if (text.length > MAX_TEXT) {
    report.error(
      { from: MAX_TEXT, to: text.length },
      `The text has ${text.length} characters; a scenario has at most ${MAX_TEXT}. Split it.`,
    );
    return null;
  }
  const problem = objection(text);
  if (problem) {
    report.error({ from: problem.at, to: problem.at + 1 }, problem.message);
    return null;
  }
  try {
    return new Reader(text, report).read();
  } catch (error) {
    // The YAML reader itself gave up, most likely for want of stack.
    const why = error instanceof Error ? error.message : String(error);
    report.error({ from: 0, to: 0 }, `The text cannot be read as YAML: ${why}.`);
    return null;
  }
}

/**
 * What speaks against handing the text to the YAML reader, and where; null when nothing does.
 * The reader's time is linear in lines and brackets but not small, and it stops at a nesting that
 * depends on the stack left, so its place would not be the same every time.
 */
function objection(text: string): { at: number; message: string } | null {
  let open = 0;
  let brackets = 0;
  let lines = 1;
  for (const match of text.matchAll(MARKS)) {
    const at = match.index;
    const [mark] = match;
    if (mark === "\n") lines++;
    else if (mark === "%") return { at, message: "Directives have no meaning in a scenario." };
    else if (mark === "]" || mark === "}") open = Math.max(0, open - 1);
    else if (mark === "[" || mark === "{") {
      open++;
      brackets++;
    } else open = Infinity;
    if (open > MAX_RAW_DEPTH) {
      return { at, message: `This is nested far deeper than ${MAX_DEPTH} levels.` };
    }
    if (brackets > MAX_BRACKETS)
      return { at, message: `There are more than ${MAX_BRACKETS} brackets.` };
    if (lines > MAX_LINES) return { at, message: `There are more than ${MAX_LINES} lines.` };
  }
  return null;
}

/**
 * Newlines, brackets, a directive at the start of a line, a margin that is wider than any
 * scenario's.
 */
const MARKS = /\n|[[{]|[\]}]|(?<=^|\n)%|(?<=^|\n)[ ?-]{201}/g;

class Reader {
  readonly #text: string;
  readonly #report: Reporter;
  readonly #anchors = new Map<string, SourceNode | "open">();
  #weight = 0;

  constructor(text: string, report: Reporter) {
    this.#text = text;
    this.#report = report;
  }

  read(): SourceNode | null {
    // `uniqueKeys` is quadratic in the keys of a map, so duplicates are found here, with a set.
    const document = parseDocument(this.#text, {
      version: "1.2",
      merge: false,
      prettyErrors: false,
      uniqueKeys: false,
    });
    // A tag that nobody knows is only a warning to the reader; to us it is no scenario.
    const problems = [...document.errors, ...document.warnings];
    if (problems.some((each) => each.code === "RESOURCE_EXHAUSTION")) {
      this.#report.error({ from: 0, to: 0 }, "The text is nested too deeply to be read.");
      return null;
    }
    for (const problem of problems.slice(0, MAX_PROBLEMS)) this.#problem(problem);
    if (problems.length > 0) return null;
    if (document.contents === null) {
      this.#report.error(
        { from: 0, to: 0 },
        "The text is empty. A scenario begins with faultline: 1.",
        {
          expected: ["faultline: 1"],
        },
      );
      return null;
    }
    return this.#node(document.contents, 1);
  }

  #problem(problem: YAMLError): void {
    const [from, to] = problem.pos;
    const lineFrom = this.#text.lastIndexOf("\n", from - 1) + 1;
    const hasTwoColons = /: .*: /.test(this.#text.slice(lineFrom).split("\n", 1)[0] ?? "");
    const isTwoColons = problem.code === "BLOCK_AS_IMPLICIT_KEY" && hasTwoColons;
    const known = isTwoColons ? TWO_COLONS : PROBLEMS.get(problem.code);
    this.#report.error({ from, to }, known ?? sentence(problem.message));
  }

  #node(node: Node, depth: number): SourceNode | null {
    const from = node.range?.[0] ?? 0;
    const to = node.range?.[1] ?? from;
    if (isAlias(node)) return this.#alias(node.source, from, to);
    if (depth > MAX_DEPTH) {
      this.#report.error({ from, to: from + 1 }, `This is nested deeper than ${MAX_DEPTH} levels.`);
      return null;
    }
    if (!isScalar(node) && !isSeq(node) && !isMap(node)) return null;
    const anchor = node.anchor;
    if (anchor !== undefined) this.#anchors.set(anchor, "open");
    let made: SourceNode | null = null;
    if (isScalar(node)) made = this.#scalar(node.source, node.value, from, to);
    else if (isSeq(node)) made = this.#list(node, depth, from, to);
    else made = this.#map(node, depth, from, to);
    if (anchor !== undefined && made !== null) this.#anchors.set(anchor, made);
    return made !== null && this.#withinLimit(made, 1) ? made : null;
  }

  #withinLimit(at: { from: number; to: number }, more: number): boolean {
    this.#weight += more;
    if (this.#weight <= MAX_NODES) return true;
    if (this.#weight - more <= MAX_NODES) {
      this.#report.error(
        at,
        `The text stands for more than ${MAX_NODES} values, aliases followed.`,
      );
    }
    return false;
  }

  #alias(name: string, from: number, to: number): SourceNode | null {
    const target = this.#anchors.get(name);
    if (target === undefined) {
      this.#report.error({ from, to }, `*${name} names no anchor above it.`);
      return null;
    }
    if (target === "open") {
      this.#report.error({ from, to }, `*${name} stands inside the value that it names.`);
      return null;
    }
    return this.#withinLimit({ from, to }, target.weight) ? target : null;
  }

  #scalar(source: string | undefined, value: unknown, from: number, to: number): ScalarNode {
    const text = source ?? (typeof value === "string" ? value : "");
    let textFrom: number | null = null;
    if (this.#text.startsWith(text, from)) textFrom = from;
    else if (this.#text.startsWith(text, from + 1)) textFrom = from + 1;
    return { kind: "scalar", text, textFrom, from, to, weight: 1 };
  }

  #list(node: YAMLSeq, depth: number, from: number, to: number): ListNode | null {
    const items: SourceNode[] = [];
    let weight = 1;
    for (const item of node.items as Node[]) {
      const made = this.#node(item, depth + 1);
      if (made === null) return null;
      items.push(made);
      weight += made.weight;
    }
    return { kind: "list", items, from, to, weight };
  }

  #map(node: YAMLMap, depth: number, from: number, to: number): MapNode | null {
    const pairs: SourcePair[] = [];
    const seen = new Set<string>();
    let weight = 1;
    for (const item of node.items as Pair<Node, Node | null>[]) {
      const key = this.#node(item.key, depth + 1);
      if (key === null) return null;
      if (key.kind !== "scalar") {
        this.#report.error(key, "A key must be a word.");
        return null;
      }
      if (seen.has(key.text)) {
        this.#report.error(key, `The key ${key.text} stands here twice. Keep one.`);
        return null;
      }
      seen.add(key.text);
      const value = item.value ? this.#node(item.value, depth + 1) : emptyAt(key.to);
      if (value === null) return null;
      pairs.push({ key, value });
      weight += value.weight + 1;
    }
    return { kind: "map", pairs, from, to, weight };
  }
}

const emptyAt = (at: number): ScalarNode => ({
  kind: "scalar",
  text: "",
  textFrom: at,
  from: at,
  to: at,
  weight: 1,
});

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

/** Problems of YAML itself that are shown at once: the first few explain the rest. */
const MAX_PROBLEMS = 10;
const TWO_COLONS =
  'Two colons on one line. Quote the sentence ("under V0: step 7: EFAULT") or put it below.';
/** Our words for the reader's problems that people meet most. */
const PROBLEMS: ReadonlyMap<string, string> = new Map([
  ["TAB_AS_INDENT", "A tab cannot indent YAML. Use spaces."],
  ["MULTIPLE_DOCS", "A second document begins here. A scenario is one document."],
  ["TAG_RESOLVE_FAILED", "Tags (!name) have no meaning in a scenario. Remove it."],
  ["BAD_INDENT", "The indentation does not fit the lines above."],
]);
