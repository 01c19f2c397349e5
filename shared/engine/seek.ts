// Time travel over a full record: moves the machine's cells to any tick by undo and redo of write
// rows. Ends of ticks are the only places. Control cells are not in the log: a thread's place is
// shown from ticks and spans; to go on live from a tick, replay to it (branchRun).
import type { Machine, Tick } from "./machine.ts";
import type { RunRecord } from "./record.ts";
import { DROP, type ChunkSink } from "./recorder.ts";
import { startRun, type Run, type RunInput } from "./run.ts";
import type { Schedule } from "./schedule.ts";

export interface Seeker {
  readonly position: Tick;
  readonly record: RunRecord;
  /** Moves mem to the state before tick `to` (0 = start, `record.ticks` = end). */
  seek(to: number): void;
  /** Distinct cells written between two ticks, sorted. */
  cellsChanged(from: number, to: number): Int32Array;
  /** Functions a thread is in at a tick, outermost first. */
  stackAt(tick: number, thread: number): number[];
}

const NO_COLUMN = new Int32Array(0);

/**
 * A seeker over a machine that stands at the end of the recorded run; it owns the machine's cells
 * from here on.
 */
export function createSeeker(m: Machine, record: RunRecord): Seeker {
  const [cell = NO_COLUMN, old = NO_COLUMN, next = NO_COLUMN] = record.columns.writes;
  const inRun = (tick: number): number => Math.min(Math.max(0, Math.floor(tick)), record.ticks);
  let position = record.ticks;
  let at = record.writes;
  return {
    record,
    get position(): Tick {
      return position as Tick;
    },
    seek(to) {
      position = inRun(to);
      const target = record.tick(position).writeAt;
      const { mem } = m;
      for (; at > target; at--) mem[cell[at - 1] as number] = old[at - 1] as number;
      for (; at < target; at++) mem[cell[at] as number] = next[at] as number;
    },
    cellsChanged(from, to) {
      const first = record.tick(inRun(Math.min(from, to))).writeAt;
      const end = record.tick(inRun(Math.max(from, to))).writeAt;
      const sorted = cell.slice(first, end).sort();
      return sorted.filter((value, i) => i === 0 || value !== sorted[i - 1]);
    },
    stackAt: (tick, thread) => record.stackAt(inRun(tick), thread),
  };
}

/**
 * Replays a run to a tick, then leaves it to another schedule: a live branch. Ends the use of
 * seekers on this machine.
 */
export function branchRun(
  m: Machine,
  input: RunInput,
  at: number,
  schedule: Schedule,
  sink: ChunkSink = DROP,
): Run {
  const run = startRun(m, input, sink);
  if (at > 0) run.advance(at);
  run.reschedule(schedule);
  return run;
}
