// Folding of equal stretches in the aligned rows: which table row stands for which aligned row.
// A stretch of equal rows is folded when at least FOLD_FROM rows remain after two rows of context
// at each end.
// Pure. From: the comparison's rule that equal stretches of five or more fold.

export const FOLD_FROM = 5;
const CONTEXT = 2;

export type ViewRow =
  | { readonly kind: "row"; readonly index: number }
  | { readonly kind: "fold"; readonly from: number; readonly count: number };

interface Segment {
  readonly view: number; // first table row
  readonly from: number; // first aligned row
  readonly count: number; // aligned rows
  readonly isFold: boolean; // one table row for all of them
}

/** Table rows over aligned rows. Segments lie in order and cover all rows. */
export interface FoldedRows {
  readonly segments: readonly Segment[];
  readonly rows: number; // table rows
}

/**
 * `differences` are the aligned rows that are not equal, ascending; `open` the starts of unfolded
 * stretches.
 */
export function foldRows(
  total: number,
  differences: ArrayLike<number>,
  open: ReadonlySet<number>,
): FoldedRows {
  const segments: Segment[] = [];
  let view = 0;
  let next = 0; // first aligned row not in a segment yet
  const add = (until: number, isFold: boolean): void => {
    const count = until - next;
    if (count <= 0) return;
    segments.push({ view, from: next, count, isFold });
    view += isFold ? 1 : count;
    next = until;
  };
  for (let i = 0; i <= differences.length; i++) {
    const before = i === 0 ? -1 : (differences[i - 1] ?? 0);
    const after = i === differences.length ? total : (differences[i] ?? total);
    const from = before < 0 ? 0 : before + 1 + CONTEXT;
    const until = i === differences.length ? total : after - CONTEXT;
    if (until - from >= FOLD_FROM && !open.has(from)) {
      add(from, false);
      add(until, true);
    }
  }
  add(total, false);
  return { segments, rows: view };
}

/** All aligned rows, one table row each. */
export const unfoldedRows = (total: number): FoldedRows => foldRows(total, [], new Set([0]));

export function viewRow(folded: FoldedRows, at: number): ViewRow | null {
  const segment = lastAtOrBefore(folded.segments, at, (one) => one.view);
  if (segment === null || at >= folded.rows) return null;
  if (segment.isFold) return { kind: "fold", from: segment.from, count: segment.count };
  return { kind: "row", index: segment.from + at - segment.view };
}

/** The table row that shows an aligned row, or the fold it lies in. */
export function placeOfRow(folded: FoldedRows, index: number): number {
  const segment = lastAtOrBefore(folded.segments, index, (one) => one.from);
  if (segment === null) return 0;
  return segment.isFold ? segment.view : segment.view + index - segment.from;
}

function lastAtOrBefore(
  segments: readonly Segment[],
  value: number,
  of: (segment: Segment) => number,
): Segment | null {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const segment = segments[middle];
    if (segment !== undefined && of(segment) <= value) low = middle + 1;
    else high = middle;
  }
  return segments[low - 1] ?? null;
}

/** The next (+1) or previous (-1) difference from a row; null when there is none that way. */
export function nextDifference(
  differences: ArrayLike<number>,
  from: number,
  by: 1 | -1,
): number | null {
  let found: number | null = null;
  for (let i = 0; i < differences.length; i++) {
    const row = differences[i] ?? 0;
    if (by > 0 && row > from) return row;
    if (by < 0 && row < from) found = row;
  }
  return found;
}
