// Many traces held against the model by a pool of workers: as many at a time as the machine has
// cores. Needs no library. Owns the pool; ends it with the work.
// Promises: results in the order of the list, whatever finishes first; of several failures the
// first in the list is thrown; once the signal aborts, no work goes on and what is done is kept.
import { availableParallelism } from "node:os";
import { CallError } from "#shared/contract/methods";
import type { Progress } from "#shared/contract/values";
import { createMeter } from "../workers/meter.ts";
import { Pool } from "../workers/pool.ts";
import type { TraceTask, TraceTrial } from "../workers/trace-types.ts";

/** Asks a worker. */
export type AskTrial = (task: TraceTask) => Promise<TraceTrial>;

export interface TraceChecks<T> {
  readonly workers: { readonly dir: string; readonly ext: string };
  /** Most workers; the machine's cores are a bound in any case. */
  readonly jobs: number;
  readonly count: number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
  /** Reads and checks trace `index`, 0 … count - 1. */
  each(index: number, ask: AskTrial): Promise<T>;
}

/** A worker needs longer to start than to check this many traces. */
const TRACES_PER_WORKER = 16;
const WORKER_HEAP_MB = 2048;
/** Workers look at their cancel cell often; one that does not is ended. */
const GRACE_MS = 300;

/** Results by index; fewer than `count`, with holes, only when the signal aborted. */
export async function checkTraces<T>(work: TraceChecks<T>): Promise<readonly (T | undefined)[]> {
  const wanted = Math.ceil(work.count / TRACES_PER_WORKER);
  const size = Math.max(1, Math.min(work.jobs, availableParallelism(), wanted));
  const pool = new Pool({
    entry: "verify",
    size,
    workerDir: work.workers.dir,
    workerExt: work.workers.ext,
    resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MB },
    graceMs: GRACE_MS,
  });
  const round = new Round(work, (task) => pool.run("check", task, { signal: work.signal }));
  try {
    // One more than workers: the next file is read while all of them are busy.
    await Promise.all(Array.from({ length: size + 1 }, () => round.lane()));
  } finally {
    await pool.close();
  }
  return round.outcome();
}

class Round<T> {
  readonly #work: TraceChecks<T>;
  readonly #ask: AskTrial;
  readonly #results: (T | undefined)[] = [];
  readonly #meter;
  #next = 0;
  #done = 0;
  #failure: { readonly index: number; readonly error: unknown } | null = null;

  constructor(work: TraceChecks<T>, ask: AskTrial) {
    this.#work = work;
    this.#ask = ask;
    this.#meter = createMeter({
      unit: "traces",
      of: work.count,
      doing: "verify",
      report: work.onProgress,
      now: () => performance.now(),
    });
  }

  /** Takes one trace after another; stops at a failure, or when the signal aborts. */
  async lane(): Promise<void> {
    const { count, signal } = this.#work;
    while (this.#next < count && this.#failure === null && !signal.aborted) {
      const index = this.#next++;
      try {
        this.#results[index] = await this.#work.each(index, this.#ask);
        this.#meter.at(++this.#done);
      } catch (error) {
        if (!isCancelled(error)) this.#fail(index, error);
      }
    }
  }

  outcome(): readonly (T | undefined)[] {
    if (this.#failure !== null) throw this.#failure.error;
    return this.#results;
  }

  /** Traces are begun in order, so all before the first failure have been looked at. */
  #fail(index: number, error: unknown): void {
    if (this.#failure === null || index < this.#failure.index) this.#failure = { index, error };
  }
}

const isCancelled = (error: unknown): boolean =>
  error instanceof CallError && error.code === "cancelled";
