// Places the frames of a flame graph in pixels, and tells which frame lies under a point.
// Pure. Frames narrower than a pixel are merged into the pixel they fall on and counted.
// From: stack figures: one binary search a level, then a gallop past what ends within a pixel.
import type { FlameIndex, FlameTree } from "./flame-tree.ts";
import { pathOf } from "./flame-tree.ts";

export interface FlameView {
  readonly from: number;
  readonly to: number;
  readonly width: number; // pixels
  readonly frame: number; // height of a frame in pixels
  readonly firstLevel: number;
}

/** Frames to draw, as columns; row -1 stands for merged narrow frames. */
export interface FlameShapes {
  readonly size: number;
  readonly row: Int32Array;
  readonly level: Int32Array;
  readonly x: Float64Array;
  readonly width: Float64Array;
  readonly merged: number; // frames narrower than a pixel
  readonly levels: number;
}

const MERGED = -1;

/** The view of the whole tree, or of one frame when the graph is zoomed to it. */
export function flameView(
  tree: FlameTree,
  zoom: number,
  size: { readonly width: number; readonly frame: number; readonly firstLevel: number },
): FlameView {
  const from = tree.start[zoom] ?? 0;
  const to = from + Math.max(tree.total[zoom] ?? 0, Number.MIN_VALUE);
  return { from, to, width: size.width, frame: size.frame, firstLevel: size.firstLevel };
}

/** How many levels at the top hold one frame each that `isQuiet`: they say nothing and may go. */
export function quietLevels(index: FlameIndex, isQuiet: (row: number) => boolean): number {
  let level = 0;
  while (level + 1 < index.levels.length) {
    const list = index.levels[level];
    if (list?.length !== 1 || !isQuiet(list[0] ?? 0)) break;
    level++;
  }
  return level;
}

export function layoutFlame(tree: FlameTree, index: FlameIndex, view: FlameView): FlameShapes {
  const columns = new Columns();
  const scale = view.width / (view.to - view.from);
  let merged = 0;
  let levels = 0;
  for (let level = view.firstLevel; level < index.levels.length; level++) {
    const list = index.levels[level] ?? new Int32Array(0);
    const before = columns.size;
    merged += layoutLevel(tree, list, { view, scale, level, columns });
    if (columns.size > before) levels = level + 1;
  }
  return { ...columns.take(), merged, levels };
}

interface LevelWork {
  readonly view: FlameView;
  readonly scale: number;
  readonly level: number;
  readonly columns: Columns;
}

function layoutLevel(tree: FlameTree, list: Int32Array, work: LevelWork): number {
  const { view, scale, level, columns } = work;
  const endOf = (row: number): number => (tree.start[row] ?? 0) + (tree.total[row] ?? 0);
  let merged = 0;
  let n = firstEndingAfter(list, 0, view.from, endOf);
  while (n < list.length) {
    const row = list[n] ?? 0;
    const start = tree.start[row] ?? 0;
    if (start >= view.to) break;
    const x = Math.max(0, (start - view.from) * scale);
    const width = Math.min(view.width, (endOf(row) - view.from) * scale) - x;
    if (width >= 1) {
      columns.push(row, level, x, width);
      n++;
      continue;
    }
    // Skip to the first frame that ends beyond this pixel; all before it share the pixel.
    const pixelEnd = view.from + (Math.floor(x) + 1) / scale;
    const next = Math.max(n + 1, firstEndingAfter(list, n + 1, pixelEnd, endOf));
    merged += next - n;
    columns.pushMerged(level, Math.floor(x));
    n = next;
  }
  return merged;
}

function firstEndingAfter(
  list: Int32Array,
  from: number,
  value: number,
  endOf: (row: number) => number,
): number {
  let step = 1;
  let low = from;
  while (low + step < list.length && endOf(list[low + step] ?? 0) <= value) {
    low += step;
    step *= 2;
  }
  let high = Math.min(low + step, list.length);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (endOf(list[middle] ?? 0) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Growing columns of shapes; neighbouring merged pixels become one shape. */
class Columns {
  size = 0;
  private row = new Int32Array(1024);
  private level = new Int32Array(1024);
  private x = new Float64Array(1024);
  private width = new Float64Array(1024);

  push(row: number, level: number, x: number, width: number): void {
    if (this.size === this.row.length) this.grow();
    this.row[this.size] = row;
    this.level[this.size] = level;
    this.x[this.size] = x;
    this.width[this.size] = width;
    this.size++;
  }

  pushMerged(level: number, x: number): void {
    const last = this.size - 1;
    const joins =
      last >= 0 &&
      this.row[last] === MERGED &&
      this.level[last] === level &&
      (this.x[last] ?? 0) + (this.width[last] ?? 0) >= x;
    if (joins) this.width[last] = x + 1 - (this.x[last] ?? 0);
    else this.push(MERGED, level, x, 1);
  }

  take() {
    return { size: this.size, row: this.row, level: this.level, x: this.x, width: this.width };
  }

  private grow(): void {
    const capacity = this.row.length * 2;
    this.row = copyInto(new Int32Array(capacity), this.row);
    this.level = copyInto(new Int32Array(capacity), this.level);
    this.x = copyInto(new Float64Array(capacity), this.x);
    this.width = copyInto(new Float64Array(capacity), this.width);
  }
}

function copyInto<T extends Int32Array | Float64Array>(to: T, from: T): T {
  to.set(from);
  return to;
}

/** The row under a point, or null. */
export function hitFlame(
  shapes: FlameShapes,
  view: FlameView,
  x: number,
  y: number,
): number | null {
  const level = Math.floor(y / view.frame) + view.firstLevel;
  for (let n = 0; n < shapes.size; n++) {
    if (shapes.level[n] !== level) continue;
    const left = shapes.x[n] ?? 0;
    if (x < left || x >= left + (shapes.width[n] ?? 0)) continue;
    const row = shapes.row[n] ?? MERGED;
    return row === MERGED ? null : row;
  }
  return null;
}

/** The frame to zoom to so that `row` can be seen: itself, or the nearest ancestor with a width. */
export function visibleAncestor(tree: FlameTree, row: number, zoom: number): number {
  const path = pathOf(tree, row);
  return path.includes(zoom) ? zoom : 0;
}
