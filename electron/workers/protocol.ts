// What a pool and a worker say to each other, and the shared cells beside the messages. A
// synchronous loop in a worker sees no message, so cancelling is a store into a shared cell.
// From: the engine's rules on streaming a run (a drain may wait with Atomics.wait, which blocks
// messages too).
import type { Progress } from "#shared/contract/values";

/** Cells of a task's control array (Int32 over a SharedArrayBuffer). */
export const CELL = { cancelled: 0, inFlight: 1, count: 2 } as const;

export interface TaskMessage {
  readonly task: number;
  readonly method: string;
  readonly input: unknown;
  readonly control: SharedArrayBuffer;
}

export type Reply =
  | { readonly task: number; readonly kind: "progress"; readonly value: Progress }
  | { readonly task: number; readonly kind: "done"; readonly value: unknown }
  /** The world's or the user's fault: the worker is well and goes on. */
  | {
      readonly task: number;
      readonly kind: "failed";
      readonly code: string;
      readonly message: string;
    }
  /** Our fault: the worker's state is not to be trusted, the pool replaces it. */
  | { readonly task: number; readonly kind: "broken"; readonly message: string };

/** A task's expected end without a result; `message` says what happened, where, what to do. */
export class TaskFailure extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = "TaskFailure";
    this.code = code;
  }
}

export const cancelledFailure = (): TaskFailure =>
  new TaskFailure("cancelled", "Stopped on request.");
