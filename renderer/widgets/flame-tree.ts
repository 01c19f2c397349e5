// Call trees as columns: the index by depth that drawing needs, and the trees derived from one.
// Row 0 is the root and a parent's row comes before its children's; nothing here is reactive.
// From: the profile columns of the contract; sandwich views follow speedscope's idea of callers
// and callees.

/** The columns of a call tree. `start` is a frame's offset on the axis, in the weight's unit. */
export interface FlameTree {
  readonly parent: Int32Array;
  readonly fn: Int32Array;
  readonly total: Float64Array;
  readonly self: Float64Array;
  readonly count: Int32Array;
  readonly start: Float64Array;
  readonly functions: readonly string[];
  readonly families: readonly string[];
  readonly files: readonly string[];
}

/** Rows of each depth in the order of their starts, and the depth of each row. */
export interface FlameIndex {
  readonly levels: readonly Int32Array[];
  readonly depth: Uint16Array;
  readonly firstChild: Int32Array; // -1: none
}

const MAX_DEPTH = 512;

export function indexFlame(tree: FlameTree): FlameIndex {
  const rows = tree.parent.length;
  const depth = new Uint16Array(rows);
  const counts: number[] = [];
  for (let row = 0; row < rows; row++) {
    const parent = tree.parent[row] ?? -1;
    const level = parent < 0 || parent >= row ? 0 : Math.min((depth[parent] ?? 0) + 1, MAX_DEPTH);
    depth[row] = level;
    counts[level] = (counts[level] ?? 0) + 1;
  }
  const levels = counts.map((count) => new Int32Array(count));
  const filled = new Int32Array(counts.length);
  for (let row = 0; row < rows; row++) {
    const level = depth[row] ?? 0;
    const place = filled[level] ?? 0;
    const list = levels[level];
    if (list !== undefined) list[place] = row;
    filled[level] = place + 1;
  }
  const startOf = (row: number): number => tree.start[row] ?? 0;
  for (const list of levels) {
    if (!isSorted(list, startOf)) list.sort((a, b) => startOf(a) - startOf(b));
  }
  return { levels, depth, firstChild: firstChildren(tree, levels) };
}

function isSorted(list: Int32Array, key: (row: number) => number): boolean {
  for (let n = 1; n < list.length; n++) if (key(list[n - 1] ?? 0) > key(list[n] ?? 0)) return false;
  return true;
}

function firstChildren(tree: FlameTree, levels: readonly Int32Array[]): Int32Array {
  const first = new Int32Array(tree.parent.length).fill(-1);
  for (const list of levels) {
    for (const row of list) {
      const parent = tree.parent[row] ?? -1;
      if (parent >= 0 && first[parent] === -1) first[parent] = row;
    }
  }
  return first;
}

/** Rows from the root to `row`, the root first. */
export function pathOf(tree: FlameTree, row: number): number[] {
  const path: number[] = [];
  for (let at = row; at >= 0 && path.length <= MAX_DEPTH; at = tree.parent[at] ?? -1) path.push(at);
  return path.reverse();
}

export type FlameMove = "parent" | "child" | "next" | "previous";

/** Where an arrow key goes from a row; the row itself when there is nothing. */
export function neighbourFrame(
  tree: FlameTree,
  index: FlameIndex,
  row: number,
  move: FlameMove,
): number {
  if (move === "parent") return Math.max(tree.parent[row] ?? row, 0);
  if (move === "child") {
    const child = index.firstChild[row] ?? -1;
    return child < 0 ? row : child;
  }
  const list = index.levels[index.depth[row] ?? 0];
  const place = list?.indexOf(row) ?? -1;
  return list?.[place + (move === "next" ? 1 : -1)] ?? row;
}

/** Rows whose function contains the text, in drawing order; letter case does not matter. */
export function findFrames(tree: FlameTree, index: FlameIndex, text: string): number[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return [];
  const matches = tree.functions.map((name) => name.toLowerCase().includes(wanted));
  const found: number[] = [];
  for (const list of index.levels) {
    for (const row of list) if (matches[tree.fn[row] ?? -1] === true) found.push(row);
  }
  return found;
}

interface FunctionTotal {
  readonly fn: number;
  readonly self: number;
  readonly total: number;
  readonly count: number;
}

/** Self, total and calls of each function, largest self first; recursion counts once in totals. */
export function functionTotals(tree: FlameTree): FunctionTotal[] {
  const self = new Float64Array(tree.functions.length);
  const total = new Float64Array(tree.functions.length);
  const count = new Float64Array(tree.functions.length);
  for (let row = 0; row < tree.parent.length; row++) {
    const fn = tree.fn[row] ?? 0;
    self[fn] = (self[fn] ?? 0) + (tree.self[row] ?? 0);
    count[fn] = (count[fn] ?? 0) + (tree.count[row] ?? 0);
    if (!hasAncestor(tree, row, fn)) total[fn] = (total[fn] ?? 0) + (tree.total[row] ?? 0);
  }
  const rows = Array.from(tree.functions, (_, fn) => ({
    fn,
    self: self[fn] ?? 0,
    total: total[fn] ?? 0,
    count: count[fn] ?? 0,
  }));
  return rows
    .filter((entry) => entry.count > 0 || entry.total > 0)
    .sort((a, b) => b.self - a.self || b.total - a.total || a.fn - b.fn);
}

function hasAncestor(tree: FlameTree, row: number, fn: number): boolean {
  let at = tree.parent[row] ?? -1;
  for (let steps = 0; at >= 0 && steps < MAX_DEPTH; steps++) {
    if (tree.fn[at] === fn) return true;
    at = tree.parent[at] ?? -1;
  }
  return false;
}
