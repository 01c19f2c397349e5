// The pool against workers that throw, exit, eat all memory, or never come back.
// In each case the task fails with its own code, the next task runs on a worker that is well,
// and what waited meanwhile is not lost.
import { afterEach, expect, test } from "vitest";
import type { Progress } from "#shared/contract/values";
import { Pool, type PoolOptions } from "./pool.ts";

const pools: Pool[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

function makePool(change: Partial<PoolOptions> = {}): Pool {
  const pool = new Pool({
    entry: "faulty",
    workerDir: `${import.meta.dirname}/test-workers`,
    workerExt: ".ts",
    size: 1,
    graceMs: 100,
    resourceLimits: { maxOldGenerationSizeMb: 40 },
    ...change,
  });
  pools.push(pool);
  return pool;
}

test("a result comes back, and arrays move", async () => {
  const pool = makePool();
  expect(await pool.run("echo", { a: [1, 2] })).toEqual({ a: [1, 2] });
  expect(await pool.run("give", null)).toEqual(new Uint8Array(1000).fill(7));
  expect(pool.counts()).toEqual({ busy: 0, idle: 1, waiting: 0 });
});

test.each([
  ["throw", "worker-failed", "cell 0 was written"],
  ["none", "worker-failed", 'no method "none"'],
  ["exit", "worker-died", "ended before its task was done"],
  ["lateThrow", "worker-failed", "late"],
  ["allocate", "worker-memory", "ran out of memory"],
])("a worker that does %s fails its task alone", async (method, code, text) => {
  const pool = makePool();
  const before = await pool.run<number>("thread", null);
  const failing = pool.run(method, null);
  const waiting = pool.run("echo", "after");
  await expect(failing).rejects.toMatchObject({ code, message: expect.stringContaining(text) });
  expect(await waiting).toBe("after");
  expect(await pool.run("thread", null)).not.toBe(before);
});

test("an expected failure is an answer: the worker stays", async () => {
  const pool = makePool();
  const before = await pool.run("thread", null);
  await expect(pool.run("refuse", null)).rejects.toMatchObject({
    code: "too-large",
    message: "The table is too large. Use a smaller one.",
  });
  expect(await pool.run("thread", null)).toBe(before);
});

test("cancelling ends a loop that looks, and one that does not", async () => {
  const pool = makePool();
  const before = await pool.run("thread", null);
  for (const [method, isSame] of [
    ["spin", true],
    ["deaf", false],
  ] as const) {
    const stop = new AbortController();
    const onProgress = (): void => stop.abort(); // it has begun
    const running = pool.run(method, 60_000, { signal: stop.signal, onProgress });
    await expect(running).rejects.toMatchObject({ code: "cancelled" });
    expect((await pool.run("thread", null)) === before).toBe(isSame);
  }
});

test("a cancelled task that waits never starts", async () => {
  const pool = makePool();
  const stop = new AbortController();
  const first = pool.run("spin", 50);
  const second = pool.run("exit", null, { signal: stop.signal });
  expect(pool.counts()).toEqual({ busy: 1, idle: 0, waiting: 1 });
  stop.abort();
  await expect(second).rejects.toMatchObject({ code: "cancelled" });
  await first;
  await expect(pool.run("echo", 1, { signal: stop.signal })).rejects.toMatchObject({
    code: "cancelled",
  });
});

test("progress comes at most 20 times a second, with a rate and the time left", async () => {
  const seen: Progress[] = [];
  await makePool().run("spin", 520, { onProgress: (progress) => void seen.push(progress) });
  expect(seen.length).toBeGreaterThan(1);
  expect(seen.length).toBeLessThanOrEqual(12);
  expect(seen.at(-1)).toMatchObject({ unit: "rounds", of: 1000, doing: "spinning" });
  expect(seen.at(-1)?.perSecond).toBeGreaterThan(0);
});

test("a slow listener gets the latest word, not all of them", async () => {
  const seen: number[] = [];
  let open: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const onProgress = async ({ done }: Progress): Promise<void> => {
    seen.push(done);
    await gate;
  };
  await makePool().run("spin", 300, { onProgress });
  expect(seen).toHaveLength(1);
  open();
  await expect.poll(() => seen.length).toBe(2);
});

test("a lane keeps its worker; other tasks do not wait for it", async () => {
  const pool = makePool({ size: 2 });
  const lane0 = await pool.run("thread", null, { lane: 0 });
  const busy = pool.run("spin", 100, { lane: 0 });
  expect(await pool.run("thread", null)).not.toBe(lane0);
  expect(await pool.run("thread", null, { lane: 0 })).toBe(lane0);
  await busy;
});

test("closing fails what runs and what waits", async () => {
  const pool = makePool();
  const running = pool.run("deaf", null);
  const waiting = pool.run("echo", 1);
  const all = Promise.allSettled([running, waiting]);
  await pool.close();
  for (const result of await all) expect(result).toMatchObject({ reason: { code: "closed" } });
  await expect(pool.run("echo", 1)).rejects.toMatchObject({ code: "closed" });
});

test("a missing entry is a failure of the task", async () => {
  const pool = makePool({ entry: "missing" });
  await expect(pool.run("echo", 1)).rejects.toMatchObject({ code: "worker-failed" });
});
