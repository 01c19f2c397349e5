// A pool of worker threads of one kind: a queue of tasks, one task a worker, results as promises.
// Promises: whatever happens in a worker fails its own task with a message and nothing else, and
// the worker is replaced. Cancelling sets the task's shared cell; a worker that does not answer is
// ended. Workers start when first needed; folder and extension of the entries come from the host's
// entry.
import { join } from "node:path";
import { type ResourceLimits, type Transferable, Worker } from "node:worker_threads";
import { CallError } from "#shared/contract/methods";
import type { Progress } from "#shared/contract/values";
import { CELL, type Reply, type TaskMessage } from "./protocol.ts";
import { latestOnly } from "./relay.ts";

export interface PoolOptions {
  /** "simulate" → simulate.worker.js */
  readonly entry: string;
  readonly workerDir: string;
  readonly workerExt: string;
  readonly size: number;
  readonly workerData?: unknown;
  readonly resourceLimits?: ResourceLimits;
  /** How long a cancelled task may still take. */
  readonly graceMs?: number;
  /** Gets the text of exceptions that were our own fault. */
  readonly log?: (text: string) => void;
  /** Called whenever counts() may have changed. */
  readonly onChange?: () => void;
}

export interface TaskOptions {
  readonly signal?: AbortSignal;
  /** May be slow: of what comes meanwhile only the latest is kept. */
  readonly onProgress?: (progress: Progress) => void | Promise<void>;
  readonly transfer?: readonly Transferable[];
  /** Only this worker may take the task (0 … size - 1): for what a worker keeps between tasks. */
  readonly lane?: number;
  /** Shared with the other half of the same work in another pool. */
  readonly control?: SharedArrayBuffer;
}

export interface Counts {
  readonly busy: number;
  readonly idle: number;
  readonly waiting: number;
}

interface Job {
  readonly message: TaskMessage;
  readonly transfer: readonly Transferable[];
  readonly lane: number | null;
  readonly onProgress: (progress: Progress) => void;
  resolve(value: unknown): void;
  reject(error: CallError): void;
}

interface Seat {
  readonly lane: number;
  worker: Worker | null;
  job: Job | null;
  graceTimer: NodeJS.Timeout | null;
}

const GRACE_MS = 2000;
const MAX_WAITING = 10_000;

export const makeControl = (): SharedArrayBuffer =>
  new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT * CELL.count);

const cancelled = (): CallError => new CallError("cancelled", "Stopped on request.");
const closed = (): CallError => new CallError("closed", "The host is closing. Start it again.");

