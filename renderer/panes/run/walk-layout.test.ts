// What must hold of the page-table picture: nothing overlaps, lines go where the walk goes.
// Walks are made by hand; the picture's own units need no browser.
// From: the page tables of the run workspace.
import { expect, test } from "vitest";
import type { LevelView, TreeKey } from "#shared/contract/state";
import { aboutText, layoutWalk, moveCursor, shortHex, stripRuns } from "./walk-layout.ts";

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
  return { level: n, name: `L${n}`, table: "1000", about: "", index, strip, entries, note: "" };
}
const LEVELS = () => [level(4, 0), level(3, 1), level(2, 128), level(1, 1, 5)];
const tree = (key: TreeKey, levels = LEVELS()) => ({
  key,
  title: key,
  maps: "gva to gpa",
  address: "gva 0x1000",
  levels,
});
const trees = () => [tree("guest"), tree("tdp"), tree("host")];
const size = { width: 678, height: 470 };

test("columns stand side by side inside the picture, rows of a tree do not overlap", () => {
  const shapes = layoutWalk(
    { trees: trees(), ends: null, reachesPage: true, hostReachesPage: true, through: "" },
    size,
  );
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
  const high = layoutWalk(
    { trees: trees(), ends: null, reachesPage: true, hostReachesPage: true, through: "" },
    size,
  );
  const walk = {
    trees: trees(),
    ends: null,
    reachesPage: true,
    hostReachesPage: true,
    through: "",
  };
  const low = layoutWalk(walk, { ...size, height: 200 });
  expect(low.height).toBeLessThan(high.height);
  expect(low.trees[0]?.levels[1]?.entries[0]?.y).toBeGreaterThan(
    low.trees[0]?.levels[1]?.stripY ?? Infinity,
  );
});

test("a full walk has a bend per level, a way to the next tree, a dashed head and two ends", () => {
  const { lines } = layoutWalk(
    { trees: trees(), ends: null, reachesPage: true, hostReachesPage: true, through: "" },
    size,
  );
  expect(lines.filter((line) => line.style === "solid")).toHaveLength(9 + 1 + 2);
  expect(lines.filter((line) => line.style === "dashed")).toHaveLength(1);
});

test("where the walk ends, its line is of the ending kind and says so", () => {
  const ends = { tree: "tdp" as const, level: 1, sentence: "not present" };
  const shapes = layoutWalk(
    { trees: trees(), ends, reachesPage: false, hostReachesPage: false, through: "" },
    size,
  );
  expect(shapes.lines.filter((line) => line.style === "ends")).toHaveLength(1);
  expect(shapes.endNote?.text).toBe("the walk ends here");
});

test("a host entry that leads to another page, or to none, has no line to the page", () => {
  const walk = { trees: trees(), ends: null, reachesPage: true, through: "" };
  const lines = (hostReachesPage: boolean) =>
    layoutWalk({ ...walk, hostReachesPage }, size).lines.length;
  expect(lines(true) - lines(false)).toBe(1);
});

test("below a missing table no line is drawn", () => {
  const missing = { ...level(1, 0), table: null, entries: [] };
  const cut = tree("tdp", [level(4, 0), level(3, 1), level(2, 0), missing]);
  const shapes = layoutWalk(
    { trees: [cut], ends: null, reachesPage: false, hostReachesPage: false, through: "" },
    size,
  );
  expect(shapes.lines.filter((line) => line.style === "solid")).toHaveLength(2);
});

test("trees of unlike depth stand on the same floor", () => {
  const deep = tree("tdp", [level(5, 0), level(4, 0), level(3, 1), level(2, 0), level(1, 1, 5)]);
  const shapes = layoutWalk(
    {
      trees: [tree("guest"), deep],
      ends: null,
      reachesPage: true,
      hostReachesPage: true,
      through: "",
    },
    size,
  );
  expect(shapes.trees[0]?.levels.at(-1)?.y).toBe(shapes.trees[1]?.levels.at(-1)?.y);
});

