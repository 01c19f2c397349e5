// Progress of one task: how far, how fast, how long still; said at most 20 times a second.
// The rate is that of the last seconds, not of the whole task, so that it follows a change of pace.
// The clock is handed in; in a worker it is the worker's own.
import type { Progress } from "#shared/contract/values";

const MIN_INTERVAL_MS = 50;
/** Weight of a new interval in the running rate. */
const SMOOTHING = 0.3;

export interface Meter {
  /** Called as often as one likes; reports when it is time. */
  at(done: number, doing?: string): void;
  /** Reports at once: the last word of a task. */
  end(done: number): void;
}

export interface MeterOptions {
  readonly unit: string;
  readonly of: number | null;
  readonly doing: string;
  report(progress: Progress): void;
  now(): number;
}

export function createMeter({ unit, of, doing, report, now }: MeterOptions): Meter {
  let saidAt = now();
  let saidDone = 0;
  let rate = 0;
  let current = doing;

  function say(done: number, time: number): void {
    const seconds = Math.max(time - saidAt, 1) / 1000;
    const latest = Math.max(0, done - saidDone) / seconds;
    rate = rate === 0 ? latest : rate + SMOOTHING * (latest - rate);
    saidAt = time;
    saidDone = done;
    const secondsLeft = of === null || rate === 0 ? null : Math.max(0, of - done) / rate;
    report({ done, of, unit, perSecond: rate, secondsLeft, doing: current });
  }

  return {
    at(done, nowDoing = current) {
      const time = now();
      if (time - saidAt < MIN_INTERVAL_MS) return;
      current = nowDoing;
      say(done, time);
    },
    end: (done) => say(done, now()),
  };
}
