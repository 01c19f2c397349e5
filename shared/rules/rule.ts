// What a rule is, what it is asked with, and what it answers: a finding with its evidence.
// Owns the words severity and finding; the verdict a finding gives to a run is one of the
// product's.
// From: the invariants of KVM's MMU races; ids I1… are theirs, F1… name what breaks no invariant.
import type { SimRun } from "#shared/model/sim-run";
import type { ModeId } from "#shared/model/state/machine";
import { hexOf, groupedHex } from "#shared/units/hex";
import type { Ledger, LedgerEntry } from "./ledger.ts";
import type { StepFinder } from "./steps.ts";

/** S1 memory corruption, S2 wrong guest data, S3 accounting, S4 progress; a note breaks no rule. */
export type Severity = "S1" | "S2" | "S3" | "S4" | "note";

export type FindingVerdict =
  "crashes" | "underflows" | "wrong page" | "stale mapping" | "leaks" | "refuses";

export interface Finding {
  readonly rule: string;
  readonly verdict: FindingVerdict;
  readonly severity: Severity;
  /** False for a note: the rule's invariant holds, a reviewer should still know. */
  readonly isBroken: boolean;
  readonly sentence: string;
  readonly evidence: string;
  /** Event that shows it; null: the end of the run. */
  readonly event: number | null;
  /** -1: none. */
  readonly step: number;
  readonly pfn: number | null;
  readonly gfn: number | null;
  /** Other events that belong to it, in order. */
  readonly related: readonly number[];
}

/** The host's mapping of one address, as its vma and its page tables have it. */
export interface HostMapping {
  readonly isReadable: boolean;
  readonly isWritable: boolean;
  /** Present entry's frame; null when the page is absent. */
  readonly pfn: number | null;
}

/** Questions that events alone do not answer; who can replay the run implements it. */
export interface StateReader {
  /** The mapping after the ticks before `tick`; null when nothing is mapped at the address. */
  hostMapping(tick: number, hva: number): HostMapping | null;
}

export interface RuleInput {
  readonly run: SimRun;
  readonly ledger: Ledger;
  readonly steps: StepFinder;
  /** Null where the run cannot be replayed; rules then use what events say. */
  readonly state: StateReader | null;
  /** `page b` for a tracked page, else `pfn 0x6ee1`. */
  readonly nameOf: (pfn: number) => string;
  readonly pathOf: (entry: LedgerEntry) => string;
}

export interface Rule {
  readonly id: string;
  readonly title: string;
  /** What must hold. */
  readonly sentence: string;
  readonly severity: Severity;
  /** The modes whose events say enough for it; absent: all. */
  readonly modes?: readonly ModeId[];
  check(input: RuleInput): readonly Finding[];
}

/** `0x6ee1`, grouped from 5 digits on. */
export const hexText = (value: number): string => groupedHex(hexOf(value));

/** ` in a > b`, or nothing where the run has no spans. */
export const inPath = (path: string): string => (path === "" ? "" : ` in ${path}`);

export const countOf = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
