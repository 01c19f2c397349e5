// A trace as steps of records: what a real kernel's file gives when read, and what the simulator
// hands in to be compared with it. Plain data: the two sides have one type and may change places.
// From: the lab's trace files (STEP, events, RESULT, PAGE, SPTE) and their rules of comparison.
import type { PrintForms } from "#shared/events/forms";
import type { Texts } from "#shared/events/texts";

/** One printed line as cells of its event. */
export interface TraceRecord {
  readonly id: number;
  readonly cells: Int32Array;
  /** Line in the file, from 1; 0 for a simulated record. */
  readonly line: number;
  /** The function that made it, where that is known: the model's emitter. */
  readonly by: string;
  /** Only the event's name is known (a cut line of 6.1). */
  readonly isCut: boolean;
}

export interface TraceStep {
  readonly n: number;
  readonly plan: string;
  /** labMmio and labResult, in order. */
  readonly results: readonly TraceRecord[];
  /** Tracepoints and labRace, in order. Own events of the model may stand between. */
  readonly events: readonly TraceRecord[];
  /** labRoot and labSpte: what changed, or all of it after a labRoot. */
  readonly tables: readonly TraceRecord[];
  /** labPage: what changed, or all of it. */
  readonly pages: readonly TraceRecord[];
  /** labRef and labWatch. */
  readonly refs: readonly TraceRecord[];
}

export interface Trace {
  readonly name: string;
  readonly forms: PrintForms;
  readonly texts: Texts;
  readonly steps: readonly TraceStep[];
}

/** What the simulator hands in: a trace whose records name their emitters. */
export type SimulatedTrace = Trace;

/** A record from an id and its cells, as `emit` takes them. */
export const makeRecord = (
  id: number,
  cells: ArrayLike<number>,
  by = "",
  line = 0,
): TraceRecord => ({ id, cells: Int32Array.from(cells), line, by, isCut: false });
