// The calling end of a connection: a Client over any wire.
// Promises: each call settles exactly once; items are given in order, one at a time, and are
// acknowledged only after the caller's callback has finished, which is the stream's back-pressure.
import { decodeFrame, encodeFrame, type Frame } from "./frames.ts";
import { CallError, type Client } from "./methods.ts";
import type { Wire } from "./wire.ts";

/** Items between two acknowledgements: half of the server's credit, so a stream never idles. */
const ACK_EVERY = 8;

interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  onItem: (item: unknown) => void | Promise<void>;
  items: Promise<void>; // settles when every item received so far has been taken
  unacknowledged: number;
}

const closedError = () =>
  new CallError("closed", "The connection to the host is closed. Start the host again.");
const cancelledError = () => new CallError("cancelled", "Stopped on request.");

/** Takes over the wire: nothing else may listen to it. */
export function connectClient(wire: Wire): Client {
  const calls = new Map<number, Pending>();
  const closeListeners: (() => void)[] = [];
  let isClosed = false;
  let lastId = 0;

  const send = (value: Frame) => wire.send(encodeFrame(value));

  function closed(): void {
    if (isClosed) return;
    isClosed = true;
    for (const pending of calls.values()) pending.reject(closedError());
    calls.clear();
    for (const listener of closeListeners) listener();
  }

  function fail(id: number, pending: Pending, error: unknown): void {
    if (calls.delete(id)) pending.reject(error);
  }

  async function take(id: number, pending: Pending, value: unknown): Promise<void> {
    if (!calls.has(id)) return;
    await pending.onItem(value);
    pending.unacknowledged += 1;
    if (pending.unacknowledged < ACK_EVERY || !calls.has(id)) return;
    send({ kind: "ack", id, count: pending.unacknowledged });
    pending.unacknowledged = 0;
  }

  function queueItem(id: number, pending: Pending, value: unknown): void {
    pending.items = pending.items
      .then(() => take(id, pending, value))
      .catch((error: unknown) => {
        // The caller's own callback failed: its error is the call's, and the host stops working.
        if (calls.has(id) && !isClosed) send({ kind: "stop", id });
        fail(id, pending, error);
      });
  }

  wire.onClose(closed);
  wire.onMessage((bytes) => {
    const received = decodeFrame(bytes);
    if (received === null) return wire.close();
    const pending = calls.get(received.id);
    if (pending === undefined) return; // an answer to a call that was stopped meanwhile
    if (received.kind === "item") return queueItem(received.id, pending, received.value);
    if (received.kind === "fail") {
      return fail(received.id, pending, new CallError(received.code, received.message));
    }
    if (received.kind !== "done") return wire.close();
    const { value } = received;
    void pending.items.then(() => {
      if (calls.delete(received.id)) pending.resolve(value);
    });
  });

  function begin(method: string, input: unknown, pending: Pending, signal?: AbortSignal): void {
    const id = ++lastId;
    calls.set(id, pending);
    const stop = () => {
      if (!calls.has(id)) return;
      send({ kind: "stop", id });
      fail(id, pending, cancelledError());
    };
    const settle = { resolve: pending.resolve, reject: pending.reject };
    pending.resolve = (value) => {
      signal?.removeEventListener("abort", stop);
      settle.resolve(value);
    };
    pending.reject = (error) => {
      signal?.removeEventListener("abort", stop);
      settle.reject(error);
    };
    signal?.addEventListener("abort", stop);
    try {
      send({ kind: "call", id, method, input });
    } catch (error) {
      fail(id, pending, error);
    }
  }

  const call = (method: string, input: unknown, options: CallOptions = {}): Promise<unknown> => {
    if (isClosed) return Promise.reject(closedError());
    if (options.signal?.aborted === true) return Promise.reject(cancelledError());
    return new Promise((resolve, reject) => {
      const onItem = options.onItem ?? (() => {});
      const pending = { resolve, reject, onItem, items: Promise.resolve(), unacknowledged: 0 };
      begin(method, input, pending, options.signal);
    });
  };

  return {
    call: call as Client["call"], // the server's schemas make the answer the method's output
    onClose: (listener) => {
      if (isClosed) listener();
      else closeListeners.push(listener);
    },
    close: () => {
      wire.close();
      closed();
    },
  };
}

interface CallOptions {
  signal?: AbortSignal;
  onItem?: (item: unknown) => void | Promise<void>;
}
