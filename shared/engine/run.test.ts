// Runs: both loops are one semantics, the same input gives
// the same bytes, and schedules do what they say or tell why
// not.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { faultNotifier, type FaultCheck } from "../../fixtures/protocols/a-fault-notifier.ts";
import { pageReference } from "../../fixtures/protocols/b-reference.ts";
import { lock, unlock } from "./locks.ts";
import { enabledThreads, outcomesOf, runOn, stepOne } from "./loop.ts";
import { RECORD_FULL, RECORD_NOTHING, type Machine, type ThreadId } from "./machine.ts";
import { stateProtocol, type Protocol } from "./protocol.ts";
import { MemorySink } from "./record.ts";
import { routine } from "./routine.ts";
import { startRun, type Run, type RunState } from "./run.ts";
import { parseSchedule, printSchedule, type Schedule } from "./schedule.ts";
import { int, wide } from "./struct.ts";
import { act, call, choose, done, leave, loop, set, until, when } from "./words.ts";

const inprog: FaultCheck = "inprog";
const STATED: readonly [string, (p: Protocol) => void][] = [
  ["A", faultNotifier({ vcpus: 2, rounds: 2, check: "both" })],
  ["A unsafe", faultNotifier({ vcpus: 3, rounds: 1, check: "unsafe" })],
  ["B", pageReference({ design: "V1_EARLY", kind: "page", vcpus: 2 })],
  ["calls and choices", withCalls],
];

/** Nested calls with arguments and results, choices, a lock: what A and B do not have. */
function withCalls(p: Protocol): void {
  const s = p.fields({ sum: 0, turn: 0 });
  const guard = p.mutex("guard");
  const inner = routine("add", { by: int, twice: int }, (own, m) => [
    lock("L", guard, "write"),
    choose("C", 3, (i) => {
      own.twice = i * 2;
    }),
    act("A", () => {
      s.sum = (s.sum + own.by + own.twice) & 15;
      own.twice = m.thread;
    }),
    unlock("U", guard),
    done("by"),
  ]);
  const outer = routine("adder", { left: int, got: int }, (own) => [
    loop(
      call(inner, { by: () => own.left + 1 }, "got"),
      when(
        act("T", () => {
          s.turn ^= own.got & 1;
          return s.turn;
        }),
        [act("O", () => undefined)],
      ),
      set("got", 0),
      set("left", () => own.left - 1),
      when(() => own.left === 0, [leave]),
    ),
  ]);
  for (const name of ["a", "b", "c"]) p.thread(name, outer, { left: 3 });
}

/** Threads to try one after another; those that cannot go are passed over. */
const anyOrder = fc.array(fc.tuple(fc.nat(3), fc.nat(2)), { minLength: 1, maxLength: 90 });

function fresh(p: Protocol, control: boolean): Machine {
  p.m.reset();
  p.build();
  p.m.setRecord({ ...RECORD_FULL, control, digest: true });
  return p.m;
}

test.each(STATED)("%s: both loops give the same cells and spans at each tick", (_name, state) => {
  const one = stateProtocol(state);
  const other = stateProtocol(state);
  fc.assert(
    fc.property(anyOrder, (order) => {
      const fast = fresh(one, false);
      const slow = fresh(other, true);
      for (const [pick, wanted] of order) {
        const t = (pick % fast.threads.length) as ThreadId;
        const ways = outcomesOf(slow, t);
        expect(outcomesOf(fast, t)).toBe(ways);
        if (ways === 0) continue;
        const outcome = wanted % ways;
        expect(runOn(fast, t, 1, outcome)).toBe(1);
        stepOne(slow, t, outcome);
        expect(fast.mem).toEqual(slow.mem);
        expect(fast.spanWords.slice(0, fast.spanCount)).toEqual(
          slow.spanWords.slice(0, slow.spanCount),
        );
      }
      expect(fast.tickWho.slice(0, fast.tickCount)).toEqual(slow.tickWho.slice(0, slow.tickCount));
    }),
    { numRuns: 25 },
  );
});

/** Turns of several ticks, of threads in any order. */
const anyTurns = fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 9 })), { maxLength: 40 });

test.each(STATED)("%s: turns of many ticks are the same without generated code", (_name, state) => {
  const compiled = stateProtocol(state);
  const stepped = stateProtocol(state);
  fc.assert(
    fc.property(anyTurns, (turns) => {
      const fast = fresh(compiled, false);
      const slow = fresh(stepped, false);
      slow.compiled = null;
      for (const [pick, ticks] of turns) {
        const t = (pick % fast.threads.length) as ThreadId;
        expect(runOn(fast, t, ticks)).toBe(runOn(slow, t, ticks));
        expect(fast.tick).toBe(slow.tick);
        expect(fast.mem).toEqual(slow.mem);
      }
      for (const words of ["spanWords", "tickWho", "tickSpanAt", "logCell", "logNew"] as const) {
        expect(fast[words].slice(0, 600)).toEqual(slow[words].slice(0, 600));
      }
      expect([fast.spanCount, fast.tickCount]).toEqual([slow.spanCount, slow.tickCount]);
    }),
    { numRuns: 25 },
  );
  expect(compiled.m.compiled).not.toBeNull();
  expect(stepped.m.compiled).toBeNull();
});

