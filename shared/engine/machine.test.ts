// Laws of cells: undo is the inverse of doing, digests are
// sums over cells, objects come lowest first and go as
// zeroes.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nameOf, objectKind } from "./arena.ts";
import { createMachine } from "./checked.ts";
import { digestText } from "./digest.ts";
import { EngineFault } from "./faults.ts";
import {
  CONTINUED,
  EVENT_COLUMNS,
  RECORD_FULL,
  RECORD_SEARCH,
  SMALL_BUFFERS,
  type Cell,
  type Machine,
} from "./machine.ts";

const block = objectKind("block", 8, (offset) => `field${offset}`);
const board = objectKind("board", 64);
const COUNT = 1_200;

function small(checks = false): Machine {
  return createMachine({
    objects: [
      { kind: board, count: 1, fixed: true },
      { kind: block, count: COUNT },
    ],
    stack: 16,
    buffers: SMALL_BUFFERS,
    events: { arity: [3, 8, 14] },
    checks,
  });
}

/** One change of a random history. */
type Change =
  | { kind: "put"; cell: number; value: number }
  | { kind: "alloc" }
  | { kind: "free"; index: number };

const anyChange: fc.Arbitrary<Change> = fc.oneof(
  fc.record({
    kind: fc.constant("put" as const),
    cell: fc.nat(63),
    value: fc.integer({ min: -3, max: 3 }),
  }),
  fc.record({ kind: fc.constant("alloc" as const) }),
  fc.record({ kind: fc.constant("free" as const), index: fc.nat(40) }),
);

function apply(m: Machine, changes: readonly Change[]): void {
  const arena = m.arena(block);
  for (const change of changes) {
    if (change.kind === "put") m.put(m.arena(board).base + change.cell, change.value);
    else if (change.kind === "alloc") m.put(m.alloc(block) + 3, 7);
    else if (arena.isLive(m, change.index)) m.free(arena.at(change.index), block);
  }
}

test("undo is the inverse of any history, in every cell and in the digest", () => {
  fc.assert(
    fc.property(fc.array(anyChange), fc.array(anyChange), (before, after) => {
      const m = small();
      m.setRecord(RECORD_SEARCH);
      apply(m, before);
      const [mark, cells, digest] = [m.mark(), m.mem.slice(), digestText(m.digest())];
      apply(m, after);
      m.undo(mark);
      expect(m.mem).toEqual(cells);
      expect(digestText(m.digest())).toBe(digest);
    }),
    { numRuns: 60 },
  );
});

test("a digest depends on the cells alone, not on the way there", () => {
  const puts = fc.uniqueArray(fc.tuple(fc.nat(63), fc.integer()), { selector: ([cell]) => cell });
  fc.assert(
    fc.property(puts, fc.integer(), (list, detour) => {
      const digestOf = (order: readonly (readonly [number, number])[], extra: boolean): string => {
        const m = small();
        m.setRecord(RECORD_SEARCH);
        const { base } = m.arena(board);
        if (extra) for (const [cell] of order) m.put(base + cell, detour);
        for (const [cell, value] of order) m.put(base + cell, value);
        return digestText(m.digest());
      };
      expect(digestOf(list.toReversed(), true)).toBe(digestOf(list, false));
    }),
    { numRuns: 60 },
  );
});

test("2^18 structured states have different digests", () => {
  const m = small();
  m.setRecord(RECORD_SEARCH);
  const { base } = m.arena(board);
  const seen = new Set<string>();
  for (let state = 0; state < 1 << 18; state++) {
    // An odometer of nine counters from 0 to 3: the shape of a protocol's fields.
    for (let i = 0; i < 9; i++) m.put(base + i, (state >> (2 * i)) & 3);
    m.logCount = 0;
    seen.add(digestText(m.digest()));
  }
  expect(seen.size).toBe(1 << 18);
});

test("a put of the same value leaves no row", () => {
  const m = small();
  m.setRecord(RECORD_SEARCH);
  const { base } = m.arena(board);
  m.put(base, 5);
  m.put(base, 5);
  expect(m.logCount).toBe(1);
});

