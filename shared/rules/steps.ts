// Which step of the scenario an event belongs to, also where steps of several threads interleave.
// Promises: the last step of the event's own thread that began at or before it.
// From: the steps of a finished run (model/sim-run.ts).
import type { StepSpan } from "#shared/model/sim-run";

export class StepFinder {
  private readonly byThread = new Map<number, StepSpan[]>();

  constructor(steps: readonly StepSpan[]) {
    for (const step of steps) {
      const list = this.byThread.get(step.thread) ?? [];
      list.push(step);
      this.byThread.set(step.thread, list);
    }
    for (const list of this.byThread.values()) list.sort((a, b) => a.firstEvent - b.firstEvent);
  }

  /** The step; null for an event before the thread's first one. */
  stepOf(event: number, thread: number): StepSpan | null {
    const list = this.byThread.get(thread) ?? [];
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((list[middle]?.firstEvent ?? 0) <= event) low = middle + 1;
      else high = middle;
    }
    return list[low - 1] ?? null;
  }

  /** Its number; -1 when there is none. */
  numberOf(event: number, thread: number): number {
    return this.stepOf(event, thread)?.n ?? -1;
  }
}
