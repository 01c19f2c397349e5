// A call tree as columns: one row a frame, a parent before its children, weights summed on the way.
// Owns the limit of rows; what exceeds it is added to the caller and counted, so that totals stay
// right.
// From: the shape that views draw (the contract's callTree).

/** More rows than a view can zoom into; a run of a million faults merges to a few hundred. */
export const MAX_FRAMES = 2_000_000;

export interface CallTree {
  readonly parent: Int32Array;
  /** Index into `functions`. */
  readonly fn: Int32Array;
  readonly total: Float64Array;
  readonly self: Float64Array;
  readonly count: Int32Array;
  readonly start: Float64Array;
  readonly functions: readonly string[];
  readonly families: readonly string[];
  readonly files: readonly string[];
  readonly merged: boolean;
}

/** Rows while a tree is built; row 0 is the root. */
export class TreeRows {
  readonly parent: number[] = [-1];
  readonly fn: number[] = [0];
  readonly self: number[] = [0];
  readonly count: number[] = [1];
  readonly start: number[] = [0];
  /** Frames that found no room. */
  lost = 0;
  private readonly children = new Map<number, number>();
  private readonly limit: number;

  constructor(limit = MAX_FRAMES) {
    this.limit = limit;
  }

  /** A new row below a frame; the frame itself when there is no room. */
  add(parent: number, fn: number, start: number): number {
    if (this.parent.length >= this.limit) {
      this.lost++;
      return parent;
    }
    this.fn.push(fn);
    this.self.push(0);
    this.count.push(0);
    this.start.push(start);
    return this.parent.push(parent) - 1;
  }

  /** The row of a function below a frame, made at first sight. */
  child(parent: number, fn: number): number {
    const key = parent * 65_536 + fn;
    const known = this.children.get(key);
    if (known !== undefined) return known;
    const row = this.add(parent, fn, 0);
    if (row !== parent) this.children.set(key, row);
    return row;
  }

  /** Sums totals and, for merged rows, lays frames side by side in the order of first sight. */
  totals(merged: boolean): { total: Float64Array; start: Float64Array } {
    const total = Float64Array.from(this.self);
    for (let row = total.length - 1; row > 0; row--) {
      const parent = this.parent[row] ?? 0;
      total[parent] = (total[parent] ?? 0) + (total[row] ?? 0);
    }
    const start = Float64Array.from(this.start);
    if (merged) layOut(this.parent, total, start);
    return { total, start };
  }
}

/** Children begin where their elder sibling ends. */
function layOut(parent: readonly number[], total: Float64Array, start: Float64Array): void {
  const next = new Float64Array(total.length);
  for (let row = 1; row < total.length; row++) {
    const above = parent[row] ?? 0;
    start[row] = next[above] ?? 0;
    next[row] = start[row] ?? 0;
    next[above] = (next[above] ?? 0) + (total[row] ?? 0);
  }
}
