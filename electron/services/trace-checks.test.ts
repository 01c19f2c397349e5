// Many traces through the workers: order of results, order of failures, and an early stop.
// The work is given by the test; workers are started only where one is asked.
// What a worker answers is the business of the truth test and of the command line's tests.
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkTraces, type AskTrial, type TraceChecks } from "./trace-checks.ts";

const WORKERS = { dir: join(import.meta.dirname, "..", "workers"), ext: ".ts" };

const later = (turns: number): Promise<void> =>
  turns === 0 ? Promise.resolve() : Promise.resolve().then(() => later(turns - 1));

function check<T>(
  count: number,
  each: (index: number, ask: AskTrial) => Promise<T>,
  rest: Partial<TraceChecks<T>> = {},
): Promise<readonly (T | undefined)[]> {
  const { signal } = new AbortController();
  const onProgress = (): void => {};
  return checkTraces({ workers: WORKERS, jobs: 8, count, signal, onProgress, each, ...rest });
}

test("results stand in the order of the list, whatever finishes first", async () => {
  const finished: number[] = [];
  const results = await check(40, async (index) => {
    await later(index % 3 === 0 ? 50 : 1);
    finished.push(index);
    return `trace ${index}`;
  });
  expect(finished).not.toEqual(finished.toSorted((a, b) => a - b));
  expect(results).toEqual(Array.from({ length: 40 }, (_, index) => `trace ${index}`));
});

test("of two failures the first of the list is told, and nothing new is begun", async () => {
  const begun: number[] = [];
  const failing = check(100, async (index) => {
    begun.push(index);
    if (index === 10) await later(30);
    if (index === 10 || index === 11) throw new Error(`trace ${index} is bad`);
  });
  await expect(failing).rejects.toThrow("trace 10 is bad");
  expect(Math.max(...begun)).toBeLessThan(30);
});

test("an interruption ends the work under way and keeps what is done", async () => {
  const stop = new AbortController();
  const task = { name: "a", text: "", axes: { kernel: "", mode: "", lookup: "" } };
  const results = await check(
    1000,
    async (index, ask) => {
      if (index === 6) stop.abort();
      if (index >= 5) await ask({ ...task, withCalls: false });
      return index;
    },
    { signal: stop.signal },
  );
  expect(results.filter((one) => one !== undefined)).toEqual([0, 1, 2, 3, 4]);
});
