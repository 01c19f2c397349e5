// Estimated time along the span words: where each event stands, and how long the run is.
// One clock for all threads, as they were simulated one after another; instruction costs, never a
// measurement.
// From: the kernel profile's cost tables; the engine's span words.
import { CONTINUED } from "#shared/engine/machine";
import { SPAN_ENTER, spanKind, spanValue } from "#shared/engine/spans";
import type { SimRun } from "#shared/model/sim-run";
import { costsOf } from "./functions.ts";

export interface RunClock {
  /** Estimated ns at each event, by number (index 0 is the start of the run). */
  readonly at: Float64Array;
  readonly end: number;
}

/** Time of every event: the cost of the functions entered before it. */
export function runClock(run: SimRun): RunClock {
  const costs = costsOf(run.functions, run.kernel);
  const { words } = run.record.spans;
  const [, kinds, spans] = run.record.columns.events;
  const at = new Float64Array(run.record.events + 1);
  let word = 0;
  let now = 0;
  let n = 0;
  for (let row = 0; row < (kinds?.length ?? 0); row++) {
    if (((kinds?.[row] ?? 0) & 0xff) === CONTINUED) continue;
    const end = Math.min(spans?.[row] ?? 0, words.length);
    for (; word < end; word++) now += costAt(words[word] ?? 0, costs);
    at[++n] = now;
  }
  for (; word < words.length; word++) now += costAt(words[word] ?? 0, costs);
  return { at, end: now };
}

const costAt = (word: number, costs: Float64Array): number =>
  spanKind(word) === SPAN_ENTER ? (costs[spanValue(word)] ?? 0) : 0;

/** The event at or before a time; 0: before the first. */
export function eventAtTime(clock: RunClock, time: number): number {
  let low = 0;
  let high = clock.at.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((clock.at[middle] ?? 0) <= time) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}