test.each([undefined, null])("a result above an int32 arrives whole (compiled: %s)", (compiled) => {
  let got = 0;
  const p = stateProtocol((q) => {
    const inner = routine("wide_inner", { v: wide }, (own) => [
      act("V", () => (own.v = 5 * 2 ** 32 + 7)),
      done("v"),
    ]);
    const outer = routine("wide_outer", { into: wide }, (own) => [
      call(inner, {}, "into"),
      act("W", () => (got = own.into)),
      done(),
    ]);
    q.thread("t", outer);
  });
  const m = fresh(p, false);
  m.compiled = compiled;
  expect(runOn(m, 0 as ThreadId, 10)).toBe(2);
  expect(got).toBe(5 * 2 ** 32 + 7);
  expect(m.compiled === null).toBe(compiled === null);
});

interface Made {
  readonly run: Run;
  readonly state: RunState;
  readonly sink: MemorySink;
}

function makeRun(p: Protocol, schedule: Schedule, step = 512, ticks = 400): Made {
  const sink = new MemorySink();
  const run = startRun(
    p.m,
    {
      build: () => p.build(),
      schedule,
      record: RECORD_FULL,
      bounds: { ticks, events: 1e6 },
    },
    sink,
  );
  let state: RunState = "more";
  while (state === "more") state = run.advance(step);
  return { run, state, sink };
}

const scheduleOf = (text: string): Schedule => parseSchedule(`schedule/1 ${text}`).schedule;

/** A schedule that can be done: ticks of threads that could go when it was made. */
function possible(p: Protocol, order: readonly (readonly [number, number])[]): Schedule {
  const m = fresh(p, false);
  return order.flatMap(([pick, wanted]) => {
    const t = (pick % m.threads.length) as ThreadId;
    const ways = outcomesOf(m, t);
    if (ways === 0) return [];
    const outcome = wanted % ways;
    runOn(m, t, 1, outcome);
    return [{ kind: "outcome" as const, thread: m.threads[t]?.name ?? "", outcome }];
  });
}

test.each(STATED)("%s: same input, same bytes, also after other runs", (_name, state) => {
  const p = stateProtocol(state);
  fc.assert(
    fc.property(anyOrder, fc.integer({ min: 1, max: 40 }), (order, step) => {
      const schedule = possible(p, order);
      const first = makeRun(p, schedule).sink.record();
      makeRun(p, []);
      expect(makeRun(p, schedule, step).sink.record().columns).toEqual(first.columns);
    }),
    { numRuns: 15 },
  );
});

test.each(STATED)("%s: the canonical schedule makes the same run", (_name, state) => {
  const p = stateProtocol(state);
  fc.assert(
    fc.property(anyOrder, (order) => {
      const made = makeRun(p, possible(p, order));
      const text = printSchedule(made.run.schedule());
      const again = makeRun(p, parseSchedule(text).schedule);
      expect(again.sink.record().columns).toEqual(made.sink.record().columns);
      expect(printSchedule(again.run.schedule())).toBe(text);
    }),
    { numRuns: 15 },
  );
});

describe("schedules", () => {
  const stated = (): Protocol =>
    stateProtocol(faultNotifier({ vcpus: 1, rounds: 1, check: inprog }));

  test("the counterexample and the hand-written text both break the rule", () => {
    for (const text of ["v0*3 h*11 v0*3", "v0:F5 h! v0!"]) {
      const p = stated();
      const run = startRun(
        p.m,
        {
          build: () => p.build(),
          schedule: scheduleOf(text),
          record: RECORD_NOTHING,
          bounds: { ticks: 1e6, events: 1e6 },
        },
        new MemorySink(),
      );
      let broken = false;
      while (!broken && run.advance(1) === "more") {
        broken = p.rules.some((rule) => rule.broken(p.m));
      }
      expect(broken).toBe(true);
    }
  });

  test("v0:F5 h! v0! makes 3, 11 and 5 ticks, then all wait", () => {
    const p = stated();
    const { state, sink } = makeRun(p, scheduleOf("v0:F5 h! v0!"));
    const record = sink.record();
    const threads = Array.from({ length: record.ticks }, (_, i) => record.tick(i).thread).join("");
    expect(threads).toBe("0001111111111100000");
    expect(state).toBe("blocked");
  });

  test("without a schedule the lowest thread runs until it waits", () => {
    const p = stated();
    const { run } = makeRun(p, []);
    expect(printSchedule(run.schedule())).toBe("schedule/1");
    expect(run.waits().map(({ thread, label }) => `${thread} ${label}`)).toEqual(["v0 F0", "h N3"]);
  });

  test.each([
    ["v0*3 h*4 v0*2", 8, /"v0\*2", cannot be done at tick 7: v0 waits at F5 \(held by h\)/],
    ["v0:N4", 0, /"v0:N4", cannot be done at tick \d+: /],
    ["v0?1", 0, /has 1 outcomes/],
    ["x*2", 0, /no thread "x"; there are v0, h/],
  ])("%s fails and says where and why", (text, _tick, message) => {
    const p = stated();
    const { run, state } = makeRun(p, scheduleOf(text));
    expect(state).toBe("fails");
    expect(run.problem?.message).toMatch(message);
  });
});

