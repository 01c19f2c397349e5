// What must hold of the page-table picture: nothing overlaps, lines go where the walk goes.
// Walks are made by hand; the picture's own units need no browser.
// From: the page tables of the run workspace.
import { expect, test } from "vitest";
import type { LevelView, TreeKey } from "#shared/contract/state";
import { layoutWalk, moveCursor, shortHex, stripRuns } from "./walk-layout.ts";

function level(n: number, index: number, count = 1): LevelView {
  const entries = Array.from({ length: count }, (_, k) => ({
    index: count === 1 ? index : k,
    value: "1027",
    text: "0x1027",
    state: n === 1 ? ("W" as const) : ("T" as const),
    huge: false,
    changed: false,
  }));
  const strip = new Uint8Array(512);
  return { level: n, name: `L${n}`, table: "1000", index, strip, entries, note: "" };
}
const LEVELS = () => [level(4, 0), level(3, 1), level(2, 128), level(1, 1, 5)];
const tree = (key: TreeKey, levels = LEVELS()) => ({
  key,
  title: key,
  address: "gva 0x1000",
  levels,
});
const trees = () => [tree("guest"), tree("tdp"), tree("host")];
const size = { width: 678, height: 470 };

test("columns stand side by side inside the picture, rows of a tree do not overlap", () => {
  const shapes = layoutWalk({ trees: trees(), ends: null, reachesPage: true }, size);
  let right = 0;
  for (const box of shapes.trees) {
    expect(box.x).toBeGreaterThan(right);
    right = box.x + box.width;
    let bottom = 0;
    for (const row of box.levels.flatMap((each) => each.entries)) {
      expect(row.y).toBeGreaterThanOrEqual(bottom);
      bottom = row.y + row.height;
    }
    expect(bottom).toBeLessThan(shapes.pageBar.y);
  }
  expect(right).toBeLessThanOrEqual(shapes.width);
});

test("a low pane squeezes the levels, never below what can be read", () => {
  const high = layoutWalk({ trees: trees(), ends: null, reachesPage: true }, size);
  const walk = { trees: trees(), ends: null, reachesPage: true };
  const low = layoutWalk(walk, { ...size, height: 200 });
  expect(low.height).toBeLessThan(high.height);
  expect(low.trees[0]?.levels[1]?.entries[0]?.y).toBeGreaterThan(
    low.trees[0]?.levels[1]?.stripY ?? Infinity,
  );
});

test("a full walk has a bend per level, a way to the next tree, a dashed head and two ends", () => {
  const { lines } = layoutWalk({ trees: trees(), ends: null, reachesPage: true }, size);
  expect(lines.filter((line) => line.style === "solid")).toHaveLength(9 + 1 + 2);
  expect(lines.filter((line) => line.style === "dashed")).toHaveLength(1);
});

test("where the walk ends, its line is of the ending kind and says so", () => {
  const ends = { tree: "tdp" as const, level: 1, sentence: "not present" };
  const shapes = layoutWalk({ trees: trees(), ends, reachesPage: false }, size);
  expect(shapes.lines.filter((line) => line.style === "ends")).toHaveLength(1);
  expect(shapes.endNote?.text).toBe("the walk ends here");
});

test("below a missing table no line is drawn", () => {
  const missing = { ...level(1, 0), table: null, entries: [] };
  const cut = tree("tdp", [level(4, 0), level(3, 1), level(2, 0), missing]);
  const shapes = layoutWalk({ trees: [cut], ends: null, reachesPage: false }, size);
  expect(shapes.lines.filter((line) => line.style === "solid")).toHaveLength(2);
});

test("trees of unlike depth stand on the same floor", () => {
  const deep = tree("tdp", [level(5, 0), level(4, 0), level(3, 1), level(2, 0), level(1, 1, 5)]);
  const shapes = layoutWalk({ trees: [tree("guest"), deep], ends: null, reachesPage: true }, size);
  expect(shapes.trees[0]?.levels.at(-1)?.y).toBe(shapes.trees[1]?.levels.at(-1)?.y);
});

test("a strip joins equal neighbours and shows even a single entry", () => {
  const strip = new Uint8Array(512);
  strip.fill(2, 0, 256);
  strip[300] = 1;
  const runs = stripRuns(strip, 512);
  expect(runs).toEqual([
    { x: 0, width: 256, state: "W" },
    { x: 300, width: 1.2, state: "T" },
  ]);
});

test("arrow keys reach every entry and stop at the edges", () => {
  const shapes = layoutWalk({ trees: trees(), ends: null, reachesPage: true }, size);
  let cursor = { tree: 0, level: 0, row: 0 };
  for (let n = 0; n < 7; n++) cursor = moveCursor(shapes, cursor, "down");
  expect(cursor).toEqual({ tree: 0, level: 3, row: 4 });
  expect(moveCursor(shapes, cursor, "down")).toEqual(cursor);
  expect(moveCursor(shapes, cursor, "right")).toEqual({ tree: 1, level: 3, row: 4 });
  const start = { tree: 0, level: 0, row: 0 };
  expect(moveCursor(shapes, start, "left")).toEqual(start);
});

test("a shortened value keeps its first digit and its low digits", () => {
  expect(shortHex("0x8000_0000_06ee_1227", 14)).toBe("0x8..6ee_1227");
  expect(shortHex("0x6ee_1227", 14)).toBe("0x6ee_1227");
  expect(shortHex("not present", 4)).toBe("not present");
});
