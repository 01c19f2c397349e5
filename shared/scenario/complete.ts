// What may stand at an offset of a scenario: keys, verbs, arguments, names, switches, sentences,
// with their explanation. Plain data for any editor; everything offered comes from the vocabulary
// or from names in the text.
// From: the vocabulary table.
import { namesIn, spotAt } from "./editing.ts";
import type { Spot } from "./editing.ts";
import type { ArgSpec, VerbSpec } from "./vocabulary-rows.ts";
import {
  BOUNDS,
  CONDITIONS,
  KEYS,
  KINDS,
  LOOKUP_STATES,
  LOOKUPS,
  MODES,
  KNOWN_KERNELS,
  OUTCOMES,
  SENTENCES,
  VERBS,
  VERDICT_WORDS,
} from "./vocabulary.table.ts";
import {
  isPositional,
  SWITCH_BY_NAME,
  usageOf,
  VCPU_NAMES,
  VERB_BY_NAME,
  WIDTHS,
} from "./words.ts";

export interface Completion {
  readonly label: string;
  readonly insert: string;
  readonly kind: "key" | "verb" | "kind" | "name" | "word" | "switch" | "sentence";
  /** One line beside the label: a usage or a value. */
  readonly detail: string;
  readonly doc: string;
}
export interface Completions {
  /** The stretch that a choice replaces. */
  readonly from: number;
  readonly to: number;
  readonly items: readonly Completion[];
}

export function complete(text: string, offset: number): Completions {
  const spot = spotAt(text, offset);
  return { from: spot.at.from, to: spot.at.to, items: itemsAt(text, spot) };
}

function itemsAt(text: string, spot: Spot): Completion[] {
  const isTop = spot.at.from === spot.lineFrom;
  if (isTop) return keyItems(text);
  switch (spot.section) {
    case "setup":
    case "steps":
    case "threads":
      return stepItems(text, spot);
    case "switches":
      return switchItems();
    case "bounds":
      return BOUNDS.map((row) =>
        item(row.name, "key", `${row.min}–${row.max}`, row.doc, `${row.name}: `),
      );
    case "expect":
      return expectItems(spot);
    case "tags":
      return [
        item("template", "word", "", "Shown among the templates."),
        item("matrix", "word", "", "Shown as a row of the verdict matrix."),
      ];
    default:
      return [];
  }
}

function item(
  label: string,
  kind: Completion["kind"],
  detail: string,
  doc: string,
  insert = label,
): Completion {
  return { label, insert, kind, detail, doc };
}

const keyItems = (text: string): Completion[] =>
  KEYS.filter((row) => !new RegExp(`^${row.key}:`, "m").test(text)).map((row) =>
    item(row.key, "key", row.example.split("\n")[0] ?? "", row.doc, `${row.key}: `),
  );

const switchItems = (): Completion[] =>
  [...SWITCH_BY_NAME.values()].map((row) => item(row.name, "switch", row.act, row.doc));

function stepItems(text: string, spot: Spot): Completion[] {
  const before = spot.words.filter((word) => word.from < spot.at.from);
  const verb = before[0]?.text.replace(/:$/, "");
  if (verb === undefined || /^v[1-3]$/.test(verb)) return verbItems(spot, verb === undefined);
  const spec = VERB_BY_NAME.get(verb);
  if (!spec) return [];
  return spot.isMap
    ? mapItems(text, spec, spot, before.length)
    : lineItems(text, spec, before.length - 1);
}

function verbItems(spot: Spot, withPrefix: boolean): Completion[] {
  const end = spot.isMap ? ": " : "";
  const specs: readonly VerbSpec[] = VERBS;
  const verbs = specs.filter((spec) => spec.setup || spot.section !== "setup");
  const items = verbs.map((spec) =>
    item(spec.verb, "verb", usageOf(spec), spec.doc, spec.verb + end),
  );
  if (!withPrefix || spot.section === "setup") return items;
  const prefixes = VCPU_NAMES.slice(1).map((name) =>
    item(name, "word", "", `Runs on vCPU ${name[1]}.`),
  );
  return [...items, ...prefixes];
}

function lineItems(text: string, spec: VerbSpec, index: number): Completion[] {
  const arg = spec.args.filter(isPositional)[index];
  const flags = spec.args
    .filter((each) => !isPositional(each))
    .flatMap((each) => argumentItems(text, each));
  if (!arg) return flags;
  return arg.default === undefined
    ? argumentItems(text, arg)
    : [...argumentItems(text, arg), ...flags];
}

/** After `name:` that argument's words; else the names of the arguments. */
function mapItems(text: string, spec: VerbSpec, spot: Spot, count: number): Completion[] {
  const key = /([a-z-]+):\s*[A-Za-z0-9_+.-]*$/.exec(
    spot.line.slice(0, spot.at.from - spot.lineFrom),
  )?.[1];
  if (key === spec.verb && count === 1)
    return spec.args[0] ? argumentItems(text, spec.args[0]) : [];
  const arg = spec.args.find((each) => each.name === key);
  if (arg)
    return arg.type === "flag" ? [item("true", "word", "", arg.doc)] : argumentItems(text, arg);
  return spec.args.slice(1).map((each) => item(each.name, "key", "", each.doc, `${each.name}: `));
}

function argumentItems(text: string, arg: ArgSpec): Completion[] {
  switch (arg.type) {
    case "kind":
      return KINDS.map((row) => item(row.kind, "kind", "", row.doc));
    case "choice":
      return (arg.choices ?? []).map((word) => item(word, "word", "", arg.doc));
    case "letters":
      return [
        item((arg.choices ?? []).join(""), "word", "letters", arg.doc),
        item("-", "word", "", "none"),
      ];
    case "width":
      return [...WIDTHS].map(([name, bytes]) => item(name, "word", "", `${bytes} bytes`));
    case "flag":
      return [item(arg.name, "word", "", arg.doc)];
    case "size":
      return ["1p", "64k", "2M"].map((size) => item(size, "word", "", arg.doc));
    case "gva":
      return [item("D", "name", "0x4000_0000", "Start of the guest's data window, guest virtual.")];
    case "gpa":
      return [
        item("P", "name", "0x1000_0000", "Start of the guest's data window, guest physical."),
      ];
    case "backing":
      return backingItems(text);
    case "hva":
      return [
        ...backingItems(text),
        item("S", "name", "0x7d00_0000_0000", "Host address of slot 0."),
      ];
    default:
      return [];
  }
}

const backingItems = (text: string): Completion[] =>
  namesIn(text, "back").map((name) => item(name, "name", "backing", "Host memory made above."));

function expectItems(spot: Spot): Completion[] {
  const head = spot.line.slice(0, spot.at.from - spot.lineFrom);
  if (/\bstep [0-9]+: *$/.test(head)) {
    return OUTCOMES.map((row) =>
      item(row.form, "sentence", row.example, row.doc, row.example.replace(/^[^:]*: /, "")),
    );
  }
  if (/verdict: *$/.test(head)) return VERDICT_WORDS.map((word) => item(word, "word", "", ""));
  if (/\bunder [^:]*$/.test(head)) {
    return [...LOOKUPS, ...LOOKUP_STATES, ...KNOWN_KERNELS, ...MODES].map((name) =>
      item(name, "word", "", ""),
    );
  }
  if (/\bwith [^:]*$/.test(head)) return switchItems();
  return [...SENTENCES, ...CONDITIONS].map((row) =>
    item(row.form, "sentence", row.example, row.doc, row.example),
  );
}
