// Time travel: any tick reached by undo and redo is the state
// of a replay; writers, reads and stacks are those of the
// acts.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { faultNotifier } from "../../fixtures/protocols/a-fault-notifier.ts";
import { objectKind } from "./arena.ts";
import { createMachine } from "./checked.ts";
import { link } from "./link.ts";
import { startThread } from "./loop.ts";
import { RECORD_FULL, RECORD_NOTHING, SMALL_BUFFERS, type Cell, type Machine } from "./machine.ts";
import { readsOf, writersOf } from "./provenance.ts";
import { MemorySink, type RunRecord } from "./record.ts";
import { DROP } from "./recorder.ts";
import { functionTable, routine } from "./routine.ts";
import { startRun, type RunInput } from "./run.ts";
import { parseSchedule } from "./schedule.ts";
import { branchRun, createSeeker } from "./seek.ts";
import { int } from "./struct.ts";
import { stateProtocol } from "./protocol.ts";
import { act, call, done, leave, loop, set, when } from "./words.ts";

const board = objectKind("board", 512, (offset) => `square${offset}`);
const bounds = { ticks: 100_000, events: 100_000 };

const stamp = routine("stamp", (m: Machine, at: number, value: number) => {
  m.put(at, value);
  m.emit(0, at, value);
  return value;
});
const touch = routine("touch", (m: Machine, at: number) => stamp(m, at, (m.mem[at] as number) + 1));

/** Walks over a board, stamping; long enough for several chunks of small buffers. */
const walk = routine("walk", { left: int, at: int, step: int }, (own, m) => [
  loop(
    call(hop, { at: () => m.arena(board).base + ((own.at * 37) & 511) }, "step"),
    set("at", () => own.at + own.step),
    set("left", () => own.left - 1),
    when(() => own.left === 0, [leave]),
  ),
]);
const hop = routine("hop", { at: int }, (own, m) => [
  act("H1", () => touch(m, own.at)),
  act("H2", () => {
    for (let i = 0; i < 3; i++) stamp(m, m.arena(board).base + i, own.at + i);
  }),
  done(1),
]);

function walked(steps: number): { m: Machine; record: RunRecord; input: RunInput } {
  const m = createMachine({
    objects: [{ kind: board, count: 1, fixed: true }],
    stack: 32,
    buffers: SMALL_BUFFERS,
    events: { arity: [2] },
  });
  link(m, [walk]);
  const input: RunInput = {
    build: () => {
      startThread(m, "a", walk, { left: steps });
      startThread(m, "b", walk, { left: steps, at: 7 });
    },
    schedule: parseSchedule("schedule/1 a*3 b*5 a*4 b a").schedule,
    record: RECORD_FULL,
    bounds,
  };
  const sink = new MemorySink();
  expect(startRun(m, input, sink).advance(1e9)).toBe("finished");
  return { m, record: sink.record(), input };
}

/** Data cells after `tick` ticks of a fresh run. */
function replayed(m: Machine, input: RunInput, tick: number): Int32Array {
  const run = startRun(m, { ...input, record: RECORD_NOTHING }, DROP);
  if (tick > 0) run.advance(tick);
  return m.mem.slice(m.controlEnd);
}

test("seek to any tick, in both directions, is a replay to it", () => {
  const { m, record, input } = walked(400);
  const twin = walked(400).m;
  const seeker = createSeeker(m, record);
  expect(record.ticks).toBe(1_600);
  fc.assert(
    fc.property(fc.array(fc.nat(record.ticks), { minLength: 2, maxLength: 6 }), (ticks) => {
      for (const tick of ticks) {
        seeker.seek(tick);
        expect(seeker.position).toBe(tick);
        expect(m.mem.slice(m.controlEnd)).toEqual(
          replayed(
            twin,
            {
              ...input,
              build: (t) => {
                startThread(t, "a", walk, { left: 400 });
                startThread(t, "b", walk, { left: 400, at: 7 });
              },
            },
            tick,
          ),
        );
      }
    }),
    { numRuns: 12 },
  );
});

test("undoing a whole run leaves the first state in every data cell", () => {
  const { m, record } = walked(60);
  createSeeker(m, record).seek(0);
  expect(m.mem.slice(m.controlEnd).every((value) => value === 0)).toBe(true);
});

test("cellsChanged are the cells that differ or were written between, once each", () => {
  const { m, record } = walked(30);
  const { base } = m.arena(board);
  const seeker = createSeeker(m, record);
  expect([...seeker.cellsChanged(1, 2)]).toEqual([base, base + 1, base + 2]);
  expect(seeker.cellsChanged(5, 5)).toHaveLength(0);
  expect(seeker.cellsChanged(9, 2)).toEqual(seeker.cellsChanged(2, 9));
});

