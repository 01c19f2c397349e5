// Going through a run's events once, from the first to the last, without an object per event.
// Owns nothing: the visited event is one reused value; who keeps something copies it.
// From: the engine's event columns (tick, kind and thread, span position, six cells, continued
// rows).
import { CONTINUED } from "#shared/engine/machine";
import type { RunRecord } from "#shared/engine/record";
import { MOST_CELLS } from "#shared/events/table";
import { joinHalves } from "#shared/units/halves";

const NO_COLUMN = new Int32Array(0);
const ROW_CELLS = 6;

/** The event under the reader; valid until the next one. */
export interface ScannedEvent {
  /** Its number in the run, from 1. */
  n: number;
  id: number;
  thread: number;
  tick: number;
  spanAt: number;
  readonly cells: Int32Array;
}

/** Calls `visit` for each event whose id is wanted (all when null), in the order of the run. */
export function scanEvents(
  record: RunRecord,
  wanted: readonly number[] | null,
  visit: (event: ScannedEvent) => void,
): void {
  const columns = record.columns.events;
  const ticks = columns[0] ?? NO_COLUMN;
  const kinds = columns[1] ?? NO_COLUMN;
  const spans = columns[2] ?? NO_COLUMN;
  const isWanted = wantedIds(wanted);
  const event: ScannedEvent = {
    n: 0,
    id: 0,
    thread: 0,
    tick: 0,
    spanAt: 0,
    cells: new Int32Array(MOST_CELLS + ROW_CELLS),
  };
  for (let row = 0; row < kinds.length; row++) {
    const kind = kinds[row] ?? 0;
    const id = kind & 0xff;
    if (id === CONTINUED) continue;
    event.n++;
    if (isWanted[id] !== 1) continue;
    event.id = id;
    event.thread = kind >>> 8;
    event.tick = ticks[row] ?? 0;
    event.spanAt = spans[row] ?? 0;
    readCells(columns, row, event.cells);
    visit(event);
  }
}

function wantedIds(wanted: readonly number[] | null): Uint8Array {
  const table = new Uint8Array(256);
  if (wanted === null) table.fill(1);
  else for (const id of wanted) table[id] = 1;
  return table;
}

/** The cells of the event at a row, its continued rows included. @internal */
export function readCells(columns: readonly Int32Array[], row: number, into: Int32Array): void {
  const kinds = columns[1] ?? NO_COLUMN;
  let at = row;
  let cell = 0;
  do {
    for (let i = 0; i < ROW_CELLS; i++) into[cell + i] = columns[3 + i]?.[at] ?? 0;
    at++;
    cell += ROW_CELLS;
  } while (cell + ROW_CELLS <= into.length && ((kinds[at] ?? 0) & 0xff) === CONTINUED);
}

/** Two cells as a number below 2^53. */
export const wideAt = (cells: Int32Array, at: number): number =>
  joinHalves(cells[at] ?? 0, cells[at + 1] ?? 0);

export const intAt = (cells: Int32Array, at: number): number => cells[at] ?? 0;
