// The answering end of a connection: a table of handlers served over any wire.
// Promises: every input is checked by its schema; a stream never runs more than CREDIT items ahead;
// a closed wire or a stop aborts the handler's signal; an unknown exception leaks no text.
import { z } from "zod";
import { decodeFrame, encodeFrame, type Frame } from "./frames.ts";
import { CallError, methods, type Input, type Item, type Method, type Output } from "./methods.ts";
import type { Wire } from "./wire.ts";

/** What a handler gets besides its input. Await `emit`: it waits while the reader is behind. */
export interface CallContext<T = unknown> {
  signal: AbortSignal;
  emit(item: T): Promise<void>;
}

/** One function per method of the table. A thrown CallError reaches the caller as it is. */
export type Handlers = {
  [M in Method]: (input: Input<M>, context: CallContext<Item<M>>) => Promise<Output<M>>;
};

export interface ServeOptions {
  /** Gets the text of exceptions that the caller must not see. */
  log(text: string): void;
  /** Also check outputs and items by their schemas; for tests, because it costs time. */
  checksOutputs?: boolean;
}

/** Items that a stream may be ahead of its reader. */
const CREDIT = 16;
/** More calls at once than any view makes: a client that loops is refused, not queued. */
const MAX_CALLS = 1000;

type AnyHandler = (input: unknown, context: CallContext) => Promise<unknown>;

/** Serves until the wire closes. Takes over the wire: nothing else may listen to it. */
export function serve(wire: Wire, handlers: Handlers, options: ServeOptions): void {
  const calls = new Map<number, Call>();

  const send = (value: Frame) => wire.send(encodeFrame(value));

  async function answer(id: number, call: Call, method: Method, input: unknown): Promise<void> {
    const { output } = methods[method];
    const handler = handlers[method] as AnyHandler;
    const emit = async (value: unknown) => {
      await call.takeCredit();
      send({ kind: "item", id, value: checkedItem(method, value, options) });
    };
    try {
      const value = await handler(input, {
        signal: call.signal,
        emit: (item) => owned(emit(item)),
      });
      if (call.signal.aborted) throw cancelledError();
      const checked = options.checksOutputs === true ? output.parse(value) : value;
      send({ kind: "done", id, value: checked });
    } catch (error) {
      const failure = call.signal.aborted ? cancelledError() : toCallError(error, method, options);
      send({ kind: "fail", id, code: failure.code, message: failure.message });
    } finally {
      calls.delete(id);
    }
  }

  function begin(id: number, method: string, input: unknown): void {
    const checked = checkCall(method, input, calls.size);
    if (checked instanceof CallError) {
      return send({ kind: "fail", id, code: checked.code, message: checked.message });
    }
    const call = makeCall();
    calls.set(id, call);
    void answer(id, call, checked.method, checked.input);
  }

  wire.onMessage((bytes) => {
    const received = decodeFrame(bytes);
    if (received === null) return wire.close();
    const { id } = received;
    if (received.kind === "call" && !calls.has(id)) begin(id, received.method, received.input);
    else if (received.kind === "stop") calls.get(id)?.stop();
    else if (received.kind === "ack") calls.get(id)?.addCredit(received.count);
    else wire.close(); // a frame that only a host sends, or a number in use: not our client
  });
  wire.onClose(() => {
    for (const call of calls.values()) call.stop();
  });
}

/** A handler that forgets to await its emit must not end the host by an unhandled rejection. */
function owned(promise: Promise<void>): Promise<void> {
  promise.catch(() => {});
  return promise;
}

const cancelledError = () => new CallError("cancelled", "Stopped on request.");

function checkCall(name: string, input: unknown, running: number) {
  if (!Object.hasOwn(methods, name)) {
    return new CallError("unknown-method", `This host has no method "${name}".`);
  }
  if (running >= MAX_CALLS) {
    return new CallError("busy", `${running} calls are running. Wait for some of them to end.`);
  }
  const method = name as Method; // an own key of the table
  const checked = methods[method].input.safeParse(input);
  if (checked.success) return { method, input: checked.data };
  return new CallError("bad-input", `${name}: ${z.prettifyError(checked.error)}`);
}

function checkedItem(method: Method, value: unknown, options: ServeOptions): unknown {
  const table = methods[method];
  if (options.checksOutputs !== true) return value;
  if (!("item" in table)) throw new TypeError(`${method} has no stream`);
  return table.item.parse(value);
}

function toCallError(error: unknown, method: Method, options: ServeOptions): CallError {
  if (error instanceof CallError) return error;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  options.log(`${method}: ${text}`);
  return new CallError("internal", "The host met an error of its own. Its log has the text.");
}

interface Call {
  readonly signal: AbortSignal;
  takeCredit(): Promise<void>;
  addCredit(count: number): void;
  stop(): void;
}

/** The credit of one call. Waiters are released in the order in which they came. */
function makeCall(): Call {
  const controller = new AbortController();
  let waiters: PromiseWithResolvers<void>[] = [];
  let credit = CREDIT;
  return {
    signal: controller.signal,
    takeCredit: () => {
      if (controller.signal.aborted) return Promise.reject(cancelledError());
      if (credit > 0) {
        credit -= 1;
        return Promise.resolve();
      }
      const waiter = Promise.withResolvers<void>();
      waiters.push(waiter);
      return waiter.promise;
    },
    addCredit: (count) => {
      const released = waiters.splice(0, count);
      credit = Math.min(CREDIT, credit + count - released.length);
      for (const waiter of released) waiter.resolve();
    },
    stop: () => {
      controller.abort();
      const stranded = waiters;
      waiters = [];
      for (const waiter of stranded) waiter.reject(cancelledError());
    },
  };
}
