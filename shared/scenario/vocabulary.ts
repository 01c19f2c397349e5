// Types of a step's arguments, computed from the rows of the vocabulary: a model cannot misspell an
// argument or a verb. A new row in the table is a new member here, and every `switch` over verbs
// without it stops compiling where it should.
// From: vocabulary.table.ts; address types of shared/units.
import type { Gpa, Hva } from "#shared/units/address";
import type { Word } from "#shared/units/halves";
import type { KINDS, VERBS } from "./vocabulary.table.ts";

export type Verb = (typeof VERBS)[number]["verb"];
export type BackingKind = (typeof KINDS)[number]["kind"];
export type VcpuIndex = 0 | 1 | 2 | 3;

interface ValueByType {
  readonly name: string;
  readonly backing: string;
  readonly kind: BackingKind;
  readonly size: number;
  readonly hva: Hva;
  readonly gpa: Gpa;
  readonly gva: Word;
  readonly value: Word;
  readonly number: number;
  readonly letters: string;
  readonly width: 1 | 2 | 4 | 8;
  readonly flag: boolean;
}
type ValueOf<A> = A extends { type: "choice"; choices: readonly (infer C)[] }
  ? C
  : A extends { type: infer T extends keyof ValueByType }
    ? ValueByType[T]
    : never;

type SpecOf<V extends Verb> = Extract<(typeof VERBS)[number], { verb: V }>;
/** The arguments of one verb, by name; an argument left out has its default. */
export type ArgsOf<V extends Verb> = {
  readonly [A in SpecOf<V>["args"][number] as A["name"]]: ValueOf<A>;
};
