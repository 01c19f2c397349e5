// Locks over cells: who may take what, who holds it, what
// misuse is refused; grace periods wait for old readers
// only.
import { expect, test } from "vitest";
import { explore, searchOf } from "./explore.ts";
import { assertHeld, lock, startGrace, unlock, waitGrace } from "./locks.ts";
import type { ThreadId } from "./machine.ts";
import { stateProtocol, type Protocol } from "./protocol.ts";
import { routine } from "./routine.ts";
import { int } from "./struct.ts";
import { act } from "./words.ts";

const nothing = (): void => undefined;
const as = (p: Protocol, thread: number): void => {
  p.m.thread = thread as ThreadId;
};

test("readers share, a writer is alone, and each is told apart", () => {
  const p = stateProtocol(nothing);
  const rw = p.rwlock("rw");
  as(p, 1);
  rw.take("read");
  as(p, 3);
  expect([rw.canTake("read"), rw.canTake("write"), rw.isHeld("read")]).toEqual([
    true,
    false,
    false,
  ]);
  expect(() => assertHeld(p.m, rw, "read")).toThrow(/lock-not-held/);
  rw.take("read");
  expect(rw.holders()).toBe(0b1010);
  expect(() => assertHeld(p.m, rw, "write")).toThrow(/lock-not-held/);
  rw.release();
  as(p, 1);
  rw.release();
  rw.take("write");
  expect([rw.canTake("read"), rw.isHeld("write"), rw.isHeld("read")]).toEqual([false, true, true]);
  expect(rw.holders()).toBe(0b10);
});

test("taking twice and releasing what is not held are refused", () => {
  const p = stateProtocol(nothing);
  const rw = p.rwlock("rw");
  const one = p.mutex("one");
  as(p, 0);
  rw.take("read");
  one.take("write");
  expect(() => rw.take("read")).toThrow(/lock-misuse/);
  expect(() => one.take("write")).toThrow(/lock-misuse/);
  as(p, 2);
  expect(() => rw.release()).toThrow(/lock-misuse/);
  expect(() => one.release()).toThrow(/lock-misuse/);
  expect(one.holders()).toBe(1);
});

test("under a lock a read and a write are never torn; without it they are", () => {
  const counters =
    (isLocked: boolean) =>
    (p: Protocol): void => {
      const s = p.fields({ n: 0, done: 0 });
      const one = p.mutex("one");
      for (const name of ["a", "b"]) {
        const counter = routine(`counter_${name}`, { seen: int }, (own) => [
          ...(isLocked ? [lock("L", one, "write")] : []),
          act("R", () => {
            own.seen = s.n;
          }),
          act("W", () => {
            s.n = own.seen + 1;
            s.done += 1;
            own.seen = 0;
          }),
          ...(isLocked ? [unlock("U", one)] : []),
        ]);
        p.thread(name, counter);
      }
      p.rule("lost", () => s.done === 2 && s.n !== 2);
    };
  expect(explore(searchOf(stateProtocol(counters(true)))).bad).toBe(0);
  expect(
    explore(searchOf(stateProtocol(counters(false)))).findings.map(({ rule }) => rule),
  ).toEqual(["lost"]);
});

test("a grace period waits for readers inside, not for later ones", () => {
  const result = explore(
    searchOf(
      stateProtocol((p) => {
        const s = p.fields({ freed: 0 });
        const domain = p.srcu("domain");
        const inside = p.array("inside", 2);
        for (const i of [0, 1]) {
          p.thread(
            `r${i}`,
            routine(`reader${i}`, {}, () => [
              act("E", () => {
                domain.enter();
                inside.set(i, s.freed === 0 ? 1 : 0);
              }),
              act("X", () => {
                domain.leave();
                inside.set(i, 0);
              }),
            ]),
          );
        }
        p.thread(
          "w",
          routine("updater", {}, () => [
            startGrace("G", domain),
            waitGrace("S", domain),
            act("F", () => {
              s.freed = 1;
            }),
          ]),
        );
        // A reader that was inside before the grace period is gone when it ends; one that came
        // later may still be there.
        p.rule("old", () => s.freed === 1 && inside.get(0) + inside.get(1) === 2);
        p.rule("late", () => s.freed === 1 && inside.get(0) + inside.get(1) === 1);
      }),
    ),
  );
  expect(result.stuck).toBe(0);
  expect(result.findings.map(({ rule }) => rule).toSorted()).toEqual(["late", "old"]);
});
