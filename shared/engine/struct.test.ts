// Structs read back what was put, with and
// without generated code, and name their
// cells.
import { afterEach, expect, test, vi } from "vitest";
import { objectKind } from "./arena.ts";
import { createMachine } from "./checked.ts";
import { mutex, rwlock } from "./locks.ts";
import { SMALL_BUFFERS, type Machine } from "./machine.ts";
import { bit, int, list, local, pair, ref, struct, wide } from "./struct.ts";

const room = objectKind("room", 64);
const machine = (): Machine =>
  createMachine({
    objects: [{ kind: room, count: 1, fixed: true }],
    stack: 16,
    buffers: SMALL_BUFFERS,
  });

afterEach(() => vi.unstubAllGlobals());

/** The same declarations again: `struct` makes its class when it is called. */
function declared(suffix: string) {
  const inner = struct(`inner${suffix}`, { [`level${suffix}`]: int, gfn: wide });
  return struct(`outer${suffix}`, {
    flag: bit,
    addr: pair,
    gfn: wide,
    other: ref(inner),
    cellOnly: ref,
    iter: local(inner),
    slots: list(3, wide),
    guard: rwlock,
    owner: mutex,
  });
}

test.each(["generated", "closures"])("%s accessors read back what was put", (how) => {
  if (how === "closures") {
    vi.stubGlobal("Function", () => {
      throw new Error("generated code is forbidden");
    });
  }
  const outer = declared(how);
  const m = machine();
  const { base } = m.arena(room);
  const view = outer.at(m, base);
  view.flag = true;
  view.addr = { lo: -1, hi: 7 };
  view.addr.hi = 8;
  view.gfn = 2 ** 52 - 3;
  view.slots.set(2, 2 ** 32 + 5);
  view.iter.gfn = 0x8000_0001;
  view.other = view.iter;
  expect(view.flag).toBe(true);
  expect([view.addr.lo, view.addr.hi]).toEqual([-1, 8]);
  expect(view.gfn).toBe(2 ** 52 - 3);
  expect(view.slots.get(2)).toBe(2 ** 32 + 5);
  expect(view.other.gfn).toBe(0x8000_0001);
  expect(view.other.cell).toBe(base + outer.offsets.iter);
  expect(m.mem[base + outer.offsets.gfn]).toBe(-3);
  m.thread = 2 as typeof m.thread;
  view.guard.take("read");
  expect(view.guard.holders()).toBe(4);
  expect(view.owner.canTake("write")).toBe(true);
});

test("cells are named by field and part", () => {
  const outer = declared("names");
  const names = Array.from({ length: outer.size }, (_, i) => outer.nameCell(i));
  expect(names).toEqual([
    "flag",
    "addr.lo",
    "addr.hi",
    "gfn.lo",
    "gfn.hi",
    "other",
    "cellOnly",
    "iter.levelnames",
    "iter.gfn.lo",
    "iter.gfn.hi",
    "slots[0].lo",
    "slots[0].hi",
    "slots[1].lo",
    "slots[1].hi",
    "slots[2].lo",
    "slots[2].hi",
    "guard.state",
    "guard.holders",
    "owner",
  ]);
});

test("a field name must be an identifier", () => {
  expect(() => struct("s", { "a-b": int })).toThrow(/not an identifier/);
});
