// What a report is made of: plain data, put together by who has the runs (assemble.ts, services).
// Owns the shapes and the limits; a report decides nothing, it only lays out.
// From: the sections of the report; walks have the shape in which the contract gives them.
import type { CallTree } from "#shared/profile/tree";

/** In the order of the document. */
export const SECTIONS = [
  "verdicts",
  "differences",
  "tables",
  "ledger",
  "profile",
  "schedule",
  "scenario",
  "real",
  "provenance",
] as const;
export type Section = (typeof SECTIONS)[number];

/** Bytes of the HTML above which rows are left out. */
export const MOST_BYTES = 1_000_000;
/** Rows of a table that are kept at its beginning and its end when it is too long. */
export const KEPT_ROWS = 500;
export const MOST_LEDGER_ROWS = 400;
export const MOST_FRAMES_SHOWN = 2_000;
export const MOST_STEPS_SHOWN = 40;
export const MOST_TEXT = 60_000;

export interface ReportStep {
  readonly n: number;
  readonly line: string;
  readonly result: string;
  readonly verdict: string | null;
  readonly deltaRef: number;
}

export interface ReportRun {
  readonly letter: string;
  readonly id: string;
  readonly lookup: string;
  readonly lookupTitle: string;
  /** Never posted as code: said wherever the run is named. */
  readonly isPosted: boolean;
  /** With the build: "Linux 6.12.117". */
  readonly kernel: string;
  readonly mode: string;
  readonly origin: "sim" | "real";
  readonly verdict: string;
  readonly sentence: string;
  /** What decided it, one or two sentences. */
  readonly because: string;
  readonly events: number;
  readonly estimatedNs: number;
  readonly deltaRef: number;
  /** "50 of 50", "" where no real trace was compared. */
  readonly equal: string;
  readonly steps: readonly ReportStep[];
  readonly findings: readonly {
    readonly rule: string;
    readonly sentence: string;
    readonly evidence: string;
  }[];
}

export interface ReportEvent {
  readonly n: number;
  readonly name: string;
  readonly text: string;
}

export interface ReportDifferences {
  readonly sentence: string;
  readonly detail: string;
  readonly counts: readonly [
    equal: number,
    renamed: number,
    differs: number,
    onlyA: number,
    onlyB: number,
  ];
  readonly rows: readonly {
    readonly mark: string;
    readonly a: ReportEvent | null;
    readonly b: ReportEvent | null;
  }[];
  /** Rows of the whole alignment, of which `rows` are a part. */
  readonly total: number;
  /** Index in `rows` of the row to frame; -1: none. */
  readonly first: number;
  readonly address: string;
}

/** A level of a walk, in the contract's shape. */
export interface ReportLevel {
  readonly level: number;
  readonly name: string;
  readonly table: string | null;
  /** The shadow page of the table in words; "" in other trees. */
  readonly about: string;
  readonly index: number;
  readonly strip: Uint8Array;
  readonly entries: readonly {
    readonly index: number;
    readonly text: string;
    readonly state: string;
    readonly changed: boolean;
  }[];
  readonly note: string;
}

export interface ReportWalk {
  readonly trees: readonly {
    readonly key: string;
    readonly title: string;
    readonly maps: string;
    readonly address: string;
    readonly levels: readonly ReportLevel[];
  }[];
  readonly gpa: string | null;
  readonly slot: string;
  readonly ends: { readonly sentence: string } | null;
  /** Where shadow tables lead elsewhere than the guest's; else "". */
  readonly remark: string;
  readonly page: {
    readonly pfn: number;
    readonly kind: string;
    readonly kindTitle: string;
    readonly ref: number;
    readonly hasStruct: boolean;
  } | null;
}

export interface ReportTables {
  readonly letter: string;
  readonly title: string;
  readonly steps: readonly {
    readonly n: number;
    readonly line: string;
    readonly walk: ReportWalk;
  }[];
  /** Step shown first. */
  readonly shown: number;
  readonly captions: readonly { readonly head: string; readonly text: string }[];
  readonly address: string;
}

export interface ReportLedger {
  readonly letter: string;
  readonly page: string;
  readonly rows: readonly {
    readonly event: number;
    readonly step: number;
    readonly delta: number;
    readonly count: number;
    readonly path: string;
    readonly cause: string;
    readonly pair: number | null;
    readonly isOpen: boolean;
  }[];
  readonly total: number;
  readonly address: string;
}

export interface ReportProfile {
  readonly letter: string;
  readonly title: string;
  readonly tree: CallTree;
  readonly unit: string;
  readonly note: string;
  readonly address: string;
}

export interface ReportInput {
  readonly title: string;
  readonly about: string;
  readonly note: string;
  readonly scenario: { readonly name: string; readonly digest: string; readonly text: string };
  readonly runs: readonly ReportRun[];
  readonly differences: ReportDifferences | null;
  readonly tables: readonly ReportTables[];
  readonly ledgers: readonly ReportLedger[];
  readonly profiles: readonly ReportProfile[];
  readonly schedules: readonly { readonly letter: string; readonly text: string }[];
  readonly real: readonly { readonly title: string; readonly text: string }[];
  readonly commands: readonly string[];
  readonly provenance: readonly { readonly label: string; readonly value: string }[];
  readonly sections: readonly Section[];
}
