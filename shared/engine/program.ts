// The linked program: rows in flat arrays, the same for both loops, for runs, schedules and
// searches. A program counter at rest always names a tick row; control rows run on in the tick of
// the act before them. Frame: [fp-2] row of the call, [fp-1] caller's fp, [fp..] locals; the
// callee's fp = fp + size + 2.
import type { Lock } from "./locks.ts";
import type { SpineRoutine } from "./routine.ts";

export const OP = {
  /** Row 0: a thread that never started or has finished. */
  END: 0,
  /** Tick rows: plain, branching on the result, guarded, one of several outcomes. */
  ACT: 1,
  BRANCH: 2,
  GUARD: 3,
  CHOOSE: 4,
  /** Control rows. */
  TEST: 5,
  RESULT: 6,
  SET: 7,
  CALL: 8,
  RETURN: 9,
  /** Returns the own local at offset `other`. */
  GIVE: 10,
  /** Acts within an atomic section, after its first: no tick of their own. */
  INSIDE: 11,
  INSIDE_BRANCH: 12,
  /** Gone after linking. */
  JUMP: 13,
} as const;

/** Rows with an op up to this one are tick rows (or the end). */
export const LAST_TICK_OP = OP.CHOOSE;
/** Words a frame takes below its locals. */
export const FRAME_HEAD = 2;

/** One routine a call can enter. */
export interface Target {
  readonly entry: number;
  readonly functionId: number;
  readonly size: number;
  /** Pairs (own offset, callee's offset) copied cell to cell. */
  readonly copies: readonly number[];
  /** Other arguments: computed in the caller's frame, stored into the callee's. */
  readonly fills: readonly ((calleeFp: number) => void)[];
}

export interface CallSite {
  /** Distance from the caller's locals to the callee's. */
  readonly frame: number;
  /** Row after the call. */
  readonly next: number;
  readonly pick: (() => number) | null;
  readonly targets: readonly Target[];
  /** Offset of the local that takes the result; -1 for none. */
  readonly into: number;
  readonly intoWide: boolean;
}

export interface Program {
  readonly op: Int8Array;
  readonly next: Int32Array;
  /** Row when a test fails; -1 where a row does not branch. GIVE: offset of the local. */
  readonly other: Int32Array;
  /** Function id of the routine the row belongs to. */
  readonly routine: Int32Array;
  /** Cells of that routine's locals. */
  readonly size: Int32Array;
  /** Act, condition, assignment or returned value of a row. */
  readonly effect: readonly (() => unknown)[];
  readonly guard: readonly (() => unknown)[];
  readonly count: readonly (() => number)[];
  readonly outcome: readonly ((outcome: number) => unknown)[];
  readonly calls: readonly (CallSite | null)[];
  readonly label: readonly string[];
  readonly lock: readonly ((() => Lock) | null)[];
  readonly entries: ReadonlyMap<SpineRoutine, number>;
}
