// What a comparison finds: a verdict, its counts, and the first difference with its surroundings.
// Owns the words for the shapes of a difference; plain data, the same for terminal, JSON and views.
// From: the product's rule that a difference names step, line, field, both sides and our function.
import type { TraceRecord } from "./trace.ts";

export type DifferenceKind = "step" | "result" | "event" | "table" | "page" | "reference";

export interface Difference {
  readonly kind: DifferenceKind;
  readonly step: number;
  readonly plan: string;
  /** What the real kernel has; null: nothing. */
  readonly expected: string | null;
  /** What ours has; null: nothing. */
  readonly got: string | null;
  readonly field: string;
  /** Line in the real file, from 1; 0 where a state, not a line, differs. */
  readonly line: number;
  /** The model's function that made ours. */
  readonly by: string;
  /** A guess at the shape of the difference: missing, extra, swapped, changed. */
  readonly shape: "missing" | "extra" | "swapped" | "changed";
  /** Up to five lines around, on both sides. */
  readonly around: { readonly expected: readonly string[]; readonly got: readonly string[] };
}

export interface Counts {
  readonly steps: number;
  readonly results: number;
  readonly events: number;
  readonly entries: number;
  readonly pages: number;
  /** Changes of watched pages' reference counts, where these are compared. */
  readonly references: number;
  /** Marks of use with which the lab's pages are taken to begin; see verify-text.ts. */
  readonly labMarks: number;
}

export type Verdict =
  | { readonly equal: true; readonly counts: Counts }
  | {
      readonly equal: false;
      readonly counts: Counts;
      readonly first: Difference;
      /** Other kinds that differ in the same step. */
      readonly also: readonly Difference[];
    };

/** Told by the events' names alone: does one side go on where the other was before? */
export function shapeOf(
  real: readonly TraceRecord[],
  ours: readonly TraceRecord[],
  index: number,
): Difference["shape"] {
  const id = (list: readonly TraceRecord[], at: number): number => list[at]?.id ?? 0;
  const runsOn = (a: readonly TraceRecord[], from: number, b: readonly TraceRecord[]): boolean => {
    for (let step = 0; step < 3; step++) {
      if (id(a, from + step) !== id(b, index + step)) return false;
    }
    return true;
  };
  if (ours[index] === undefined) return "missing";
  if (real[index] === undefined) return "extra";
  if (id(real, index) === id(ours, index)) return "changed";
  if (id(real, index) === id(ours, index + 1) && id(real, index + 1) === id(ours, index)) {
    return "swapped";
  }
  if (runsOn(real, index + 1, ours)) return "missing";
  return runsOn(ours, index + 1, real) ? "extra" : "changed";
}
