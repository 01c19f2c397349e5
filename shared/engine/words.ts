// The words: the control structure of a kernel function as data. Nothing runs here; link.ts makes
// rows of them. An act is one atomic section; all else decides which act comes next, and may read
// only what this thread owns. Labels are the names of acts in the races document where one exists
// (F1, N4, Z2 …), unique in their routine.
import type { View, Fields } from "./struct.ts";
import type { SpineRoutine } from "./routine.ts";
import type { Lock } from "./locks.ts";
import type { Word as Word64 } from "../units/halves.ts";

/**
 * What an act does; a result that is neither 0, false nor nothing takes the first branch of `when`.
 */
export type Effect = () => unknown;
export type Condition = () => unknown;
/** A constant, a function of own locals, or the name of an own local. */
export type Value = string | number | boolean | (() => Computed);
export type Computed = number | boolean | View<Fields> | Word64;
export type Args<L extends Fields> = { readonly [Name in keyof L]?: Value };

export interface ActWord {
  readonly kind: "act";
  readonly label: string;
  readonly effect: Effect;
}
export interface UntilWord {
  readonly kind: "until";
  readonly label: string;
  readonly guard: Condition;
  readonly effect: Effect | null;
  /** What it waits for, to tell who holds it. */
  readonly lock: (() => Lock) | null;
}
export interface ChooseWord {
  readonly kind: "choose";
  readonly label: string;
  readonly count: () => number;
  readonly effect: (outcome: number) => unknown;
}
export interface CallWord {
  readonly kind: "call";
  /** Index of the routine called; evaluated when the call is reached. */
  readonly pick: (() => number) | null;
  readonly targets: readonly SpineRoutine[];
  readonly args: Readonly<Record<string, Value | undefined>>;
  readonly into: string | null;
}
export interface WhenWord {
  readonly kind: "when";
  readonly test: Test;
  readonly yes: readonly Word[];
  readonly no: readonly Word[];
}
export type TickWord = ActWord | UntilWord | ChooseWord;
export type Test = Condition | TickWord | CallWord;
export type Word =
  | TickWord
  | CallWord
  | WhenWord
  | { readonly kind: "loop"; readonly body: readonly Word[] }
  | { readonly kind: "leave" | "again" }
  | { readonly kind: "set"; readonly local: string; readonly value: Value }
  | { readonly kind: "done"; readonly value: Value }
  | { readonly kind: "atomic"; readonly body: readonly Word[] };

/** One atomic section: runs to its end, no other thread in between. */
export const act = (label: string, effect: Effect): ActWord => ({ kind: "act", label, effect });

/**
 * The thread can go only when the guard is true; guard and effect are one section. The guard puts
 * nothing.
 */
export const until = (
  label: string,
  guard: Condition,
  effect: Effect | null = null,
): UntilWord => ({ kind: "until", label, guard, effect, lock: null });

/**
 * One of `count` outcomes (1 to 8; 0 waits): a run takes 0 unless its schedule says otherwise, a
 * search takes all.
 */
export const choose = (
  label: string,
  count: number | (() => number),
  effect: (outcome: number) => unknown,
): ChooseWord => ({
  kind: "choose",
  label,
  effect,
  count: typeof count === "number" ? () => count : count,
});

/** Branches on own locals and switches (no tick), or on the result of an act or a call. */
export const when = (test: Test, yes: readonly Word[], no: readonly Word[] = []): Word => ({
  kind: "when",
  test,
  yes,
  no,
});

/** Endless until `leave`; `again` restarts. */
export const loop = (...body: readonly Word[]): Word => ({ kind: "loop", body });
export const leave: Word = { kind: "leave" };
export const again: Word = { kind: "again" };

/** Nested call; arguments by the callee's names, the result into an own local. */
export const call = <L extends Fields>(
  routine: SpineRoutine<L>,
  args: Args<L> = {},
  into: string | null = null,
): CallWord => callOneOf(null, [routine], args, into);

/** Calls the routine whose index `pick` gives when the call is reached; all of them are linked. */
export const callOneOf = <L extends Fields>(
  pick: (() => number) | null,
  routines: readonly SpineRoutine<L>[],
  args: Args<L> = {},
  into: string | null = null,
): CallWord => ({
  // Widening: args and locals are checked against each other by name and size at link.
  kind: "call",
  pick,
  args,
  into,
  targets: routines as readonly unknown[] as readonly SpineRoutine[],
});

/** Assigns an own local; no tick. */
export const set = (local: string, value: Value): Word => ({ kind: "set", local, value });

/** Returns; without a value, 0. */
export const done = (value: Value = 0): Word => ({ kind: "done", value });

/** The acts inside share one tick, under the first act's label; only the first may wait. */
export const atomic = (...body: readonly Word[]): Word => ({ kind: "atomic", body });