export class Pool {
  readonly #options: PoolOptions;
  readonly #seats: readonly Seat[];
  readonly #waiting: Job[] = [];
  #nextTask = 1;
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#seats = Array.from({ length: options.size }, (_, lane): Seat => {
      return { lane, worker: null, job: null, graceTimer: null };
    });
  }

  run<T>(method: string, input: unknown, options: TaskOptions = {}): Promise<T> {
    if (this.#isClosed) return Promise.reject(closed());
    if (options.signal?.aborted === true) return Promise.reject(cancelled());
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(new CallError("busy", `${MAX_WAITING} tasks wait. Try again later.`));
    }
    return new Promise<T>((resolve, reject) => {
      const { signal, control = makeControl(), lane = null, transfer = [] } = options;
      const onAbort = (): void => this.#stop(job);
      const release = (): void => signal?.removeEventListener("abort", onAbort);
      const job: Job = {
        message: { task: this.#nextTask++, method, input, control },
        transfer,
        lane: lane === null ? null : lane % this.#options.size,
        onProgress: latestOnly(options.onProgress ?? (() => {})),
        resolve(value) {
          release();
          resolve(value as T); // the method's own type, known to both ends
        },
        reject(error) {
          release();
          reject(error);
        },
      };
      signal?.addEventListener("abort", onAbort);
      this.#waiting.push(job);
      this.#fill();
    });
  }

  counts(): Counts {
    const busy = this.#seats.filter((seat) => seat.job !== null).length;
    return { busy, idle: this.#seats.length - busy, waiting: this.#waiting.length };
  }

  /** Ends all workers; tasks under way and waiting fail with the code "closed". */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const job of this.#waiting.splice(0)) job.reject(closed());
    const ended: Promise<number>[] = [];
    for (const seat of this.#seats) {
      if (seat.worker === null) continue;
      ended.push(seat.worker.terminate());
      this.#lose(seat, seat.worker, closed());
    }
    await Promise.all(ended);
  }

  #startWorker(seat: Seat): Worker {
    const { entry, workerDir, workerExt, workerData = null, resourceLimits } = this.#options;
    const worker = new Worker(join(workerDir, `${entry}.worker${workerExt}`), {
      workerData,
      execArgv: [],
      ...(resourceLimits === undefined ? {} : { resourceLimits }),
    });
    worker.on("message", (reply: Reply) => this.#onReply(seat, worker, reply));
    worker.on("error", (error: NodeJS.ErrnoException) => {
      this.#log(error.stack ?? error.message);
      this.#lose(seat, worker, errorDeath(entry, error));
    });
    worker.on("exit", () => this.#lose(seat, worker, earlyDeath(entry)));
    seat.worker = worker;
    return worker;
  }

  #onReply(seat: Seat, worker: Worker, reply: Reply): void {
    const { job } = seat;
    if (seat.worker !== worker || job === null || job.message.task !== reply.task) return;
    if (reply.kind === "progress") return job.onProgress(reply.value);
    if (reply.kind === "broken") {
      this.#log(reply.message);
      const [text = ""] = reply.message.split("\n");
      return this.#lose(seat, worker, ownFault(this.#options.entry, text));
    }
    this.#settle(seat);
    if (reply.kind === "done") job.resolve(reply.value);
    else job.reject(new CallError(reply.code, reply.message));
    this.#fill();
  }

  /** The worker is gone or not to be trusted: its task fails, the next gets a new worker. */
  #lose(seat: Seat, worker: Worker, error: CallError): void {
    if (seat.worker !== worker) return;
    const { job } = seat;
    seat.worker = null;
    void worker.terminate();
    this.#settle(seat);
    job?.reject(isCancelled(job) ? cancelled() : error);
    this.#fill();
  }

  #settle(seat: Seat): void {
    seat.job = null;
    if (seat.graceTimer !== null) clearTimeout(seat.graceTimer);
    seat.graceTimer = null;
    seat.worker?.unref();
  }

  #fill(): void {
    for (const seat of this.#seats) {
      if (seat.job !== null || this.#isClosed) continue;
      const at = this.#waiting.findIndex(({ lane }) => lane === null || lane === seat.lane);
      const [job] = at < 0 ? [] : this.#waiting.splice(at, 1);
      if (job !== undefined) this.#begin(seat, job);
    }
    this.#options.onChange?.();
  }

  #begin(seat: Seat, job: Job): void {
    const worker = seat.worker ?? this.#startWorker(seat);
    seat.job = job;
    worker.ref();
    try {
      worker.postMessage(job.message, [...job.transfer]);
    } catch (error) {
      this.#settle(seat);
      job.reject(new CallError("internal", `The task cannot be sent: ${String(error)}`));
    }
  }

  #stop(job: Job): void {
    const cells = new Int32Array(job.message.control);
    Atomics.store(cells, CELL.cancelled, 1);
    Atomics.notify(cells, CELL.inFlight);
    const at = this.#waiting.indexOf(job);
    if (at >= 0) {
      this.#waiting.splice(at, 1);
      job.reject(cancelled());
      this.#options.onChange?.();
    }
    const seat = this.#seats.find((one) => one.job === job);
    if (seat === undefined) return;
    seat.graceTimer = setTimeout(() => {
      if (seat.job === job && seat.worker !== null) this.#lose(seat, seat.worker, cancelled());
    }, this.#options.graceMs ?? GRACE_MS);
  }

  #log(text: string): void {
    this.#options.log?.(`${this.#options.entry} worker: ${text}`);
  }
}

const isCancelled = (job: Job): boolean =>
  Atomics.load(new Int32Array(job.message.control), CELL.cancelled) !== 0;

const ownFault = (entry: string, text: string): CallError =>
  new CallError("worker-failed", `The ${entry} worker failed: ${text} Please report this.`);

const earlyDeath = (entry: string): CallError =>
  new CallError("worker-died", `The ${entry} worker ended before its task was done. Try again.`);

function errorDeath(entry: string, error: NodeJS.ErrnoException): CallError {
  if (error.code !== "ERR_WORKER_OUT_OF_MEMORY") return ownFault(entry, error.message);
  const message = `The ${entry} worker ran out of memory. Use fewer steps or smaller bounds.`;
  return new CallError("worker-memory", message);
}