describe("provenance", () => {
  const name = (id: number): string => functionTable()[id]?.name ?? "";

  test("writers come newest first, with thread, act and stack", () => {
    const { m, record } = walked(40);
    const cell = m.arena(board).base as Cell;
    const writes = [...writersOf(m, record, cell, record.ticks)];
    const [cells, , news] = record.columns.writes;
    const expected = [...(cells ?? [])]
      .flatMap((at, row) => (at === cell ? [row] : []))
      .toReversed();
    expect(writes.map((write) => write.row)).toEqual(expected);
    expect(writes[0]).toMatchObject({ label: "H2", new: news?.[expected[0] ?? 0] });
    expect(writes[0]?.stack.map(name)).toEqual(["walk", "hop"]);
    for (const [i, write] of writes.entries()) expect(write.old).toBe(writes[i + 1]?.new ?? 0);
    expect([...writersOf(m, record, cell, 0)]).toEqual([]);
  });

  test("readsOf are the data cells the act read", () => {
    const { m, input } = walked(10);
    const { base } = m.arena(board);
    // Thread a's first act reads the square it increments; put reads it once more.
    expect([...readsOf(m, input, 0)]).toEqual([base]);
    expect([...readsOf(m, input, 1)]).toEqual([base, base + 1, base + 2]);
  });
});

test("an event knows its place in the call tree, also inside a tick", () => {
  const { record } = walked(20);
  const names = functionTable().map((info) => info.name);
  const first = record.event(0);
  expect(record.stackOf(first).map((id) => names[id])).toEqual(["walk", "hop", "touch", "stamp"]);
  expect(record.event(1)).toMatchObject({ tick: 1, event: 0, thread: 0 });
  expect(record.stackOf(record.event(1)).map((id) => names[id])).toEqual(["walk", "hop", "stamp"]);
  expect(record.eventAt(1)).toBe(1);
  expect(record.eventAt(0)).toBe(0);
  expect(record.eventAt(record.ticks)).toBe(record.events);
});

test("span stacks far into a run are those of a scan from its start", () => {
  const { record } = walked(4_000);
  expect(record.spans.count).toBeGreaterThan(80_000);
  const forth = [...Array(40).keys()];
  for (const i of [...forth, ...forth.toReversed()]) {
    const event = record.event(Math.floor(((record.events - 1) * i) / 39));
    const open: number[][] = [[], []];
    let thread = 0;
    for (const word of record.spans.words.subarray(0, event.spanAt)) {
      if ((word & 3) === 3) thread = word >> 2;
      else if ((word & 3) === 1) open[thread]?.push(word >> 2);
      else open[thread]?.pop();
    }
    expect(record.stackOf(event)).toEqual(open[event.thread]);
  }
});

test("a branch goes another way from the same tick", () => {
  const { m, record, input } = walked(20);
  const sink = new MemorySink();
  const run = branchRun(m, input, 6, parseSchedule("schedule/1 a*2 b").schedule, sink);
  expect(run.advance(1e9)).toBe("finished");
  const branch = sink.record();
  const threadAt = (of: RunRecord, tick: number): number => of.tick(tick).thread;
  for (let tick = 0; tick < 6; tick++) expect(threadAt(branch, tick)).toBe(threadAt(record, tick));
  expect([6, 7, 8].map((tick) => threadAt(branch, tick))).toEqual([0, 0, 1]);
  expect([6, 7, 8].map((tick) => threadAt(record, tick))).toEqual([1, 1, 0]);
});

test("names of threads' first functions are in the spans before the first tick", () => {
  const p = stateProtocol(faultNotifier({ vcpus: 2, rounds: 1, check: "both" }));
  const sink = new MemorySink();
  startRun(
    p.m,
    { build: () => p.build(), schedule: [], record: RECORD_FULL, bounds },
    sink,
  ).advance(10);
  startRun(
    p.m,
    {
      build: () => p.build(),
      schedule: [],
      record: RECORD_FULL,
      bounds: { ticks: 3, events: 9 },
    },
    sink,
  ).advance(10);
  const names = functionTable().map((info) => info.name);
  const record = sink.record();
  expect(record.stackAt(0, 0).map((id) => names[id])).toEqual(["vcpu"]);
  expect(record.stackAt(0, 2).map((id) => names[id])).toEqual(["host"]);
});
