// The bench's workload: the shape of one two-dimensional-paging fault, as spine routines and as
// plain functions. 20 acts in 12 nested routines, three plain routines an act, some 42 writes, 8
// events of one row each, 72 spans. Both executors run the same acts on the same cells; only the
// nesting differs.
import { objectKind } from "./arena.ts";
import { createMachine } from "./checked.ts";
import { link } from "./link.ts";
import type { Cell, Machine } from "./machine.ts";
import { routine, type SpineRoutine } from "./routine.ts";
import { int, pair, ref, struct, wide, type View } from "./struct.ts";
import { act, call, done, loop, leave, set, when, type Word } from "./words.ts";

const faultFields = {
  addr: pair,
  gfn: wide,
  slot: ref,
  pfn: wide,
  level: int,
  seq: int,
  count: int,
};
const fault = struct("bench_fault", faultFields);
type Fault = View<typeof faultFields>;
const faults = objectKind("fault", fault.size, fault.nameCell);
const table = objectKind("table", 1024);
const pages = objectKind("pages", 4 * 4096);

export interface Workload {
  readonly m: Machine;
  readonly spine: SpineRoutine;
  /** Runs that many faults without rows. */
  plain(count: number): void;
  readonly fault: Cell;
  readonly table: Cell;
}

const entry = routine("entry", (m: Machine, f: Fault, at: number) => {
  const cell = at + ((f.gfn * 2) & 1022);
  const old = m.mem[cell] as number;
  m.put(cell, (old ^ f.level) + 1);
  return old;
});
const count = routine("count", (m: Machine, f: Fault, at: number) => {
  const page = at + (f.gfn & 4095) * 4;
  m.put(page, (m.mem[page] as number) + 1);
  return m.mem[page] as number;
});
const note = routine("note", (_m: Machine, f: Fault, value: number) => {
  if ((value & 1) === 1) f.seq = value;
  return f.seq;
});

/** One act of the fault; every third emits. */
function step(m: Machine, f: Fault, at: { table: number; pages: number }, k: number): number {
  const before = entry(m, f, at.table);
  const refs = count(m, f, at.pages);
  const seq = note(m, f, before + refs);
  if (k % 5 < 2) m.emit(0, k, f.gfn, before, refs, seq, f.addr.lo);
  return refs > 0 ? 1 : 0;
}

const DEPTH = 12;
/** Levels whose routine has a second act, after its call. */
const hasSecond = (level: number): boolean => level >= DEPTH - 8;

function nested(m: Machine, at: { table: number; pages: number }, cell: Cell): SpineRoutine {
  let inner: SpineRoutine | null = null;
  for (let level = DEPTH - 1; level >= 0; level--) {
    const below = inner;
    inner = routine(`spine${level}`, { fault: ref(fault), r: int, x: int }, (own) => {
      const body: Word[] = [
        act("A", () => {
          own.r = step(m, own.fault, at, level);
        }),
        when(() => own.r === 0, [done("r")]),
      ];
      if (below !== null) {
        body.push(
          call(below, { fault: "fault", x: "r" }, "r"),
          when(() => own.r < 0, [done("r")]),
        );
      }
      if (hasSecond(level)) {
        body.push(
          act("B", () => {
            own.r = step(m, own.fault, at, level + 1);
          }),
        );
      }
      return [...body, done("r")];
    }) as unknown as SpineRoutine;
  }
  const top = inner as SpineRoutine;
  const next = (f: Fault): void => {
    f.gfn = (f.gfn + 1) & 0xffff;
  };
  return routine("bench", { left: int, r: int }, (own) => {
    const f = fault.at(m, cell);
    return [
      loop(
        call(top, { fault: cell, x: 0 }, "r"),
        set("left", () => own.left - 1),
        when(() => own.left === 0, [leave]),
        act("N", () => next(f)),
      ),
      done(),
    ];
  }) as unknown as SpineRoutine;
}

type Level = (m: Machine, f: Fault, x: number) => number;

function flat(at: { table: number; pages: number }): Level {
  let inner: Level | null = null;
  for (let level = DEPTH - 1; level >= 0; level--) {
    const below = inner;
    inner = routine(`plain${level}`, (m: Machine, f: Fault, _x: number) => {
      let r = step(m, f, at, level);
      if (r === 0) return r;
      if (below !== null) {
        r = below(m, f, r);
        if (r < 0) return r;
      }
      if (hasSecond(level)) r = step(m, f, at, level + 1);
      return r;
    });
  }
  return inner as Level;
}

export function workload(): Workload {
  const m = createMachine({
    objects: [
      { kind: faults, count: 1, fixed: true },
      { kind: table, count: 1, fixed: true },
      { kind: pages, count: 1, fixed: true },
    ],
    events: { arity: [6] },
  });
  const at = { table: m.arena(table).base as number, pages: m.arena(pages).base as number };
  const cell = m.arena(faults).base;
  const spine = nested(m, at, cell);
  link(m, [spine]);
  const top = flat(at);
  return {
    m,
    spine,
    fault: cell,
    table: m.arena(table).base,
    plain(faultCount) {
      const f = fault.at(m, cell);
      for (let i = 0; i < faultCount; i++) {
        top(m, f, 0);
        f.gfn = (f.gfn + 1) & 0xffff;
      }
    },
  };
}
