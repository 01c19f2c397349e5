// Which rows of a long list are on screen, and where. Row height is fixed, so the arithmetic is
// exact.
// Browsers cannot scroll beyond some tens of millions of pixels; longer lists map the scroll range
// to the rows.
// Pure: no DOM.

/** Tallest element that all browsers still scroll. */
export const MAX_HEIGHT = 8_000_000;

export interface Viewport {
  readonly rows: number;
  readonly rowHeight: number;
  readonly height: number; // of the visible part
  readonly scrollTop: number;
}

export interface VirtualSpan {
  readonly first: number; // first row drawn
  readonly count: number;
  readonly offset: number; // top of the first row drawn, inside the scrolled element
  readonly total: number; // height of the scrolled element
}

/** Rows to draw, with `extra` rows above and below the visible ones. */
export function visibleSpan(view: Viewport, extra = 8): VirtualSpan {
  const total = scrollHeight(view);
  if (view.rows === 0 || view.rowHeight <= 0) return { first: 0, count: 0, offset: 0, total };
  const top = topRow(view);
  const first = Math.max(0, Math.floor(top) - extra);
  const last = Math.min(view.rows, Math.ceil(top + view.height / view.rowHeight) + extra);
  const offset = view.scrollTop - (top - first) * view.rowHeight;
  return { first, count: Math.max(0, last - first), offset, total };
}

export const scrollHeight = (view: Viewport): number =>
  Math.min(MAX_HEIGHT, view.rows * view.rowHeight);

/** The row at the upper edge, with a fraction. */
export function topRow(view: Viewport): number {
  const full = view.rows * view.rowHeight;
  if (full <= MAX_HEIGHT) return view.scrollTop / view.rowHeight;
  const range = MAX_HEIGHT - view.height;
  const share = range <= 0 ? 0 : Math.min(1, view.scrollTop / range);
  return share * (view.rows - view.height / view.rowHeight);
}

/** The scroll position that shows a row: by the least movement, or in the middle when it is far. */
export function scrollToRow(view: Viewport, row: number): number {
  const top = topRow(view);
  const fits = view.height / view.rowHeight;
  if (row >= top && row + 1 <= top + fits) return view.scrollTop;
  const distance = row < top ? top - row : row + 1 - top - fits;
  const least = row < top ? row : row + 1 - fits;
  const wanted = distance > fits ? row + 0.5 - fits / 2 : least;
  return scrollOfTop(view, Math.min(Math.max(0, wanted), Math.max(0, view.rows - fits)));
}

function scrollOfTop(view: Viewport, top: number): number {
  const full = view.rows * view.rowHeight;
  if (full <= MAX_HEIGHT) return top * view.rowHeight;
  const last = view.rows - view.height / view.rowHeight;
  return last <= 0 ? 0 : (top / last) * (MAX_HEIGHT - view.height);
}

/** The row that a key moves to; null when the key is no move. */
export function movedRow(key: string, from: number, rows: number, page: number): number | null {
  const last = rows - 1;
  const moves: Record<string, number> = {
    ArrowUp: from - 1,
    ArrowDown: from + 1,
    PageUp: from - page,
    PageDown: from + page,
    Home: 0,
    End: last,
  };
  const wanted = moves[key];
  return wanted === undefined || rows === 0 ? null : Math.min(last, Math.max(0, wanted));
}
