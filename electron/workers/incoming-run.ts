// A run on its way into the library: its chunks are compressed as they come and wait for the
// commit. Owns the packed chunks until then; a run that grows beyond the limit is given up with its
// reason. Promises: nothing of it is in the library before the one transaction, so dropping it
// leaves no row.
import type { MessagePort } from "node:worker_threads";
import { encodeChunk } from "#shared/engine/chunk";
import { MAX_RUN_BYTES } from "../store/limits.ts";
import { type PackedChunk, packChunk } from "../store/pack.ts";
import { type ColumnChunk, receiveChunks } from "./chunk-stream.ts";
import { CELL, cancelledFailure, TaskFailure } from "./protocol.ts";

export class IncomingRun {
  readonly #chunks: PackedChunk[] = [];
  readonly #counts = new Map<string, number>();
  readonly #ended: Promise<boolean>;
  readonly #port: MessagePort;
  #bytes = 0;

  constructor(port: MessagePort, control: SharedArrayBuffer) {
    const cells = new Int32Array(control);
    this.#port = port;
    this.#ended = receiveChunks(port, cells, (chunk) => this.#take(chunk));
    // The reason is told by chunks(); meanwhile the sender must not go on.
    this.#ended.catch(() => {
      Atomics.store(cells, CELL.cancelled, 1);
      Atomics.notify(cells, CELL.inFlight);
    });
  }

  /** All chunks of the finished stream. */
  async chunks(): Promise<readonly PackedChunk[]> {
    if (!(await this.#ended)) throw cancelledFailure();
    return this.#chunks;
  }

  drop(): void {
    this.#port.close();
    this.#chunks.length = 0;
  }

  #take({ stream, firstRow, rows, columns }: ColumnChunk): void {
    const no = this.#counts.get(stream) ?? 0;
    this.#counts.set(stream, no + 1);
    const packed = packChunk({ stream, no, firstRow, rows }, encodeChunk(stream, columns));
    this.#bytes += packed.bytes.length;
    if (this.#bytes > MAX_RUN_BYTES) {
      const limit = MAX_RUN_BYTES / 2 ** 20;
      throw new TaskFailure(
        "too-large",
        `The run's record is larger than ${limit} MiB. Set bounds.events or use fewer steps.`,
      );
    }
    this.#chunks.push(packed);
  }
}
