// Chunks between two threads: order, the limit of chunks under way, and ends that are not the good
// one. The making side is a real worker in a synchronous loop; this thread takes, slowly or not at
// all.
import { MessageChannel, Worker } from "node:worker_threads";
import { afterEach, expect, test } from "vitest";
import { type ColumnChunk, MAX_IN_FLIGHT, receiveChunks } from "./chunk-stream.ts";
import { makeControl } from "./pool.ts";
import { CELL } from "./protocol.ts";

const workers: Worker[] = [];
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
});

function startSender(chunks: number) {
  const { port1, port2 } = new MessageChannel();
  const control = makeControl();
  const worker = new Worker(new URL("test-workers/sender.worker.ts", import.meta.url), {
    workerData: { port: port1, control, chunks },
    transferList: [port1],
    execArgv: [],
  });
  workers.push(worker);
  return { port: port2, cells: new Int32Array(control), worker };
}

test("all chunks arrive in order, and never more than the limit are under way", async () => {
  const { port, cells } = startSender(20);
  const taken: ColumnChunk[] = [];
  let most = 0;
  const isWhole = await receiveChunks(port, cells, (chunk) => {
    // A slow taker: it looks away until the sender has to wait, or a while.
    for (let n = 0; n < 50 && Atomics.load(cells, CELL.inFlight) < MAX_IN_FLIGHT; n++) {
      Atomics.wait(cells, CELL.cancelled, 0, 1);
    }
    most = Math.max(most, Atomics.load(cells, CELL.inFlight));
    taken.push(chunk);
  });
  expect(isWhole).toBe(true);
  expect(taken.map(({ firstRow }) => firstRow)).toEqual(
    Array.from({ length: 20 }, (_, n) => n * 100),
  );
  expect(taken[7]?.columns).toEqual([new Int32Array(100).fill(7), new Int32Array(100).fill(-7)]);
  expect(most).toBe(MAX_IN_FLIGHT);
  expect(Atomics.load(cells, CELL.inFlight)).toBe(0);
});

test("a sender that waits for room sees a cancel", async () => {
  const { port, cells, worker } = startSender(1000);
  await expect.poll(() => Atomics.load(cells, CELL.inFlight)).toBe(MAX_IN_FLIGHT);
  const answered = new Promise((resolve) => {
    worker.once("message", resolve);
  });
  Atomics.store(cells, CELL.cancelled, 1);
  Atomics.notify(cells, CELL.inFlight);
  expect(await answered).toBe("cancelled");
  port.close();
});

test("a sender that dies ends the stream as not whole", async () => {
  const { port, cells, worker } = startSender(1000);
  await expect.poll(() => Atomics.load(cells, CELL.inFlight)).toBe(MAX_IN_FLIGHT);
  await worker.terminate();
  expect(await receiveChunks(port, cells, () => {})).toBe(false);
});

test("a chunk that cannot be taken ends the stream with its reason", async () => {
  const { port, cells } = startSender(10);
  const receiving = receiveChunks(port, cells, ({ firstRow }) => {
    if (firstRow === 200) throw new RangeError("no more room");
  });
  await expect(receiving).rejects.toThrow("no more room");
});
