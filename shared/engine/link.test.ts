// Words become rows as stated, and
// what cannot be right is refused at
// link.
import { describe, expect, test } from "vitest";
import { functionTable, routine, type SpineRoutine } from "./routine.ts";
import { CheckedMachine } from "./checked.ts";
import { explore, searchOf } from "./explore.ts";
import { stateProtocol, type Protocol } from "./protocol.ts";
import { MemorySink, type RunRecord } from "./record.ts";
import { RECORD_FULL } from "./machine.ts";
import { startRun, type Run } from "./run.ts";
import { bit, int, pair, wide } from "./struct.ts";
import {
  act,
  again,
  atomic,
  call,
  callOneOf,
  choose,
  done,
  leave,
  loop,
  set,
  until,
  when,
  type Word,
} from "./words.ts";

type Plain = () => void;

/** Runs one thread with one routine to its end; gives what it noted. */
function noted(
  words: (note: (what: number | string) => Plain) => readonly Word[],
): (number | string)[] {
  const notes: (number | string)[] = [];
  // MODEL of a test: notes lie outside the cells, since nothing here is undone.
  const note =
    (what: number | string): Plain =>
    () =>
      void notes.push(what);
  run((p) =>
    p.thread(
      "t",
      routine("noted", {}, () => words(note)),
    ),
  );
  return notes;
}

function run(state: (p: Protocol) => void): { run: Run; record: RunRecord; p: Protocol } {
  const p = stateProtocol(state);
  const sink = new MemorySink();
  const made = startRun(
    p.m,
    {
      build: () => p.build(),
      schedule: [],
      record: RECORD_FULL,
      bounds: { ticks: 1_000, events: 1_000 },
    },
    sink,
  );
  made.advance(10_000);
  return { run: made, record: sink.record(), p };
}

describe("control", () => {
  test("when branches on conditions, acts and calls; loops leave and start again", () => {
    const no = routine("no", {}, () => [done(0)]);
    let turns = 0;
    expect(
      noted((note) => [
        loop(
          act("A", () => {
            turns++;
          }),
          when(() => turns < 3, [again]),
          when(
            act("B", () => turns === 3),
            [act("C", note("third")), again],
            [leave],
          ),
        ),
        when(call(no), [act("D", note("never"))], [act("E", note("no"))]),
        when(
          until("F", () => true),
          [act("G", note("went"))],
        ),
      ]),
    ).toEqual(["third", "no", "went"]);
  });

  test("arguments and results pass through locals of every size", () => {
    const callee = routine("callee", { a: int, b: wide, c: pair, d: bit }, (own) => [
      act("A", () => {
        own.b += own.c.hi + own.a + (own.d ? 1 : 0);
      }),
      done("b"),
    ]);
    const seen: number[] = [];
    run((p) =>
      p.thread(
        "t",
        routine("caller", { x: int, y: wide, z: pair }, (own) => [
          set("x", 3),
          set("y", () => 2 ** 40),
          set("z", () => ({ lo: 1, hi: 5 })),
          call(callee, { a: "x", b: "y", c: "z", d: true }, "y"),
          act("S", () => {
            seen.push(own.y, own.x);
          }),
        ]),
      ),
    );
    expect(seen).toEqual([2 ** 40 + 9, 3]);
  });

  test("locals are 0 at every entry", () => {
    const seen: number[] = [];
    const inner = routine("inner", { n: int }, (own) => [
      act("A", () => {
        seen.push(own.n);
        own.n = 9;
      }),
    ]);
    run((p) =>
      p.thread(
        "t",
        routine("outer", {}, () => [call(inner), call(inner)]),
      ),
    );
    expect(seen).toEqual([0, 0]);
  });

  test("callOneOf picks when the call is reached", () => {
    const seen: string[] = [];
    const named = (name: string): SpineRoutine<{ n: typeof int }> =>
      routine(name, { n: int }, (own) => [
        act("A", () => {
          seen.push(name + own.n);
        }),
      ]);
    const both = [named("first"), named("second")];
    run((p) =>
      p.thread(
        "t",
        routine("chooser", { i: int }, (own) => [
          loop(
            callOneOf(() => own.i, both, { n: () => own.i + 5 }),
            set("i", () => own.i + 1),
            when(() => own.i === 2, [leave]),
          ),
        ]),
      ),
    );
    expect(seen).toEqual(["first5", "second6"]);
  });

  test("an atomic section is one tick, calls inside it too", () => {
    const inner = routine("inside", {}, () => [act("I", () => undefined), done(1)]);
    const { record } = run((p) =>
      p.thread(
        "t",
        routine("sections", {}, () => [
          atomic(
            act("A", () => undefined),
            act("B", () => undefined),
            call(inner),
          ),
          call(inner),
        ]),
      ),
    );
    expect(record.ticks).toBe(2);
  });
});

