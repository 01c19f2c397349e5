// Column chunks on their way from the worker that makes them to the worker that stores them.
// Promises: at most MAX_IN_FLIGHT chunks are under way, arrays move and are not copied again, and a
// stream that was cancelled or whose other end died wakes up instead of waiting for ever.
// From: the engine's rules on streaming; the sender is a synchronous loop, so it waits on a shared
// cell.
import type { MessagePort } from "node:worker_threads";
import type { ChunkSink, StreamName } from "#shared/engine/recorder";
import { CELL, cancelledFailure } from "./protocol.ts";

export const MAX_IN_FLIGHT = 4;
const WAIT_MS = 100;

export interface ColumnChunk {
  readonly stream: StreamName;
  readonly firstRow: number;
  readonly rows: number;
  readonly columns: readonly Int32Array[];
}

type StreamMessage = { kind: "chunk"; chunk: ColumnChunk } | { kind: "end" };

/** The making side. `take` copies the columns and may block until the other side is ready. */
export class ChunkSender implements ChunkSink {
  readonly #port: MessagePort;
  readonly #control: Int32Array;
  readonly #streams: ReadonlySet<string>;

  /** Streams not named are dropped. */
  constructor(port: MessagePort, control: Int32Array, streams: readonly StreamName[]) {
    this.#port = port;
    this.#control = control;
    this.#streams = new Set(streams);
  }

  take(stream: StreamName, firstRow: number, rows: number, columns: readonly Int32Array[]): void {
    if (!this.#streams.has(stream)) return;
    this.#waitForRoom();
    const copies = columns.map((column) => column.slice(0, rows));
    Atomics.add(this.#control, CELL.inFlight, 1);
    this.#send({ kind: "chunk", chunk: { stream, firstRow, rows, columns: copies } }, copies);
  }

  /** All chunks were sent. */
  end(): void {
    this.#send({ kind: "end" }, []);
  }

  close(): void {
    this.#port.close();
  }

  #send(message: StreamMessage, columns: readonly Int32Array[]): void {
    this.#port.postMessage(
      message,
      columns.map((column) => column.buffer as ArrayBuffer),
    );
  }

  #waitForRoom(): void {
    for (;;) {
      if (Atomics.load(this.#control, CELL.cancelled) !== 0) throw cancelledFailure();
      const inFlight = Atomics.load(this.#control, CELL.inFlight);
      if (inFlight < MAX_IN_FLIGHT) return;
      Atomics.wait(this.#control, CELL.inFlight, inFlight, WAIT_MS);
    }
  }
}

/** The taking side: true after the last chunk was taken, false when the sender went away before. */
export function receiveChunks(
  port: MessagePort,
  control: Int32Array,
  take: (chunk: ColumnChunk) => void,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    port.on("message", (message: StreamMessage) => {
      if (message.kind === "end") {
        resolve(true);
        port.close();
        return;
      }
      try {
        take(message.chunk);
      } catch (error) {
        reject(error);
        port.close();
      } finally {
        Atomics.sub(control, CELL.inFlight, 1);
        Atomics.notify(control, CELL.inFlight);
      }
    });
    port.on("close", () => resolve(false));
  });
}
