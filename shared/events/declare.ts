// What an event is: its number, its kind letter, its fields and the pieces of its printed body.
// Owns the field kinds and their width in int32 cells; promises that one declaration serves
// printing, parsing, naming and storing. Declarations know no trace, no kernel version, no run.
// From: TRACE_EVENT() of include/linux/tracepoint.h (one place for fields and print format).
import type { Word } from "#shared/units/halves";
import type { PrintForms } from "./forms.ts";
import type { Texts } from "./texts.ts";

/** How a field lies in cells. `wide` is below 2^53, `bytes` 16 bytes, `text` a Texts number. */
export type FieldKind = "int" | "u64" | "wide" | "bytes" | "text";
export const CELLS: Readonly<Record<FieldKind, number>> = {
  int: 1,
  u64: 2,
  wide: 2,
  bytes: 4,
  text: 1,
};

/**
 * What a field's value stands for, when that differs from run to run: a page frame, an entry of a
 * page table (leaf, or decided by the level), the physical or direct-map address of an entry. A
 * comparison renames these; every other field is compared as it is.
 */
export type Identity = "pfn" | "leaf" | "entry" | "physical" | "pointer";

/** One letter of the event badge: the subject of the event. */
export type KindLetter = "G" | "F" | "L" | "R" | "S" | "Z" | "T" | "N" | "K" | "M" | "X" | "!";

export type Fields = Readonly<Record<string, FieldKind>>;

/** A field as the pieces of a body see it: its kind and its first cell. */
export interface Slot {
  readonly name: string;
  readonly kind: FieldKind;
  readonly at: number;
}

/** What printing and parsing need besides the cells. */
export interface PrintContext {
  readonly forms: PrintForms;
  readonly texts: Texts;
}

/** One scan of a body: where it reads, where its cells go, how far it came. */
export interface Scan extends PrintContext {
  text: string;
  readonly cells: Int32Array;
  readonly base: number;
  failedAt: number;
}

/**
 * A piece of a body. `scan` reads the text at `from` into its slot's cells, counted from `base`,
 * and returns the next position, or -1 when the text is not this piece. `print` is its inverse.
 */
export interface Piece {
  scan(scan: Scan, from: number): number;
  print(cells: Int32Array, base: number, context: PrintContext): string;
}

export type Origin = "tracepoint" | "mark" | "own";

export interface EventDeclaration {
  /** 1..254, never reused: stored runs carry it. 0 is no event. */
  readonly id: number;
  readonly name: string;
  readonly origin: Origin;
  readonly letter: (cells: Int32Array, base: number) => KindLetter;
  /** One English sentence: what it means that this event is there. */
  readonly meaning: string;
  readonly slots: readonly Slot[];
  readonly arity: number;
  readonly identities: Readonly<Record<string, Identity>>;
  readonly body: readonly Piece[];
  /** The first word of a mark's body, by which the parser finds it. */
  readonly firstWord: string;
}

export interface EventSpec<F extends Fields> {
  readonly id: number;
  readonly letter: KindLetter | ((cells: Int32Array, base: number) => KindLetter);
  readonly meaning: string;
  readonly fields: F;
  readonly identities?: { readonly [K in keyof F]?: Identity };
  readonly body: (slots: { readonly [K in keyof F]: Slot }) => readonly Piece[];
  readonly firstWord?: string;
}

/** A declaration that remembers its fields in its type, for `encode` and `decode`. */
export interface TypedDeclaration<F extends Fields> extends EventDeclaration {
  readonly fields: F;
}

export type Declare = <F extends Fields>(name: string, spec: EventSpec<F>) => TypedDeclaration<F>;

const declareAs =
  (origin: Origin): Declare =>
  (name, spec) => {
    const slots: Slot[] = [];
    const byName: Record<string, Slot> = {};
    let at = 0;
    for (const [field, kind] of Object.entries(spec.fields)) {
      const slot = { name: field, kind, at };
      slots.push(slot);
      byName[field] = slot;
      at += CELLS[kind];
    }
    const { letter } = spec;
    return {
      id: spec.id,
      name,
      origin,
      letter: typeof letter === "function" ? letter : () => letter,
      meaning: spec.meaning,
      fields: spec.fields,
      slots,
      arity: at,
      identities: (spec.identities ?? {}) as Record<string, Identity>,
      body: spec.body(byName as Parameters<typeof spec.body>[0]),
      firstWord: spec.firstWord ?? "",
    };
  };

/** A tracepoint of the kernel, under the kernel's name. */
export const tracepoint: Declare = declareAs("tracepoint");
/** A line the lab's agent or module writes between the kernel's. */
export const mark: Declare = declareAs("mark");
/** An event of the model that no kernel has. */
export const own: Declare = declareAs("own");

export type ValueOf<K extends FieldKind> = K extends "u64"
  ? Word
  : K extends "text"
    ? string
    : K extends "bytes"
      ? readonly number[]
      : number;
export type RecordOf<F extends Fields> = { readonly [K in keyof F]: ValueOf<F[K]> };
