// The explorer against the published figures of protocols A and B: equal in every number, for every
// instance. Also what the figures cannot show: outcomes of a choice, deadlock, bounds,
// confirmation, the counterexample replayed.
import { describe, expect, test } from "vitest";
import { faultNotifier } from "../../fixtures/protocols/a-fault-notifier.ts";
import { pageReference } from "../../fixtures/protocols/b-reference.ts";
import {
  FAULT_NOTIFIER,
  LARGE_FAULT_NOTIFIER,
  PAGE_REFERENCE,
  type Published,
} from "../../fixtures/protocols/published.table.ts";
import { handWrittenSearch } from "./bench-search.ts";
import { explore, searchOf, type ExploreInput } from "./explore.ts";
import { lock, unlock } from "./locks.ts";
import { RECORD_NOTHING } from "./machine.ts";
import { stateProtocol, type Protocol } from "./protocol.ts";
import { DROP } from "./recorder.ts";
import { routine } from "./routine.ts";
import { startRun } from "./run.ts";
import { int } from "./struct.ts";
import { act, choose, done } from "./words.ts";

function figures(state: (p: Protocol) => void): Published<null> {
  const r = explore(searchOf(stateProtocol(state)));
  const first = [...r.findings].sort((a, b) => a.length - b.length).at(0);
  return [
    null,
    [r.states, r.edges, r.diameter, r.bad, r.ends],
    first?.rule ?? null,
    first?.length ?? 0,
  ];
}

describe("published figures", () => {
  test.each(FAULT_NOTIFIER)("A %o", (instance, ...published) => {
    expect(figures(faultNotifier(instance))).toEqual([null, ...published]);
  });
  test.each(PAGE_REFERENCE)("B %o", (instance, ...published) => {
    expect(figures(pageReference(instance))).toEqual([null, ...published]);
  });
});

test("every outcome of a choice is taken, and the schedule reproduces each", () => {
  const state = (p: Protocol): void => {
    const s = p.fields({ got: 0, end: 0 });
    p.thread(
      "t0",
      routine("chooser", { half: int }, (own) => [
        choose("C", 3, (i) => {
          own.half = i;
        }),
        act("D", () => {
          s.got = own.half * 2;
          own.half = 0;
        }),
        act("E", () => {
          s.end = 1;
        }),
        done(),
      ]),
    );
    for (const i of [0, 1, 2]) p.rule(`got${i}`, () => s.end === 1 && s.got === i * 2);
  };
  const p = stateProtocol(state);
  const result = explore(searchOf(p));
  expect(result).toMatchObject({ states: 10, edges: 9, ends: 3, stuck: 0 });
  expect(result.findings.map(({ rule, text }) => `${rule} ${text}`)).toEqual([
    "got0 schedule/1 t0*3",
    "got1 schedule/1 t0?1 t0*2",
    "got2 schedule/1 t0?2 t0*2",
  ]);
  for (const { rule, schedule } of result.findings) {
    const run = startRun(
      p.m,
      {
        build: () => p.build(),
        schedule,
        record: RECORD_NOTHING,
        bounds: { ticks: 99, events: 99 },
      },
      DROP,
    );
    expect(run.advance(99)).toBe("finished");
    expect(p.rules.filter(({ broken }) => broken(p.m)).map(({ id }) => id)).toEqual([rule]);
  }
});

test("each counterexample, replayed, breaks its rule at its last act and not before", () => {
  for (const [instance] of FAULT_NOTIFIER.filter(([, , broken]) => broken !== null)) {
    const p = stateProtocol(faultNotifier(instance));
    for (const { schedule, length } of explore(searchOf(p)).findings) {
      const run = startRun(
        p.m,
        {
          build: () => p.build(),
          schedule,
          record: RECORD_NOTHING,
          bounds: { ticks: 99, events: 99 },
        },
        DROP,
      );
      const isBroken = (): boolean => p.rules.some((rule) => rule.broken(p.m));
      run.advance(length - 1);
      expect(isBroken()).toBe(false);
      run.advance(1);
      expect(isBroken()).toBe(true);
    }
  }
});

test("a deadlock is an end that is not legal", () => {
  const result = explore(
    searchOf(
      stateProtocol((p) => {
        const x = p.mutex("x");
        const y = p.mutex("y");
        for (const [name, first, second] of [
          ["a", x, y],
          ["b", y, x],
        ] as const) {
          p.thread(
            name,
            routine(`both_${name}`, {}, () => [
              lock("L1", first, "write"),
              lock("L2", second, "write"),
              unlock("U2", second),
              unlock("U1", first),
            ]),
          );
        }
      }),
    ),
  );
  expect(result).toMatchObject({ ends: 2, stuck: 1 });
});

describe("bounds", () => {
  const input = (): ExploreInput =>
    searchOf(stateProtocol(faultNotifier({ vcpus: 2, rounds: 2, check: "both" })));
  test("a search cut by states, depth or the caller says that it is not complete", () => {
    expect(explore({ ...input(), bound: { states: 500 } }).complete).toBe(false);
    const shallow = explore({ ...input(), bound: { depth: 10 } });
    expect([shallow.complete, shallow.diameter]).toEqual([false, 10]);
    expect(explore({ ...input(), onProgress: () => "stop" }).complete).toBe(false);
  });
  test("a confirming search with other constants gives the same counts", () => {
    expect(explore({ ...input(), confirm: true })).toEqual(explore(input()));
  });
});

test("a checked machine gives the same figures: guards and control of A and B are pure", () => {
  for (const state of [
    faultNotifier({ vcpus: 1, rounds: 1, check: "both" }),
    pageReference({ design: "V0", kind: "page", vcpus: 1 }),
  ]) {
    const plain = explore(searchOf(stateProtocol(state)));
    expect(explore(searchOf(stateProtocol(state, true)))).toEqual(plain);
  }
});

test("the large instance of A: states and edges", () => {
  for (const [instance, states, edges, diameter] of LARGE_FAULT_NOTIFIER) {
    expect(explore(searchOf(stateProtocol(faultNotifier(instance))))).toMatchObject({
      states,
      edges,
      diameter,
      bad: 0,
    });
  }
});

test("the hand-written search of the bench agrees", () => {
  expect(handWrittenSearch(2, 2)).toEqual({ states: 2181, edges: 4795 });
  expect(handWrittenSearch(3, 2)).toEqual({ states: 27_303, edges: 80_651 });
});
