// Chunks as they are handed over: exact sizes, in
// order, and the same rows whatever the size of the
// buffers.
import { expect, test } from "vitest";
import { objectKind } from "./arena.ts";
import { createMachine } from "./checked.ts";
import { link } from "./link.ts";
import { startThread } from "./loop.ts";
import { RECORD_BULK, RECORD_FULL, SMALL_BUFFERS, type Buffers, type Machine } from "./machine.ts";
import { MemorySink } from "./record.ts";
import { STREAM_NAMES, type ChunkSink, type StreamName } from "./recorder.ts";
import { routine } from "./routine.ts";
import { startRun } from "./run.ts";
import { int } from "./struct.ts";
import { act, leave, loop, set, when } from "./words.ts";

const board = objectKind("board", 64);
const splash = routine("splash", (m: Machine, at: number, value: number) => m.put(at, value));

/** Acts of 1 to 7 writes, 3 events and as many spans as writes: marks are overrun in every way. */
function made(buffers: Buffers, sink: ChunkSink, record = RECORD_FULL): void {
  const m = createMachine({
    objects: [{ kind: board, count: 1, fixed: true }],
    stack: 16,
    buffers,
    events: { arity: [2, 9] },
  });
  const { base } = m.arena(board);
  const worker = routine("uneven", { left: int }, (own) => [
    loop(
      act("A", () => {
        for (let i = 0; i <= own.left % 7; i++) {
          splash(m, base + ((own.left * 5 + i) & 63), own.left + i);
        }
        m.emit(0, own.left, 1);
        m.emit(1, 1, 2, 3, 4, 5, 6, 7, 8, own.left);
      }),
      set("left", () => own.left - 1),
      when(() => own.left === 0, [leave]),
    ),
  ]);
  link(m, [worker]);
  startRun(
    m,
    {
      build: () => startThread(m, "a", worker, { left: 3_000 }),
      schedule: [],
      record,
      bounds: { ticks: 1e6, events: 1e6 },
    },
    sink,
  ).advance(1e6);
}

const LARGE: Buffers = {
  ticks: { mark: 1e5, reserve: 1e4 },
  writes: { mark: 1e5, reserve: 1e4 },
  events: { mark: 1e5, reserve: 1e4 },
  spans: { mark: 1e5, reserve: 1e4 },
  choices: { mark: 1e4, reserve: 1e3 },
};

test("rows do not depend on the size of the buffers", () => {
  const small = new MemorySink();
  const large = new MemorySink();
  made(SMALL_BUFFERS, small);
  made(LARGE, large);
  const record = large.record();
  expect(record).toMatchObject({ ticks: 3_000, events: 6_000 });
  expect(record.writes).toBeGreaterThan(SMALL_BUFFERS.writes.mark * 5);
  expect(small.record().columns).toEqual(record.columns);
  expect(record.event(5_999).fields.slice(0, 9)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 1]);
});

test("each chunk follows the one before, with exactly the mark's rows but for the last", () => {
  const rows = new Map<StreamName, number[]>();
  made(SMALL_BUFFERS, {
    take(stream, first, count, columns) {
      const seen = rows.get(stream) ?? [];
      expect(first).toBe(seen.reduce((sum, n) => sum + n, 0));
      expect(columns.every((column) => column.length === count)).toBe(true);
      rows.set(stream, [...seen, count]);
    },
  });
  expect([...rows.keys()].toSorted()).toEqual(["events", "spans", "ticks", "writes"]);
  for (const [stream, counts] of rows) {
    const { mark } = SMALL_BUFFERS[stream];
    expect(counts.length).toBeGreaterThan(3);
    expect(counts.slice(0, -1).every((count) => count === mark)).toBe(true);
    expect(counts.at(-1)).toBeLessThanOrEqual(mark);
  }
});

test("a bulk run has events and nothing of writes, spans and ticks", () => {
  const sink = new MemorySink();
  made(SMALL_BUFFERS, sink, RECORD_BULK);
  const record = sink.record();
  expect(STREAM_NAMES.map((name) => record.columns[name][0]?.length)).toEqual([0, 0, 9_000, 0, 0]);
});