test("a thread that never waits lets others go after its turn", () => {
  const p = stateProtocol((q) => {
    const s = q.fields({ stop: 0 });
    q.thread(
      "a",
      routine("spinner", {}, () => [
        loop(
          when(
            act("S", () => s.stop),
            [leave],
          ),
        ),
      ]),
    );
    q.thread(
      "b",
      routine("stopper", {}, () => [
        act("T", () => {
          s.stop = 1;
        }),
      ]),
    );
  });
  const { run, state } = makeRun(p, [], 77, 5_000);
  expect(state).toBe("finished");
  expect(run.position).toBe(1_002);
  const { state: cut } = makeRun(p, scheduleOf("a*900"), 512, 950);
  expect(cut).toBe("bound");
});

test("a deadlock is told with who holds what", () => {
  const p = stateProtocol((q) => {
    const locks = [q.mutex("x"), q.mutex("y")] as const;
    for (const [name, first, second] of [
      ["a", 0, 1],
      ["b", 1, 0],
    ] as const) {
      q.thread(
        name,
        routine(`takes${first}`, {}, () => [
          lock("L1", locks[first], "write"),
          lock("L2", locks[second], "write"),
          unlock("U2", locks[second]),
          unlock("U1", locks[first]),
        ]),
      );
    }
  });
  const { run, state } = makeRun(p, scheduleOf("a b"));
  expect(state).toBe("blocked");
  expect(run.waits().map((wait) => [wait.thread, wait.label, wait.holders])).toEqual([
    ["a", "L2", ["b"]],
    ["b", "L2", ["a"]],
  ]);
  expect(makeRun(p, []).state).toBe("finished");
});

test("a finished thread does not count as waiting", () => {
  const p = stateProtocol((q) => {
    q.thread(
      "a",
      routine("ends", {}, () => [act("A", () => undefined)]),
    );
    q.thread(
      "b",
      routine("never", {}, () => [until("B", () => false)]),
    );
  });
  const { run, state } = makeRun(p, []);
  expect(state).toBe("blocked");
  expect(run.waits()).toMatchObject([{ thread: "b", label: "B", lockCell: 0 }]);
});

test("acts on disjoint cells commute: both orders give one digest", () => {
  const state = (q: Protocol): void => {
    const cells = q.array("cells", 8);
    for (const [name, from] of [
      ["a", 0],
      ["b", 4],
    ] as const) {
      q.thread(
        name,
        routine(`writes${from}`, { i: int }, (own) => [
          loop(
            until(
              "W",
              () => own.i < 4,
              () => {
                cells.set(from + own.i, own.i + 1);
                own.i += 1;
              },
            ),
          ),
        ]),
      );
    }
  };
  const anyOrderOfEight = fc.shuffledSubarray([0, 0, 0, 0, 1, 1, 1, 1], { minLength: 8 });
  fc.assert(
    fc.property(anyOrderOfEight, (order) => {
      const digestOf = (threads: readonly number[]): unknown => {
        const m = fresh(stateProtocol(state), false);
        for (const t of threads) runOn(m, t as ThreadId, 1);
        expect(enabledThreads(m)).toBe(0);
        return m.digest();
      };
      expect(digestOf(order)).toEqual(digestOf([0, 0, 0, 0, 1, 1, 1, 1]));
    }),
    { numRuns: 20 },
  );
});

test("choices are recorded with who could have gone", () => {
  const p = stateProtocol(withCalls);
  const { sink } = makeRun(p, scheduleOf("a a?2 a*3 b"));
  const [ticks, threads, enabled, outcomes] = sink.record().columns.choices;
  expect([...(ticks ?? [])].slice(0, 3)).toEqual([0, 1, 5]);
  expect([...(threads ?? [])].slice(0, 3)).toEqual([0, 0, 1]);
  expect([...(enabled ?? [])].slice(0, 2)).toEqual([7, 1]);
  expect([...(outcomes ?? [])].slice(0, 3)).toEqual([0, 2, 0]);
});
