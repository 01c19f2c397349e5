// Callers and callees of one function, each as a call tree of its own. Every caller row holds the
// time spent in the function when called that way; callees are summed by path.
// From: the sandwich view known from speedscope; the columns are those of flame-tree.ts.
import type { FlameTree } from "./flame-tree.ts";

interface Node {
  readonly fn: number;
  total: number;
  self: number;
  count: number;
  readonly children: Map<number, Node>;
}

const MAX_DEPTH = 256;
const node = (fn: number): Node => ({ fn, total: 0, self: 0, count: 0, children: new Map() });

function childOf(parent: Node, fn: number): Node {
  const known = parent.children.get(fn);
  if (known !== undefined) return known;
  const made = node(fn);
  parent.children.set(fn, made);
  return made;
}

/** Root: the function; below it its callers, theirs, and so on. */
export function callersOf(tree: FlameTree, fn: number): FlameTree {
  const root = node(fn);
  for (let row = 0; row < tree.parent.length; row++) {
    if (tree.fn[row] !== fn || isInside(tree, row, fn)) continue;
    const total = tree.total[row] ?? 0;
    const count = tree.count[row] ?? 0;
    let at = root;
    add(at, total, count);
    let caller = tree.parent[row] ?? -1;
    for (let depth = 0; caller >= 0 && depth < MAX_DEPTH; depth++) {
      at = childOf(at, tree.fn[caller] ?? 0);
      add(at, total, count);
      caller = tree.parent[caller] ?? -1;
    }
  }
  return columnsOf(root, tree);
}

/** Root: the function; below it what it calls, equal paths joined. */
export function calleesOf(tree: FlameTree, fn: number): FlameTree {
  const root = node(fn);
  const nodes = new Map<number, Node>();
  for (let row = 0; row < tree.parent.length; row++) {
    const parent = nodes.get(tree.parent[row] ?? -1);
    const own = tree.fn[row] ?? 0;
    const into = parent === undefined ? (own === fn ? root : undefined) : childOf(parent, own);
    if (into === undefined) continue;
    nodes.set(row, into);
    add(into, tree.total[row] ?? 0, tree.count[row] ?? 0);
    into.self += tree.self[row] ?? 0;
  }
  return columnsOf(root, tree);
}

function add(into: Node, total: number, count: number): void {
  into.total += total;
  into.count += count;
}

function isInside(tree: FlameTree, row: number, fn: number): boolean {
  let at = tree.parent[row] ?? -1;
  for (let depth = 0; at >= 0 && depth < MAX_DEPTH; depth++) {
    if (tree.fn[at] === fn) return true;
    at = tree.parent[at] ?? -1;
  }
  return false;
}

function columnsOf(root: Node, names: FlameTree): FlameTree {
  const rows: { readonly node: Node; readonly parent: number; readonly start: number }[] = [
    { node: root, parent: -1, start: 0 },
  ];
  for (let row = 0; row < rows.length; row++) {
    const entry = rows[row];
    if (entry === undefined) break;
    let start = entry.start;
    const children = [...entry.node.children.values()];
    for (const child of children.sort((a, b) => b.total - a.total || a.fn - b.fn)) {
      rows.push({ node: child, parent: row, start });
      start += child.total;
    }
  }
  return {
    parent: Int32Array.from(rows, (row) => row.parent),
    fn: Int32Array.from(rows, (row) => row.node.fn),
    total: Float64Array.from(rows, (row) => row.node.total),
    self: Float64Array.from(rows, (row) => row.node.self),
    count: Int32Array.from(rows, (row) => row.node.count),
    start: Float64Array.from(rows, (row) => row.start),
    functions: names.functions,
    families: names.families,
    files: names.files,
  };
}