const shadowTrees = () => {
  const levels = LEVELS().map((each) => ({ ...each, about: "gfn 0x6, wux, unsync" }));
  return [tree("guest"), tree("shadow", levels), tree("host")];
};
const shadowWalk = {
  ends: null,
  reachesPage: true,
  hostReachesPage: true,
  through: "gpa 0x1000, slot 0",
};

test("shadow tables begin at the gva, and the guest's leaf leads past them to the host's", () => {
  const shapes = layoutWalk({ trees: shadowTrees(), ...shadowWalk }, size);
  const [guest, shadow, host] = shapes.trees;
  const heads = shapes.lines.filter((line) => line.style === "dashed");
  expect(heads).toHaveLength(2);
  const [same, past] = heads.map(({ path }) => path);
  expect(same).toContain(`H${(shadow?.x ?? 0) - 5}`);
  expect(past).toContain(`H${(host?.x ?? 0) - 5}`);
  // From the guest's entry, under the shadow's last row, never across a tree.
  const leaf = guest?.levels.at(-1)?.entries.find((entry) => entry.isOnWalk);
  expect(past).toContain(`M${(guest?.x ?? 0) + (guest?.width ?? 0) + 1} ${(leaf?.y ?? 0) + 9.5}`);
  const rows = shadow?.levels.at(-1)?.entries ?? [];
  const bottom = Math.max(...rows.map(({ y, height }) => y + height));
  const note = shapes.throughNote;
  expect(note?.text).toBe("gpa 0x1000, slot 0");
  expect((note?.y ?? 0) - 8).toBeGreaterThan(bottom);
  expect(note?.y ?? Infinity).toBeLessThan(shapes.pageBar.y - 21);
});

test("what is said of a shadow page has a row of its own between name and strip", () => {
  const shapes = layoutWalk({ trees: shadowTrees(), ...shadowWalk }, { ...size, height: 200 });
  for (const box of shapes.trees) {
    let bottom = 0;
    for (const each of box.levels) {
      expect(each.y - 10).toBeGreaterThanOrEqual(bottom);
      expect(each.aboutY - each.y).toBeGreaterThanOrEqual(12);
      expect(each.stripY).toBeGreaterThan(each.aboutY + 2);
      bottom = Math.max(...each.entries.map(({ y, height }) => y + height));
    }
    expect(bottom).toBeLessThan(shapes.pageBar.y);
  }
});

test("in a narrow picture the texts of shadow tables keep inside their tree", () => {
  const walk = { trees: shadowTrees(), ...shadowWalk, through: "gpa 0x1000_5000, slot 1" };
  const shapes = layoutWalk(walk, { ...size, width: 490 });
  const [, shadow] = shapes.trees;
  const level = shadow?.levels[0];
  if (shadow === undefined || level === undefined) throw new Error("no shadow tree");
  const about = "direct, gfn 0x1_0000, wux";
  const text = aboutText(shadow, { ...level, level: { ...level.level, about } });
  expect(text).toMatch(/^direct, gfn 0x1_00\S*\.\.$/);
  expect(shapes.throughNote?.text).toBe("gpa 0x1000_5000");
  for (const shown of [text, shapes.throughNote?.text ?? ""])
    expect(shown.length * 6.4).toBeLessThanOrEqual(shadow.width);
});

test("a guest that does not reach a page leads nowhere", () => {
  const shapes = layoutWalk({ trees: shadowTrees(), ...shadowWalk, through: "" }, size);
  expect(shapes.lines.filter((line) => line.style === "dashed")).toHaveLength(1);
  expect(shapes.throughNote).toBeNull();
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
  const shapes = layoutWalk(
    { trees: trees(), ends: null, reachesPage: true, hostReachesPage: true, through: "" },
    size,
  );
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