test("objects come lowest index first, whatever was freed before, and freed ones are zero", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(1_099), { nil: null }), { maxLength: 80 }), (history) => {
      const m = small();
      const arena = m.arena(block);
      const live = new Set<number>();
      for (let i = 0; i < 1_050; i++) live.add(arena.indexOf(arena.alloc(m)));
      for (const freed of history) {
        if (freed !== null && live.delete(freed)) m.free(arena.at(freed), block);
        if (freed !== null) continue;
        const cell = m.alloc(block);
        let lowest = 0;
        while (live.has(lowest)) lowest++;
        expect(arena.indexOf(cell)).toBe(lowest);
        expect(m.mem.slice(cell, cell + 8)).toEqual(new Int32Array(8));
        live.add(lowest);
        m.put(cell + 5, 9);
      }
      expect([...arena.live(m)].map((cell) => arena.indexOf(cell))).toEqual(
        [...live].sort((a, b) => a - b),
      );
    }),
    { numRuns: 25 },
  );
});

test("a kind is full at its count, and a reset empties it", () => {
  const m = small();
  for (let i = 0; i < COUNT; i++) m.put(m.alloc(block), 1);
  expect(() => m.alloc(block)).toThrow(EngineFault);
  m.reset();
  expect(m.mem.every((value) => value === 0)).toBe(true);
  expect(m.arena(block).indexOf(m.alloc(block))).toBe(0);
});

test("300,000 reserved tables cost nothing until touched, and the last one is found", () => {
  const tables = objectKind("tables", 1024);
  const m = createMachine({ objects: [{ kind: tables, count: 300_000 }], buffers: SMALL_BUFFERS });
  const arena = m.arena(tables);
  for (let i = 0; i < 300_000; i++) arena.alloc(m);
  m.free(arena.at(299_999), tables);
  expect(arena.indexOf(m.alloc(tables))).toBe(299_999);
});

describe("a checked machine refuses", () => {
  test("a put into a freed object", () => {
    const m = small(true);
    const cell = m.alloc(block);
    m.put(cell, 1);
    m.free(cell, block);
    expect(() => m.put(cell, 1)).toThrow(/not allocated/);
  });
  test("a put at cell 0", () => {
    expect(() => small(true).put(0, 1)).toThrow(/outside the machine/);
  });
  test("a put of what is no number", () => {
    const m = small(true);
    expect(() => m.put(m.alloc(block), Number.NaN)).toThrow(/not-a-number/);
  });
  test("a second free", () => {
    const m = small(true);
    const cell = m.alloc(block);
    m.free(cell, block);
    expect(() => m.free(cell, block)).toThrow(/not allocated/);
  });
});

test("cells have names by kind, index and field", () => {
  const m = small();
  const cell = m.arena(block).at(4) + 3;
  expect(nameOf(m, cell)).toEqual({ object: "block", index: 4, field: "field3", offset: 3 });
  expect(nameOf(m, 70 as Cell)).toBeNull();
});

describe("events", () => {
  const fieldsOf = (m: Machine, row: number): number[] =>
    Array.from({ length: EVENT_COLUMNS }, (_, i) => m.eventRows[i * m.eventCapacity + row] ?? 0);
  test("more than six fields take the following row, more than twelve a third", () => {
    const m = small();
    m.setRecord(RECORD_FULL);
    m.emit(0, 1, 2, 3);
    m.emit(1, 1, 2, 3, 4, 5, 6, 7, 8);
    m.emitList(2, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
    expect(m.eventCount).toBe(6);
    expect(fieldsOf(m, 0)).toEqual([0, 0, 0, 1, 2, 3, 0, 0, 0]);
    expect(fieldsOf(m, 2)).toEqual([0, CONTINUED, 0, 7, 8, 0, 0, 0, 0]);
    expect(fieldsOf(m, 5)).toEqual([0, CONTINUED, 0, 13, 14, 0, 0, 0, 0]);
  });
  test("the number of fields must be that of the table", () => {
    const m = small();
    m.setRecord(RECORD_FULL);
    expect(() => m.emitList(0, [1])).toThrow(/number of fields/);
    expect(() => m.emit(9, 1)).toThrow(/number of fields/);
  });
});
