// Why this value: who wrote a cell, from the write log backwards; and what an act read, by running
// it again. Writes know no thread or function: their tick does (ticks stream), and the tick's spans
// give the call stack. Reads are not recorded: one tick is re-executed while a proxy watches the
// cells.
import { watchReads } from "./checked.ts";
import { programOf } from "./loop.ts";
import { RECORD_NOTHING, type Cell, type Machine, type Tick } from "./machine.ts";
import type { RunRecord } from "./record.ts";
import { DROP } from "./recorder.ts";
import { startRun, type RunInput } from "./run.ts";

export interface Write {
  readonly tick: Tick;
  /** Row in the writes stream. */
  readonly row: number;
  readonly thread: number;
  /** Function id of the spine routine whose act wrote. */
  readonly routine: number;
  readonly label: string;
  readonly old: number;
  readonly new: number;
  /** Functions the thread was in when the act began, outermost first. */
  readonly stack: readonly number[];
}

const NO_COLUMN = new Int32Array(0);

/** Writers of a cell before a tick, newest first. */
export function* writersOf(
  m: Machine,
  record: RunRecord,
  cell: Cell,
  before: number,
): Generator<Write> {
  const [cells = NO_COLUMN] = record.columns.writes;
  const end = record.tick(before).writeAt;
  for (let row = end === 0 ? -1 : cells.lastIndexOf(cell, end - 1); row >= 0;) {
    yield writeAt(m, record, row);
    row = row === 0 ? -1 : cells.lastIndexOf(cell, row - 1);
  }
}

function writeAt(m: Machine, record: RunRecord, row: number): Write {
  const p = programOf(m);
  const [, old, next] = record.columns.writes;
  const tick = record.tickOfWrite(row);
  const by = record.tick(tick);
  return {
    row,
    tick: tick as Tick,
    thread: by.thread,
    routine: p.routine[by.row] ?? -1,
    label: p.label[by.row] ?? "",
    old: old?.[row] ?? 0,
    new: next?.[row] ?? 0,
    stack: record.stackAt(tick, by.thread),
  };
}

/** Data cells that the act of a tick read, sorted: replays the run to the tick and watches it. */
export function readsOf(m: Machine, input: RunInput, tick: number): Int32Array {
  const run = startRun(m, { ...input, record: RECORD_NOTHING }, DROP);
  if (tick > 0) run.advance(tick);
  const cells = new Set<number>();
  watchReads(
    m,
    (cell) => {
      if (cell >= m.controlEnd) cells.add(cell);
    },
    () => run.advance(1),
  );
  return Int32Array.from(cells).sort();
}
