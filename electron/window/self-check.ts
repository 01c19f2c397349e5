// What only the running Electron can prove, asked at each start: frames survive the encoding,
// a message channel carries them both ways, and a call reaches SQLite in its worker thread.
// Promises: an answer within a bounded time; a sentence that names the part that failed.
import { MessageChannelMain } from "electron";
import { connectClient } from "#shared/contract/client";
import { decodeFrame, encodeFrame } from "#shared/contract/frames";
import { serve, type Handlers } from "#shared/contract/server";
import { portWire } from "./port-wire.ts";

const PATIENCE_MS = 15_000;

/** "" when all is well, else one sentence for the user. */
export async function selfCheck(handlers: Handlers): Promise<string> {
  if (!survivesEncoding()) return "Values do not survive the encoding of messages.";
  try {
    await withinTime(askThroughPort(handlers));
    return "";
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return `A call through a message port to the library failed: ${text}`;
  }
}

function survivesEncoding(): boolean {
  const value = { word: Int32Array.of(1, -2), big: 2n ** 63n };
  const frame = decodeFrame(encodeFrame({ kind: "item", id: 1, value }));
  if (frame?.kind !== "item") return false;
  const back = frame.value as typeof value;
  return back.big === value.big && back.word.join() === value.word.join();
}

async function askThroughPort(handlers: Handlers): Promise<void> {
  const { port1, port2 } = new MessageChannelMain();
  const texts: string[] = [];
  serve(portWire(port1), handlers, { log: (text) => texts.push(text) });
  const client = connectClient(portWire(port2));
  try {
    await client.call("runs.list", { q: "", sort: "-createdAt", from: 0, count: 1 });
  } catch (error) {
    throw texts.length > 0 ? new Error(texts.join("\n"), { cause: error }) : error;
  } finally {
    client.close();
  }
}

function withinTime<T>(work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const seconds = PATIENCE_MS / 1000;
  const timer = setTimeout(() => reject(new Error(`no answer in ${seconds} s`)), PATIENCE_MS);
  return Promise.race([work, promise]).finally(() => clearTimeout(timer));
}
