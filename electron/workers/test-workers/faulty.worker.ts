// A worker that does whatever a pool must survive; used by pool.test.ts alone.
// Started by the pool as each entry is.
// Each method is one kind of fault, or the plain good case.
import { setTimeout as sleep } from "node:timers/promises";
import { threadId } from "node:worker_threads";
import { cancelledFailure, TaskFailure } from "../protocol.ts";
import { serveTasks, type TaskContext } from "../serve-tasks.ts";

function spin(context: TaskContext, ms: number): void {
  const meter = context.meter("rounds", 1000, "spinning");
  meter.end(0);
  const end = performance.now() + ms;
  for (let round = 0; performance.now() < end; round++) {
    meter.at(round);
    if (context.isCancelled()) throw cancelledFailure();
  }
}

serveTasks({
  echo: (input: unknown) => input,
  thread: () => threadId,
  refuse: () => {
    throw new TaskFailure("too-large", "The table is too large. Use a smaller one.");
  },
  throw: () => {
    throw new RangeError("cell 0 was written");
  },
  exit: () => process.exit(3),
  lateThrow: async () => {
    setTimeout(() => {
      throw new Error("late");
    }, 5);
    await sleep(10_000);
  },
  allocate: () => {
    const kept: number[][] = [];
    for (;;) kept.push(Array.from({ length: 10_000 }, (_, n) => n + 0.5));
  },
  spin: (ms: number, context: TaskContext) => spin(context, ms),
  deaf: (_input: null, context: TaskContext) => {
    context.meter("rounds", null, "not looking").end(0);
    for (;;) Math.sqrt(2);
  },
  give: (_input: null, context: TaskContext) => {
    const bytes = new Uint8Array(1000).fill(7);
    context.transfer(bytes.buffer);
    return bytes;
  },
});
