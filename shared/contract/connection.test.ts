// Client and server over one wire: answers, refusals, streams with back-pressure, stop and close.
// Handlers here are small fakes of three methods; no service is involved.
// What may not happen: a lost item, a call that never settles, an unhandled rejection.
import { expect, test } from "vitest";
import { connectClient } from "./client.ts";
import { encodeFrame } from "./frames.ts";
import { CallError } from "./methods.ts";
import { serve, type CallContext, type Handlers } from "./server.ts";
import { wirePair } from "./wire.ts";

type Watch = Handlers["host.watch"];
const busy = (n: number) => ({ busy: n, idle: 0, waiting: 0 });
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

function connect(some: Partial<Handlers>, checksOutputs = false) {
  const [near, far] = wirePair();
  const logged: string[] = [];
  const refuse = () => Promise.reject(new Error("not part of this test"));
  const handlers = new Proxy(some, { get: (own, key: keyof Handlers) => own[key] ?? refuse });
  serve(far, handlers as Handlers, { log: (text) => logged.push(text), checksOutputs });
  return { client: connectClient(near), logged, far };
}

const code = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "answered",
    (error: unknown) => (error instanceof CallError ? error.code : String(error)),
  );

const watching = (run: (context: Parameters<Watch>[1]) => Promise<void>): Partial<Handlers> => ({
  "host.watch": async (_input, context) => {
    await run(context);
    return {};
  },
});

test("a call gets its handler's output, and calls overlap", async () => {
  const { client } = connect({
    "scenario.save": async ({ name }) => {
      if (name === "slow") await settled();
      const row = { name, title: name, about: "", tags: [], isBuiltIn: false };
      return { ...row, savedAt: 1, hasDraft: false };
    },
  });
  const both = ["slow", "fast"].map((name) => client.call("scenario.save", { name, text: "" }));
  expect((await Promise.all(both)).map((row) => row.title)).toEqual(["slow", "fast"]);
});

test("input is checked by its schema, and the message names the field", async () => {
  const { client } = connect({});
  const bad = client.call("scenario.read", { name: "../etc/passwd" });
  await expect(bad).rejects.toMatchObject({ code: "bad-input", message: /name/ });
});

test("a method outside the table is refused, also one that every object has", async () => {
  const { client } = connect({});
  const call = client.call as (method: string, input: unknown) => Promise<unknown>;
  expect(await code(call("toString", {}))).toBe("unknown-method");
  expect(await code(call("host.shutdown", {}))).toBe("unknown-method");
});

test("a CallError reaches the caller; any other exception only the log", async () => {
  const { client, logged } = connect({
    "settings.get": () => Promise.reject(new CallError("read-only", "The library is read-only.")),
    "host.info": () => Promise.reject(new Error("secret path")),
  });
  await expect(client.call("settings.get", {})).rejects.toMatchObject({ code: "read-only" });
  const failure = await client.call("host.info", {}).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "internal" });
  expect(String(failure)).not.toContain("secret");
  expect(logged.join()).toContain("secret path");
});

test("a value that no frame carries becomes internal, not a hanging call", async () => {
  const values = { values: { a: new Date(0) as unknown as string } };
  const { client } = connect({ "settings.get": async () => values });
  expect(await code(client.call("settings.get", {}))).toBe("internal");
});

test("outputs are checked when asked for", async () => {
  const wrong = { values: { a: 5 as unknown as string } };
  const { client } = connect({ "settings.get": async () => wrong }, true);
  expect(await code(client.call("settings.get", {}))).toBe("internal");
});

test("items arrive in order and before the answer, each after the last is taken", async () => {
  const { client } = connect(
    watching(async ({ emit }) => {
      for (let n = 0; n < 100; n++) await emit(busy(n));
    }),
  );
  const taken: number[] = [];
  await client.call(
    "host.watch",
    {},
    {
      onItem: async (item) => {
        await settled();
        taken.push(item.busy);
      },
    },
  );
  expect(taken).toEqual(Array.from({ length: 100 }, (_, n) => n));
});

test("a stream stops at 16 items while its reader is behind", async () => {
  let emitted = 0;
  const gate = Promise.withResolvers<void>();
  const { client } = connect(
    watching(async ({ emit }) => {
      for (; emitted < 40; emitted++) await emit(busy(emitted));
    }),
  );
  const call = client.call("host.watch", {}, { onItem: () => gate.promise });
  for (let n = 0; n < 5; n++) await settled();
  expect(emitted).toBe(16);
  gate.resolve();
  await call;
  expect(emitted).toBe(40);
});

test("a stop rejects at once, aborts the handler and ends its waiting emit", async () => {
  const ended = Promise.withResolvers<unknown>();
  const { client } = connect(
    watching(async ({ emit, signal }) => {
      try {
        for (;;) await emit(busy(0));
      } catch (error) {
        ended.resolve([signal.aborted, (error as CallError).code]);
        throw error;
      }
    }),
  );
  const controller = new AbortController();
  const never = new Promise<void>(() => {});
  const call = client.call("host.watch", {}, { signal: controller.signal, onItem: () => never });
  await settled();
  controller.abort();
  expect(await code(call)).toBe("cancelled");
  expect(await ended.promise).toEqual([true, "cancelled"]);
});

test("an emit that nobody awaits does no harm after a stop", async () => {
  const { client, logged } = connect(
    watching(async ({ emit, signal }) => {
      for (let n = 0; n < 40; n++) void emit(busy(n));
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    }),
  );
  const controller = new AbortController();
  const never = new Promise<void>(() => {});
  const call = client.call("host.watch", {}, { signal: controller.signal, onItem: () => never });
  await settled();
  controller.abort();
  expect(await code(call)).toBe("cancelled");
  await settled();
  expect(logged).toEqual([]);
});

test("an error of the caller's callback is the call's error and stops the host", async () => {
  const stopped = Promise.withResolvers<void>();
  const { client } = connect(
    watching(async (context: CallContext<{ busy: number; idle: number; waiting: number }>) => {
      context.signal.addEventListener("abort", () => stopped.resolve());
      for (;;) await context.emit(busy(1));
    }),
  );
  const call = client.call(
    "host.watch",
    {},
    {
      onItem: () => {
        throw new Error("the view is gone");
      },
    },
  );
  await expect(call).rejects.toThrow("the view is gone");
  await stopped.promise;
});

test("closing rejects running and later calls and aborts their handlers", async () => {
  const aborted = Promise.withResolvers<void>();
  const { client, far } = connect(
    watching(async ({ signal }) => {
      signal.addEventListener("abort", () => aborted.resolve());
      await new Promise(() => {});
    }),
  );
  let closes = 0;
  client.onClose(() => closes++);
  const call = client.call("host.watch", {});
  await settled();
  far.close();
  expect(await code(call)).toBe("closed");
  expect(await code(client.call("host.watch", {}))).toBe("closed");
  await aborted.promise;
  expect(closes).toBe(1);
});

test("bytes that are no frame close the connection", async () => {
  const [near, far] = wirePair();
  serve(far, {} as Handlers, { log: () => {} });
  const closed = new Promise<void>((resolve) => near.onClose(resolve));
  near.send(new Uint8Array([1, 2, 3]));
  await expect(closed).resolves.toBeUndefined();
});

test("a frame that only a host sends closes the connection", async () => {
  const [near, far] = wirePair();
  serve(far, {} as Handlers, { log: () => {} });
  const closed = new Promise<void>((resolve) => near.onClose(resolve));
  near.send(encodeFrame({ kind: "done", id: 1, value: 1 }));
  await expect(closed).resolves.toBeUndefined();
});
