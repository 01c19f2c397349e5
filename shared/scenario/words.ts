// Look-ups over the vocabulary: a verb, kind, switch or key by name, and how a verb is used, in one
// line. Reads vocabulary.table.ts and switches.table.ts; owns no words of its own but those that
// names may not take.
// From: the two tables.
import { SWITCHES } from "./switches.table.ts";
import type { ArgSpec, KeySpec, KindSpec, SwitchSpec, VerbSpec } from "./vocabulary-rows.ts";
import { KEYS, KINDS, VERBS } from "./vocabulary.table.ts";

export const VERB_BY_NAME: ReadonlyMap<string, VerbSpec> = new Map(
  VERBS.map((spec) => [spec.verb, spec]),
);
export const KIND_BY_NAME: ReadonlyMap<string, KindSpec> = new Map(
  KINDS.map((spec) => [spec.kind, spec]),
);
export const KEY_BY_NAME: ReadonlyMap<string, KeySpec> = new Map(
  KEYS.map((spec) => [spec.key, spec]),
);
export const SWITCH_BY_NAME: ReadonlyMap<string, SwitchSpec> = new Map(
  SWITCHES.map((spec) => [spec.name, spec]),
);

export const WIDTHS: ReadonlyMap<string, 1 | 2 | 4> = new Map([
  ["w1", 1],
  ["w2", 2],
  ["w4", 4],
]);
export const VCPU_NAMES = ["v0", "v1", "v2", "v3"] as const;

/** Words with a meaning of their own in a step: no backing or page may be called so. */
export const RESERVED: ReadonlySet<string> = new Set([
  "D",
  "P",
  "S",
  "user",
  "ro",
  "log",
  "w8",
  "vcpu",
  ...WIDTHS.keys(),
  ...VCPU_NAMES,
]);

export const isPositional = (arg: ArgSpec): boolean => arg.type !== "flag" && arg.type !== "width";

/** `slot ID GPA HVA SIZE [ro] [log]` */
export function usageOf(spec: VerbSpec): string {
  return [spec.verb, ...spec.args.map(argumentUsage)].join(" ");
}

function argumentUsage(arg: ArgSpec): string {
  const plain = arg.type === "width" ? [...WIDTHS.keys()].join("|") : plainUsage(arg);
  return arg.default === undefined ? plain : `[${plain}]`;
}

function plainUsage(arg: ArgSpec): string {
  if (arg.type === "choice") return (arg.choices ?? []).join("|");
  return arg.type === "flag" ? arg.name : arg.name.toUpperCase();
}

/** What an argument wants, for messages: `size: bytes`. */
export const wanted = (arg: ArgSpec): string => `${arg.name}: ${arg.doc}`;
