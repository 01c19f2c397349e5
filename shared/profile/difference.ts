// The difference of two call trees: frames matched by their call path, each with both runs'
// weights.
// Promises: row 0 is the root of both; a frame of one run only has weight 0 in the other.
// From: merged trees of profile.ts.
import { TreeRows, type CallTree } from "./tree.ts";
import { placeOf } from "./functions.ts";

export interface TreeDifference {
  /** self is the larger of the two, total the sum of these below a frame. */
  readonly tree: CallTree;
  readonly totalA: Float64Array;
  readonly totalB: Float64Array;
  readonly selfA: Float64Array;
  readonly selfB: Float64Array;
}

interface Side {
  readonly total: number[];
  readonly self: number[];
  readonly count: number[];
}

const emptySide = (): Side => ({ total: [], self: [], count: [] });

/** Both trees must be merged: in time order a path is not one frame. */
export function treeDifference(a: CallTree, b: CallTree): TreeDifference {
  const names: string[] = [];
  const idOf = numbering(names);
  const rows = new TreeRows();
  const sideA = emptySide();
  const sideB = emptySide();
  place(a, rows, sideA, idOf);
  place(b, rows, sideB, idOf);
  const rowCount = rows.parent.length;
  const column = (values: readonly number[]) =>
    Float64Array.from({ length: rowCount }, (_, row) => values[row] ?? 0);
  const [totalA, totalB] = [column(sideA.total), column(sideB.total)];
  const [selfA, selfB] = [column(sideA.self), column(sideB.self)];
  for (let row = 0; row < rowCount; row++) {
    rows.self[row] = Math.max(selfA[row] ?? 0, selfB[row] ?? 0);
  }
  // Sums of the larger selfs, so that children never outgrow their parent on the flame's axis.
  const { total, start } = rows.totals(true);
  const count = Int32Array.from({ length: rowCount }, (_, row) =>
    Math.max(sideA.count[row] ?? 0, sideB.count[row] ?? 0),
  );
  const places = names.map((name) => placeOf(name));
  const tree: CallTree = {
    parent: Int32Array.from(rows.parent),
    fn: Int32Array.from(rows.fn),
    total,
    self: Float64Array.from(rows.self),
    count,
    start,
    functions: names,
    families: places.map((p) => p.family),
    files: places.map((p) => p.file),
    merged: true,
  };
  return { tree, totalA, totalB, selfA, selfB };
}

function numbering(names: string[]): (name: string) => number {
  const ids = new Map<string, number>();
  return (name) => {
    const known = ids.get(name);
    if (known !== undefined) return known;
    ids.set(name, names.length);
    return names.push(name) - 1;
  };
}

/** Adds one tree's frames to the common rows. */
function place(tree: CallTree, rows: TreeRows, side: Side, idOf: (name: string) => number): void {
  const common = new Int32Array(tree.parent.length);
  for (let row = 0; row < tree.parent.length; row++) {
    const name = tree.functions[tree.fn[row] ?? 0] ?? "";
    const to =
      row === 0
        ? rootOf(rows, idOf(name))
        : rows.child(common[tree.parent[row] ?? 0] ?? 0, idOf(name));
    common[row] = to;
    side.total[to] = (side.total[to] ?? 0) + (tree.total[row] ?? 0);
    side.self[to] = (side.self[to] ?? 0) + (tree.self[row] ?? 0);
    side.count[to] = (side.count[to] ?? 0) + (tree.count[row] ?? 0);
  }
}

function rootOf(rows: TreeRows, fn: number): number {
  rows.fn[0] = fn;
  return 0;
}
