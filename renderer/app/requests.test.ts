// The latest question wins: older calls are stopped, their late answers dropped, and what was shown
// stays until it is replaced. Long lists fetch the blocks they show, once.
// From: requests.ts and row-window.ts.
import { CallError } from "#shared/contract/methods";
import { expect, test } from "vitest";
import { effectScope, nextTick, ref } from "vue";
import { useRequest } from "./requests.ts";
import { useRowWindow } from "./row-window.ts";

/** A host whose answers come when the test says so. */
function slowHost<T>() {
  const calls: {
    asked: unknown;
    signal: AbortSignal;
    answer(value: T): void;
    fail(e: Error): void;
  }[] = [];
  const ask = (asked: unknown, signal: AbortSignal) =>
    new Promise<T>((answer, fail) => calls.push({ asked, signal, answer, fail }));
  return { calls, ask };
}
const settle = async () => {
  for (let i = 0; i < 5; i++) await nextTick();
};
const inScope = <T>(make: () => T) => {
  const scope = effectScope();
  const made = scope.run(make);
  if (made === undefined) throw new Error("The scope made nothing.");
  return { made, stop: () => scope.stop() };
};

test("the latest question wins, whatever order the answers come in", async () => {
  const host = slowHost<string>();
  const question = ref<number | null>(1);
  const { made } = inScope(() => useRequest(() => question.value, host.ask));
  question.value = 2;
  await settle();
  expect(host.calls.map((call) => call.asked)).toEqual([1, 2]);
  expect(host.calls[0]?.signal.aborted).toBe(true);
  host.calls[1]?.answer("second");
  host.calls[0]?.answer("first");
  await settle();
  expect(made.value.value).toBe("second");
  expect(made.isLoading.value).toBe(false);
});

test("an answer stays while the next one is on its way, and null empties it", async () => {
  const host = slowHost<string>();
  const question = ref<number | null>(1);
  const { made } = inScope(() => useRequest(() => question.value, host.ask));
  host.calls[0]?.answer("first");
  await settle();
  question.value = 2;
  await settle();
  expect([made.value.value, made.isLoading.value]).toEqual(["first", true]);
  question.value = null;
  await settle();
  expect([made.value.value, made.isLoading.value]).toEqual([null, false]);
});

test("a failure is a sentence, and leaving stops the call", async () => {
  const host = slowHost<string>();
  const { made, stop } = inScope(() => useRequest(() => 1, host.ask));
  host.calls[0]?.fail(new CallError("no-such-run", "Run 7f2c91 is not in this library."));
  await settle();
  expect(made.failure.value).toBe("Run 7f2c91 is not in this library.");
  made.again();
  stop();
  expect(host.calls[1]?.signal.aborted).toBe(true);
});

test("a window fetches the blocks it shows, each once", async () => {
  const asked: number[] = [];
  const { made } = inScope(() =>
    useRowWindow(
      () => ({ q: "" }),
      async (_, from, count) => {
        asked.push(from);
        return { rows: Array.from({ length: count }, (_row, i) => from + i), total: 1000 };
      },
    ),
  );
  await settle();
  made.show(390, 40);
  await settle();
  made.show(395, 40);
  await settle();
  expect(asked).toEqual([0, 200, 400]);
  expect([made.row(399), made.row(400), made.row(900)]).toEqual([399, 400, null]);
  expect(made.total.value).toBe(1000);
});

test("another question drops the rows and the late answers of the old one", async () => {
  const host = slowHost<{ rows: string[]; total: number }>();
  const q = ref("a");
  const { made } = inScope(() =>
    useRowWindow(
      () => ({ q: q.value }),
      (asked, _from, _count, signal) => host.ask(asked, signal),
    ),
  );
  q.value = "b";
  await settle();
  host.calls.at(-1)?.answer({ rows: ["b0"], total: 1 });
  host.calls[0]?.answer({ rows: ["a0"], total: 9 });
  await settle();
  expect([made.row(0), made.total.value]).toEqual(["b0", 1]);
});
