// The shapes of the vocabulary: what a verb, an argument, a memory kind, a top-level key and an
// expectation form say of themselves. The rows are in vocabulary.table.ts; everything else (parser,
// checks, completion, hover, reference, printers) reads them.
// From: the plan language of the lab that makes the real traces.

/** How an argument is written and what it becomes in a plan. */
export type ArgType =
  | "name" // a new name: string
  | "backing" // a backing's name: string
  | "kind" // a kind of host memory: BackingKind
  | "size" // bytes, a sum of numbers: number
  | "hva" // a sum: Hva
  | "gpa" // a sum: Gpa
  | "gva" // a sum of 64 bits: Word
  | "value" // a sum of 64 bits: Word
  | "number" // a plain whole number: number
  | "choice" // one of `choices`: that string
  | "letters" // some of the letters in `choices`, "-" for none: string without "-"
  | "width" // w1, w2, w4 anywhere after the positional arguments; 1, 2, 4, or 8 when absent
  | "flag"; // its own name after the positional arguments: boolean

export interface ArgSpec {
  readonly name: string;
  readonly type: ArgType;
  readonly doc: string;
  /** Present: the argument may be left out, and this plan text is meant. */
  readonly default?: string;
  readonly choices?: readonly string[];
  readonly min?: number;
  readonly max?: number;
}

/**
 * Who acts: the guest on a vCPU, the host's user space and memory manager, or the VMM by a call on
 * the VM.
 */
export type Side = "guest" | "host" | "vm";

export interface VerbSpec {
  readonly verb: string;
  readonly side: Side;
  /** May stand in `setup`. */
  readonly setup: boolean;
  readonly args: readonly ArgSpec[];
  readonly doc: string;
  readonly example: string;
  /** What the real machine does for it. */
  readonly real: string;
}

export interface KindSpec {
  readonly kind: string;
  readonly doc: string;
  /** Mapping a larger size than this fails on the real machine. */
  readonly maxSize?: number;
}

export interface KeySpec {
  readonly key: string;
  readonly value: "one" | "text" | "words" | "steps" | "threads" | "switches" | "bounds" | "expect";
  readonly doc: string;
  readonly example: string;
}

export interface BoundSpec {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly doc: string;
}

export interface FormSpec {
  readonly form: string;
  readonly doc: string;
  readonly example: string;
}

export interface SwitchSpec {
  readonly name: string;
  readonly act: string;
  readonly doc: string;
}
