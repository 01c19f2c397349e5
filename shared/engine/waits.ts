// Who waits, at which act, and who holds what it waits for: the text of a blocked run and of a
// schedule's failure. Only words made by lock() know their lock; other guards are named by their
// label.
import type { Lock } from "./locks.ts";
import { outcomesOf, programOf, rowOf } from "./loop.ts";
import type { Machine, ThreadId } from "./machine.ts";

export interface Wait {
  readonly thread: string;
  readonly label: string;
  /** Function id of the routine it waits in. */
  readonly routine: number;
  /** Cell of the lock it waits for; 0 when it waits for something else. */
  readonly lockCell: number;
  readonly holders: readonly string[];
}

/** The threads that have an act to make and cannot make it now. */
export function waitsOf(m: Machine): Wait[] {
  const { thread, fp } = m;
  const waits: Wait[] = [];
  for (let t = 0; t < m.threads.length; t++) {
    if (rowOf(m, t) !== 0 && outcomesOf(m, t as ThreadId) === 0) waits.push(waitOf(m, t));
  }
  m.thread = thread;
  m.fp = fp;
  return waits;
}

/** Assumes that `outcomesOf` was asked of this thread just now: its frame is the machine's. */
function waitOf(m: Machine, thread: number): Wait {
  const p = programOf(m);
  const row = rowOf(m, thread);
  const lock: Lock | null = p.lock[row]?.() ?? null;
  return {
    thread: m.threads[thread]?.name ?? "",
    label: p.label[row] ?? "",
    routine: p.routine[row] ?? -1,
    lockCell: lock?.cell ?? 0,
    holders: lock === null ? [] : namesOf(m, lock.holders()),
  };
}

export function namesOf(m: Machine, set: number): string[] {
  return m.threads.filter((_, t) => ((set >>> t) & 1) === 1).map((info) => info.name);
}

/** One clause a thread: "v0 waits at F5 (held by h)". */
export function waitText(waits: readonly Wait[]): string {
  return waits
    .map(({ thread, label, holders }) => {
      const held = holders.length === 0 ? "" : ` (held by ${holders.join(", ")})`;
      return `${thread} waits at ${label}${held}`;
    })
    .join("; ");
}
