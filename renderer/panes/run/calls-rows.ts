// The rows of the call tree that are unfolded, in order. Pure.
// A row knows its depth and whether it can be unfolded; nothing is built for what is folded.
// From: the Calls tab of the event table.
import type { FlameIndex, FlameTree } from "../../widgets/flame-tree.ts";

interface CallRow {
  readonly row: number;
  readonly depth: number;
  readonly hasChildren: boolean;
  readonly isOpen: boolean;
}

const MOST_ROWS = 100_000;

/** Rows below the root, parents first; `open` holds the rows that are unfolded. */
export function callRows(tree: FlameTree, index: FlameIndex, open: ReadonlySet<number>): CallRow[] {
  const children = childLists(tree, index);
  const rows: CallRow[] = [];
  const stack = [...(children.get(0) ?? [])].reverse();
  while (stack.length > 0 && rows.length < MOST_ROWS) {
    const row = stack.pop();
    if (row === undefined) break;
    const below = children.get(row) ?? [];
    const isOpen = open.has(row) && below.length > 0;
    rows.push({ row, depth: (index.depth[row] ?? 1) - 1, hasChildren: below.length > 0, isOpen });
    if (isOpen) for (let n = below.length - 1; n >= 0; n--) stack.push(below[n] ?? 0);
  }
  return rows;
}

function childLists(tree: FlameTree, index: FlameIndex): Map<number, number[]> {
  const lists = new Map<number, number[]>();
  for (const level of index.levels) {
    for (const row of level) {
      const parent = tree.parent[row] ?? -1;
      if (parent < 0) continue;
      const list = lists.get(parent);
      if (list === undefined) lists.set(parent, [row]);
      else list.push(row);
    }
  }
  return lists;
}

/** Rows that are unfolded at first: all down to a depth, as long as the list stays short. */
export function firstOpen(tree: FlameTree, index: FlameIndex, most = 400): Set<number> {
  const open = new Set<number>();
  let rows = 0;
  for (const level of index.levels.slice(1)) {
    rows += level.length;
    if (rows > most) break;
    for (const row of level) open.add(row);
  }
  return open;
}
