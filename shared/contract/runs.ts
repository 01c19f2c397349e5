// Runs: start one, list and tend them, and read their rows by window.
// A run is immutable; title, tags, pin and note belong to the library's row, not to the run.
// From: the product's word "run" and the column streams of the engine.
import { z } from "zod";
import {
  kernelId,
  kindLetter,
  lookupId,
  modeId,
  origin,
  position,
  progress,
  runId,
  uint32s,
  verdict,
} from "./values.ts";

export const runSummary = z.object({
  id: runId,
  title: z.string(),
  scenario: z.string(), // file name of the scenario, "" when pasted
  scenarioDigest: z.string(),
  kernel: kernelId,
  mode: modeId,
  lookup: lookupId,
  schedule: z.string(),
  origin,
  state: z.enum(["complete", "partial", "failed"]),
  verdict,
  sentence: z.string(),
  engine: z.string(),
  steps: z.int(),
  ticks: z.int(),
  events: z.int(),
  bytes: z.int(),
  createdAt: z.int(), // milliseconds since 1970
  durationMs: z.number(),
  tags: z.array(z.string()),
  pinned: z.boolean(),
  note: z.string(),
});
export type RunSummary = z.infer<typeof runSummary>;

export const stepRow = z.object({
  n: z.int(),
  line: z.string(), // the plan line
  sourceLine: z.int(), // line of the scenario text, 1-based; 0 when unknown
  thread: z.int(),
  firstEvent: position, // number of the first event of the step (1-based)
  eventCount: z.int(),
  firstTick: position,
  endTick: position,
  result: z.string(), // as the lab prints it, "" for a step that prints none
  verdict: verdict.nullable(),
  deltaRef: z.int(), // sum of reference changes in the step
});
export type StepRow = z.infer<typeof stepRow>;

export const finding = z.object({
  rule: z.string(), // "I3", or "real" / "rules" for the fixed first rows
  verdict: verdict.nullable(), // null: a note or a rule that holds
  sentence: z.string(),
  evidence: z.string(),
  event: position.nullable(),
  pfn: z.number().nullable(),
  gfn: z.number().nullable(),
});
export type Finding = z.infer<typeof finding>;

export const trackedPage = z.object({
  name: z.string(),
  hva: z.number(),
  kind: z.string(), // two-letter code of the memory kind
  kindTitle: z.string(),
});

export const runDetail = runSummary.extend({
  text: z.string(),
  stepRows: z.array(stepRow),
  threads: z.array(z.string()),
  findings: z.array(finding),
  pages: z.array(trackedPage),
  expectations: z.array(
    z.object({
      sentence: z.string(),
      line: z.int(),
      met: z.boolean().nullable(),
      because: z.string(),
    }),
  ),
  hasSpans: z.boolean(),
  canReplay: z.boolean(), // this engine can re-execute it, so state and profiles can be shown
  whyNotReplay: z.string(),
  decidingEvent: position,
  decidingStep: z.int(), // -1: none
  estimatedNs: z.number(), // length of the whole run by instruction costs
});
export type RunDetail = z.infer<typeof runDetail>;

export const startRun = {
  input: z.object({
    text: z.string().max(2 * 1024 * 1024),
    scenario: z.string().max(200),
    kernel: kernelId,
    mode: modeId,
    lookup: lookupId,
    schedule: z.string().max(100_000),
    spans: z.boolean(),
  }),
  item: progress,
  output: z.object({ run: runSummary, known: z.boolean() }),
};

export const listRuns = {
  input: z.object({
    q: z.string().max(500), // words, or lookup:V1 verdict:leaks tag:mail kernel:6.12 mode:tdp
    sort: z.string().max(40), // column, "-" before it for descending
    from: z.int().min(0),
    count: z.int().min(1).max(1000),
  }),
  output: z.object({
    rows: z.array(runSummary),
    total: z.int(), // rows that pass q
    all: z.int(),
    libraryBytes: z.int(),
    libraryName: z.string(),
  }),
};

export const getRun = { input: z.object({ id: z.string() }), output: runDetail };

const ids = z.array(runId).min(1).max(10_000);
export const deleteRuns = {
  input: z.object({ ids }),
  output: z.object({ deleted: z.int(), refused: z.array(runId) }), // pinned runs are refused
};
/** Undo of a delete; possible until the host stops. */
export const restoreRuns = { input: z.object({ ids }), output: z.object({ restored: z.int() }) };
export const labelRun = {
  input: z.object({
    id: runId,
    title: z.string().max(200).optional(),
    tags: z.array(z.string().max(60)).max(50).optional(),
    pinned: z.boolean().optional(),
    note: z.string().max(20_000).optional(),
  }),
  output: runSummary,
};

export const eventRow = z.object({
  n: position, // 1-based number in the run
  tick: position,
  step: z.int(),
  thread: z.int(),
  t: z.number(), // estimated ns since the start of the run
  kind: kindLetter,
  name: z.string(),
  detail: z.string(),
  delta: z.int().nullable(), // reference change
  fn: z.string(), // innermost function
  tracepoint: z.boolean(), // a real kernel prints this row
  equal: z.enum(["equal", "differs", "none"]), // against a real trace
  gfn: z.number().nullable(),
  pfn: z.number().nullable(),
});
export type EventRow = z.infer<typeof eventRow>;

export const readEvents = {
  input: z.object({
    id: runId,
    from: z.int().min(0), // index among the rows that pass the filter
    count: z.int().min(1).max(5000),
    filter: z.string().max(500), // words, kind:R fn: gfn: pfn: page: step: !kind:K
  }),
  output: z.object({ rows: z.array(eventRow), total: z.int(), all: z.int() }),
};

/**
 * Where the row with event number n stands among the rows that pass the filter: the first row at or
 * after it.
 */
export const locateEvent = {
  input: z.object({ id: runId, n: position, filter: z.string().max(500) }),
  output: z.object({ index: z.int() }),
};

export const block = z.object({
  from: z.number(),
  to: z.number(),
  label: z.string(),
  family: z.string(), // token family of the function's file, or lock mode
  event: position,
});
export const mark = z.object({
  at: z.number(),
  event: position,
  kind: kindLetter,
  label: z.string(),
});
export const lane = z.object({
  key: z.string(),
  title: z.string(),
  kind: z.enum(["vcpu", "host", "lookup", "lock", "spte", "tlb", "reference"]),
  counts: uint32s, // events per bin
  kinds: uint32s, // bit set of kind letters per bin, in the order of the schema
  blocks: z.array(block),
  marks: z.array(mark),
  line: z.object({ at: z.array(z.number()), value: z.array(z.int()) }).nullable(),
  cut: z.int(), // blocks and marks left out because there were too many
});
export type Lane = z.infer<typeof lane>;

/** Lanes of a part of the run. `unit` time is estimated ns; event and tick are plain numbers. */
export const readTimeline = {
  input: z.object({
    id: runId,
    unit: z.enum(["time", "event", "tick"]),
    from: z.number().min(0),
    to: z.number().min(0),
    bins: z.int().min(1).max(4096),
  }),
  output: z.object({
    from: z.number(),
    to: z.number(),
    end: z.number(), // length of the whole run in this unit
    lanes: z.array(lane),
    steps: z.array(z.object({ n: z.int(), line: z.string(), from: z.number(), to: z.number() })),
  }),
};
