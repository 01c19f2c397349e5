// Each cycle of rows must contain a tick: else a thread would run on for ever inside one tick.
// A call counts as passed without a tick only if its routine can be left without one.
// Asked once at link; a retry loop then costs ticks, and a run's bound on ticks ends it.
import { fail } from "./faults.ts";
import { LAST_TICK_OP, OP, type Program } from "./program.ts";

/** Rows that control reaches from a control row without a tick in between. */
function successors(p: Program, row: number, passable: ReadonlySet<number>): number[] {
  const next = p.next[row] ?? 0;
  const other = p.other[row] ?? -1;
  switch (p.op[row]) {
    case OP.RETURN:
    case OP.GIVE:
      return [];
    case OP.CALL: {
      const entries = (p.calls[row]?.targets ?? []).map((target) => target.entry);
      return entries.some((entry) => passable.has(entry)) ? [...entries, next] : entries;
    }
    default:
      return other >= 0 ? [next, other] : [next];
  }
}

const isTick = (p: Program, row: number): boolean => (p.op[row] ?? 0) <= LAST_TICK_OP;

/** True when control can go from the entry to a return without a tick (calls as far as known). */
function passes(p: Program, entry: number, passable: ReadonlySet<number>): boolean {
  const seen = new Set<number>([entry]);
  for (const row of seen) {
    if (isTick(p, row)) continue;
    if (p.op[row] === OP.RETURN || p.op[row] === OP.GIVE) return true;
    const isCall = p.op[row] === OP.CALL;
    const to = isCall ? callSuccessor(p, row, passable) : successors(p, row, passable);
    for (const next of to) seen.add(next);
  }
  return false;
}

function callSuccessor(p: Program, row: number, passable: ReadonlySet<number>): number[] {
  const targets = p.calls[row]?.targets ?? [];
  return targets.some((target) => passable.has(target.entry)) ? [p.next[row] ?? 0] : [];
}

function passableEntries(p: Program): Set<number> {
  const entries = new Set<number>(p.entries.values());
  for (const site of p.calls) for (const target of site?.targets ?? []) entries.add(target.entry);
  const passable = new Set<number>();
  for (let before = -1; before !== passable.size;) {
    before = passable.size;
    for (const entry of entries) if (passes(p, entry, passable)) passable.add(entry);
  }
  return passable;
}

/**
 * Fails when a cycle of control rows exists: depth first, a row met again on its own path closes
 * one.
 */
export function checkTicks(p: Program): void {
  const passable = passableEntries(p);
  const state = new Int8Array(p.op.length);
  for (let start = 0; start < p.op.length; start++) {
    const path: { row: number; left: number[] }[] = [];
    const open = (row: number): void => {
      if (isTick(p, row) || state[row] === 2) return;
      if (state[row] === 1) fail("control-spins", `row ${row}, function ${p.routine[row]}`);
      state[row] = 1;
      path.push({ row, left: successors(p, row, passable) });
    };
    open(start);
    while (path.length > 0) {
      const top = path[path.length - 1];
      const next = top?.left.pop();
      if (top === undefined) break;
      if (next !== undefined) open(next);
      else {
        state[top.row] = 2;
        path.pop();
      }
    }
  }
}
