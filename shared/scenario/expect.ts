// Expectations as values: under which conditions a claim is made, and what is claimed. Made by
// parse-expect.ts of the closed sentences in vocabulary.table.ts; judged by evaluate.ts against a
// run's facts.
// From: the product's words (verdict, finding, lookup, kernel, mode).
import type { Gfn, Hva } from "#shared/units/address";
import type { Word } from "#shared/units/halves";
import type { SourceRange } from "./diagnostics.ts";

export type Axis = "lookup" | "kernel" | "mode" | "switch";

/** Holds if one of the names is the run's; for switches, if all of them are on. */
export interface Condition {
  readonly axis: Axis;
  readonly names: readonly string[];
}

export type Outcome =
  | { readonly kind: "ok" }
  | { readonly kind: "errno"; readonly name: string; readonly errno: number }
  | {
      readonly kind: "maps";
      readonly gfn: Gfn | null;
      readonly access: "writable" | "read-only" | null;
    }
  | { readonly kind: "refuses" }
  | { readonly kind: "emulates" }
  | { readonly kind: "value"; readonly value: Word }
  | { readonly kind: "guest page fault"; readonly code: number | null }
  | { readonly kind: "guest protection fault" }
  | { readonly kind: "signal"; readonly name: string; readonly signal: number }
  | { readonly kind: "dirty"; readonly pages: readonly number[] }
  | {
      readonly kind: "returned";
      readonly word: "young" | "pinned" | "moved" | "fired";
      readonly count: number;
    }
  | { readonly kind: "plan error" };

export type MappingState = "writable" | "read-only" | "mapped" | "not mapped";

export type Claim =
  | { readonly kind: "step"; readonly n: number; readonly outcome: Outcome }
  | {
      readonly kind: "refs";
      /** As written: a tracked page or a backing, perhaps with `+pages`. */
      readonly page: string;
      readonly hva: Hva;
      /** null: at the end of the run. */
      readonly after: number | null;
      readonly count: number;
    }
  | {
      readonly kind: "mapping";
      readonly gfn: Gfn;
      readonly after: number | null;
      readonly state: MappingState;
    }
  | { readonly kind: "verdict"; readonly word: string }
  | { readonly kind: "finding"; readonly isBroken: boolean; readonly rule: string | null };

export interface Expectation {
  readonly when: readonly Condition[];
  readonly claim: Claim;
  /** Canonical, conditions included: `under V0: step 7: EFAULT`. */
  readonly sentence: string;
  readonly range: SourceRange;
}
