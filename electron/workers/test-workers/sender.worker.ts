// The making side of a chunk stream in a thread of its own; its one word back is how it ended.
// Owns nothing beyond the port that it was given.
// Sends chunks in a synchronous loop, as a simulation does; used by chunk-stream.test.ts alone.
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { ChunkSender } from "../chunk-stream.ts";
import { TaskFailure } from "../protocol.ts";

interface Setup {
  port: MessagePort;
  control: SharedArrayBuffer;
  chunks: number;
}

const { port, control, chunks } = workerData as Setup; // given by the test
const sender = new ChunkSender(port, new Int32Array(control), ["events"]);
try {
  for (let n = 0; n < chunks; n++) {
    const columns = [new Int32Array(128).fill(n), new Int32Array(128).fill(-n)];
    sender.take("ticks", n * 100, 100, columns);
    sender.take("events", n * 100, 100, columns);
  }
  sender.end();
} catch (error) {
  parentPort?.postMessage(error instanceof TaskFailure ? error.code : String(error));
}
