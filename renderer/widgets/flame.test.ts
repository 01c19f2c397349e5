// What must hold of flame graphs: widths are time, nothing narrow is lost uncounted,
// and sums agree between the forms.
// From: flame-layout.ts, flame-tree.ts, flame-sandwich.ts.
import fc from "fast-check";
import { expect, test } from "vitest";
import { calleesOf, callersOf } from "./flame-sandwich.ts";
import { flameView, hitFlame, layoutFlame, quietLevels } from "./flame-layout.ts";
import type { FlameTree } from "./flame-tree.ts";
import { findFrames, functionTotals, indexFlame, neighbourFrame, pathOf } from "./flame-tree.ts";

// Rows as text: one frame a line, indented by depth, "name total self".
function treeOf(text: string): FlameTree {
  const rows: { parent: number; name: string; total: number; self: number; start: number }[] = [];
  const open: number[] = [];
  const next: number[] = [];
  for (const line of text.split("\n").filter((part) => part.trim() !== "")) {
    const depth = line.search(/\S/) / 2;
    const [name = "", total = "0", self = "0"] = line.trim().split(" ");
    const parent = depth === 0 ? -1 : (open[depth - 1] ?? -1);
    const start = depth === 0 ? 0 : (next[depth] ?? rows[parent]?.start ?? 0);
    open[depth] = rows.length;
    next[depth] = start + Number(total);
    next.length = depth + 1;
    rows.push({ parent, name, total: Number(total), self: Number(self), start });
  }
  const functions = [...new Set(rows.map((row) => row.name))];
  return {
    parent: Int32Array.from(rows, (row) => row.parent),
    fn: Int32Array.from(rows, (row) => functions.indexOf(row.name)),
    total: Float64Array.from(rows, (row) => row.total),
    self: Float64Array.from(rows, (row) => row.self),
    count: new Int32Array(rows.length).fill(1),
    start: Float64Array.from(rows, (row) => row.start),
    functions,
    families: functions.map(() => "mmu"),
    files: functions.map(() => "mmu.c"),
  };
}

const FAULT = treeOf(`
fault 100 10
  faultin 60 20
    gup 40 40
  map 30 20
    gup 10 10
`);

test("a frame's width is its share of the view and its children lie under it", () => {
  const index = indexFlame(FAULT);
  const view = flameView(FAULT, 0, { width: 1000, frame: 18, firstLevel: 0 });
  const shapes = layoutFlame(FAULT, index, view);
  const widths = Array.from(shapes.width.subarray(0, shapes.size));
  expect(widths).toEqual([1000, 600, 300, 400, 100]);
  expect(hitFlame(shapes, view, 650, 18 * 2 + 3)).toBe(4);
  expect(hitFlame(shapes, view, 500, 18 * 2 + 3)).toBeNull();
  expect(hitFlame(shapes, view, 10, 900)).toBeNull();
});

test("zoomed to a frame, it fills the width and its ancestors stay above it", () => {
  const view = flameView(FAULT, 3, { width: 300, frame: 18, firstLevel: 0 });
  const shapes = layoutFlame(FAULT, indexFlame(FAULT), view);
  expect(Array.from(shapes.row.subarray(0, shapes.size))).toEqual([0, 3, 4]);
  expect(Array.from(shapes.width.subarray(0, shapes.size))).toEqual([300, 300, 100]);
});

test("every frame of a level is drawn or counted as merged, whatever the widths", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.001, max: 50, noNaN: true }), { minLength: 1, maxLength: 400 }),
      fc.integer({ min: 10, max: 300 }),
      (weights, width) => {
        const total = weights.reduce((a, b) => a + b, 0);
        const frames = weights.map((weight, n) => `  c${n} ${weight} ${weight}`);
        const tree = treeOf([`r ${total} 0`, ...frames].join("\n"));
        const view = flameView(tree, 0, { width, frame: 18, firstLevel: 0 });
        const shapes = layoutFlame(tree, indexFlame(tree), view);
        const drawn = shapes.row.subarray(0, shapes.size).filter((row) => row >= 0).length;
        expect(drawn + shapes.merged).toBe(weights.length + 1);
        expect(shapes.size).toBeLessThanOrEqual(2 * width + 2);
      },
    ),
  );
});

test("frames that say nothing are left out at the top, never a level with a choice", () => {
  const tree = treeOf("run 9 0\n  step 9 0\n    fault 9 9");
  const index = indexFlame(tree);
  expect(quietLevels(index, (row) => row < 2)).toBe(2);
  expect(quietLevels(index, () => false)).toBe(0);
  expect(quietLevels(indexFlame(FAULT), () => true)).toBe(1);
  const view = flameView(tree, 0, { width: 100, frame: 18, firstLevel: 2 });
  expect(hitFlame(layoutFlame(tree, index, view), view, 5, 5)).toBe(2);
});

test("arrow keys walk the tree and stop at its edges", () => {
  const index = indexFlame(FAULT);
  expect(neighbourFrame(FAULT, index, 0, "parent")).toBe(0);
  expect(neighbourFrame(FAULT, index, 0, "child")).toBe(1);
  expect(neighbourFrame(FAULT, index, 1, "next")).toBe(3);
  expect(neighbourFrame(FAULT, index, 3, "previous")).toBe(1);
  expect(neighbourFrame(FAULT, index, 4, "child")).toBe(4);
  expect(pathOf(FAULT, 4)).toEqual([0, 3, 4]);
});

test("finding ignores case and lists frames from the root down", () => {
  expect(findFrames(FAULT, indexFlame(FAULT), "GUP")).toEqual([2, 4]);
  expect(findFrames(FAULT, indexFlame(FAULT), " ")).toEqual([]);
});

test("totals per function count recursion once", () => {
  const tree = treeOf("a 10 2\n  b 8 3\n    a 5 5");
  expect(functionTotals(tree)).toEqual([
    { fn: 0, self: 7, total: 10, count: 2 },
    { fn: 1, self: 3, total: 8, count: 1 },
  ]);
});

test("callers and callees of a function hold its whole time", () => {
  const gup = FAULT.functions.indexOf("gup");
  const callers = callersOf(FAULT, gup);
  expect(callers.total[0]).toBe(50);
  const names = Array.from(callers.fn, (fn) => FAULT.functions[fn]);
  expect(names).toEqual(["gup", "faultin", "map", "fault", "fault"]);
  expect(Array.from(callers.total)).toEqual([50, 40, 10, 40, 10]);
  const callees = calleesOf(FAULT, FAULT.functions.indexOf("map"));
  expect(Array.from(callees.total)).toEqual([30, 10]);
  expect(callees.self[0]).toBe(20);
});