describe("refused at link", () => {
  const linking = (words: readonly Word[]) => () =>
    run((p) =>
      p.thread(
        "t",
        routine("refused", { n: int, w: wide }, () => words),
      ),
    );
  const nothing = (): void => undefined;
  const waits = routine("waits", {}, () => [until("U", () => true)]);
  const idle = routine("idle", {}, () => [done()]);

  test.each<[string, readonly Word[], RegExp]>([
    ["a label used twice", [act("A", nothing), act("A", nothing)], /label/],
    ["a label with a space", [act("A B", nothing)], /label/],
    ["leave outside a loop", [leave], /leave outside a loop/],
    ["a loop without a tick", [loop(set("n", 1))], /without a tick/],
    ["a loop whose call makes no tick", [loop(call(idle))], /without a tick/],
    [
      "a wait in an atomic section",
      [
        atomic(
          act("A", nothing),
          until("B", () => true),
        ),
      ],
      /waits inside/,
    ],
    ["a called wait inside one", [atomic(act("A", nothing), call(waits))], /waits inside/],
    ["an unknown local", [set("x", 1)], /No such local/],
    ["a local of another size", [set("n", "w")], /No such local/],
    ["an unknown argument", [call(idle, { z: 1 } as never)], /No such local/],
  ])("%s", (_what, words, message) => {
    expect(linking(words)).toThrow(message);
  });

  test("a loop whose call makes a tick is fine", () => {
    const one = routine("one", { n: int }, () => [act("A", nothing), done(1)]);
    expect(linking([loop(when(call(one), [leave]))])).not.toThrow();
  });

  test("recursion beyond the stack stops the run", () => {
    const deep: SpineRoutine = routine("deep", {}, () => [act("A", nothing), call(deep)]);
    expect(() => run((p) => p.thread("t", deep))).toThrow(
      /no longer fit its stack.*\(stack-overflow: t\)/,
    );
  });
});

describe("purity (checked machines)", () => {
  const searching = (state: (p: Protocol) => void) => () =>
    explore(searchOf(stateProtocol(state, true)));
  test("control may not read a shared cell", () => {
    expect(
      searching((p) => {
        const s = p.fields({ n: 0 });
        p.thread(
          "t",
          routine("reader", {}, () => [
            act("A", () => undefined),
            when(() => s.n === 1, [act("B", () => undefined)]),
          ]),
        );
      }),
    ).toThrow(/impure-control/);
  });
  test("a guard may read it, but not put", () => {
    const guarded =
      (puts: boolean) =>
      (p: Protocol): void => {
        const s = p.fields({ n: 0 });
        p.thread(
          "t",
          routine("guarded", { i: int }, () => [
            until("A", () => {
              if (puts) s.n = 1;
              return s.n === 0 || puts;
            }),
          ]),
        );
      };
    expect(searching(guarded(false))).not.toThrow();
    expect(searching(guarded(true))).toThrow(/impure-control/);
  });
  test("control may read its own locals", () => {
    expect(
      searching((p) =>
        p.thread(
          "t",
          routine("clean", { i: int }, (own) => [
            choose("C", 3, (i) => {
              own.i = i;
            }),
            when(() => own.i === 1, [act("B", () => undefined)]),
          ]),
        ),
      ),
    ).not.toThrow();
  });
});

test("control may read cells declared private to its thread, and no other thread's", () => {
  const searching = (owner: number) => () => {
    const p = stateProtocol((q) => {
      const s = q.fields({ mine: 0 });
      q.thread(
        "t",
        routine("owner", {}, () => [
          act("A", () => undefined),
          when(() => s.mine === 0, [act("B", () => undefined)]),
        ]),
      );
    }, true);
    const build = (): void => {
      p.build();
      if (p.m instanceof CheckedMachine) p.m.declarePrivate(owner, p.m.controlEnd, 4);
    };
    return explore({ ...searchOf(p), build });
  };
  expect(searching(0)).not.toThrow();
  expect(searching(1)).toThrow(/impure-control/);
});

test("one name is one function, inlined or not", () => {
  const before = functionTable().length;
  routine("told_twice", (_m: never) => 1, { inlined: true });
  routine("told_twice", (_m: never) => 2);
  expect(functionTable().slice(before)).toEqual([{ name: "told_twice", inlined: true }]);
});
