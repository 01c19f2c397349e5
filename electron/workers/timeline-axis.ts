// Positions on a run's timeline: estimated time, event numbers or ticks; and bins over a part of
// it. Promises: positions rise with event numbers, so a part of the axis is a stretch of events.
// From: the run's estimated clock and its events' ticks.
import type { Input } from "#shared/contract/methods";
import type { RunIndex } from "./run-index.ts";

export type Unit = Input<"runs.timeline">["unit"];

export class Axis {
  readonly unit: Unit;
  readonly end: number;
  readonly from: number;
  readonly to: number;
  readonly bins: number;
  readonly #index: RunIndex;

  /** from = to = 0 is the whole run. */
  constructor(index: RunIndex, { unit, from, to, bins }: Omit<Input<"runs.timeline">, "id">) {
    const { record } = index.run;
    this.#index = index;
    this.unit = unit;
    this.bins = bins;
    this.end = unit === "time" ? index.clock.end : unit === "event" ? index.count : record.ticks;
    this.from = Math.min(from, this.end);
    this.to = to > this.from ? Math.min(to, this.end) : this.end;
  }

  /** Width of a bin; never 0. */
  get binWidth(): number {
    return Math.max((this.to - this.from) / this.bins, Number.EPSILON);
  }

  /** Where event n stands. */
  of(n: number): number {
    if (this.unit === "event") return n;
    if (this.unit === "time") return this.#index.clock.at[n] ?? 0;
    return n < 1 ? 0 : (this.#index.ticks[n - 1] ?? 0);
  }

  isInView(position: number): boolean {
    return position >= this.from && position <= this.to;
  }

  binOf(position: number): number {
    const bin = Math.floor((position - this.from) / this.binWidth);
    return Math.min(Math.max(0, bin), this.bins - 1);
  }

  /** First event at or after the position. */
  firstAt(position: number): number {
    let low = 1;
    let high = this.#index.count + 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.of(middle) < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
