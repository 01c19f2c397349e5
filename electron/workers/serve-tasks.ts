// The worker's side of a pool: a table of methods, one task at a time, in the order of the
// messages. Promises: a TaskFailure is an answer and the worker goes on; any other exception ends
// this worker's service, because what it held may be half changed. A cancelled task always ends
// with the code "cancelled".
import { parentPort } from "node:worker_threads";
import type { Transferable } from "node:worker_threads";
import { createMeter, type Meter } from "./meter.ts";
import { CELL, cancelledFailure, type Reply, TaskFailure, type TaskMessage } from "./protocol.ts";

export interface TaskContext {
  readonly control: Int32Array;
  /** Looked at at least every 20 ms of work. */
  isCancelled(): boolean;
  /** Throws the failure "cancelled" when the task is cancelled. */
  checkCancelled(): void;
  meter(unit: string, of: number | null, doing: string): Meter;
  /** Arrays of the result that move instead of being copied. */
  transfer(...items: Transferable[]): void;
}

export type Task = (input: never, context: TaskContext) => unknown;

export function serveTasks(methods: Readonly<Record<string, Task>>): void {
  const port = parentPort;
  if (port === null) throw new Error("a worker entry was started as a program");
  let last = Promise.resolve();
  port.on("message", (message: TaskMessage) => {
    last = last.then(() => perform(message));
  });

  async function perform({ task, method, input, control }: TaskMessage): Promise<void> {
    const cells = new Int32Array(control);
    const transfers: Transferable[] = [];
    const reply = (value: Reply, items: Transferable[] = []): void =>
      port?.postMessage(value, items);
    const context = makeContext(cells, transfers, (value) =>
      reply({ task, kind: "progress", value }),
    );
    try {
      context.checkCancelled();
      const run = Object.hasOwn(methods, method) ? methods[method] : undefined;
      if (run === undefined) throw new Error(`this worker has no method "${method}"`);
      // The pool's caller and the entry share the types.
      const value = await run(input as never, context);
      context.checkCancelled();
      reply({ task, kind: "done", value }, transfers);
    } catch (error) {
      if (error instanceof TaskFailure) {
        reply({ task, kind: "failed", code: error.code, message: error.message });
      } else {
        const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
        reply({ task, kind: "broken", message });
      }
    }
  }
}

function makeContext(
  control: Int32Array,
  transfers: Transferable[],
  report: Parameters<typeof createMeter>[0]["report"],
): TaskContext {
  const isCancelled = (): boolean => Atomics.load(control, CELL.cancelled) !== 0;
  return {
    control,
    isCancelled,
    checkCancelled() {
      if (isCancelled()) throw cancelledFailure();
    },
    meter: (unit, of, doing) =>
      createMeter({ unit, of, doing, report, now: () => performance.now() }),
    transfer: (...items) => {
      transfers.push(...items);
    },
  };
}
