// Two ways through the same rows. runOn: one thread, many ticks, control straight in cells:
// simulated runs, as generated code (compile.ts) or, where that is forbidden, step by step.
// stepOne: one tick of one thread, control by put: searches, where every change must be undoable.
// After each act control runs on in the same tick to the next tick row; a tick is one executed act.
import { highHalf } from "../units/halves.ts";
import { compile, runCompiled } from "./compile.ts";
import { fail } from "./faults.ts";
import {
  BATCH_TICKS,
  isFull,
  MAX_THREADS,
  THREAD_HEAD,
  THREADS_AT,
  type Machine,
  type ThreadId,
  type ThreadSet,
  type Tick,
} from "./machine.ts";
import { placeOf, localsOf, storeOf } from "./own.ts";
import {
  FRAME_HEAD,
  LAST_TICK_OP,
  OP,
  type CallSite,
  type Program,
  type Target,
} from "./program.ts";
import type { SpineRoutine } from "./routine.ts";
import type { Fields } from "./struct.ts";
import type { Args, Value } from "./words.ts";

const { END, GUARD, CHOOSE, RESULT, CALL, RETURN, GIVE } = OP;
const HEAD = FRAME_HEAD;

/**
 * Control rows that may run in one tick; link has proved that a cycle has a tick, so this is a
 * depth bound.
 */
const MAX_CONTROL = 1 << 20;

export const threadBase = (m: Machine, thread: number): number =>
  THREADS_AT + thread * (THREAD_HEAD + m.stack);

export const programOf = (m: Machine): Program => m.program ?? fail("no-program", "link first");

/** Row of a thread's next act; 0 when it has finished. */
export const rowOf = (m: Machine, thread: number): number => m.mem[threadBase(m, thread)] as number;

/** Label of a thread's next act; "" when it has finished. */
export const labelOf = (m: Machine, thread: number): string =>
  programOf(m).label[rowOf(m, thread)] ?? "";

function select(m: Machine, thread: ThreadId): number {
  const base = threadBase(m, thread);
  m.thread = thread;
  m.fp = m.mem[base + 1] as number;
  m.stackEnd = base + THREAD_HEAD + m.stack;
  if (m.spansOn !== 0) m.markThread();
  return base;
}

/** How many ways the thread can go on now: 0 waits or finished, 1, or a choice's outcomes. */
export function outcomesOf(m: Machine, thread: ThreadId): number {
  const p = programOf(m);
  const base = threadBase(m, thread);
  const pc = m.mem[base] as number;
  const op = p.op[pc] as number;
  if (op === END) return 0;
  if (op < GUARD) return 1;
  m.thread = thread;
  m.fp = m.mem[base + 1] as number;
  if (op === CHOOSE) return (p.count[pc] as () => number)();
  return (p.guard[pc] as () => unknown)() ? 1 : 0;
}

export function enabledThreads(m: Machine): ThreadSet {
  let set = 0;
  const running = m.thread;
  const { fp } = m;
  for (let t = 0; t < m.threads.length; t++) if (outcomesOf(m, t as ThreadId) > 0) set |= 1 << t;
  m.thread = running;
  m.fp = fp;
  return set;
}

/**
 * Runs a thread until it waits, finishes or has made `maxTicks`; gives the ticks made. Assumes
 * control is not logged.
 */
export function runOn(m: Machine, thread: ThreadId, maxTicks: number, outcome = 0): number {
  const from = m.tick;
  const base = select(m, thread);
  // Null is an answer too: generated code is forbidden here, and is not asked for again.
  if (m.compiled === undefined) m.compiled = compile(m, programOf(m));
  if (m.compiled === null) return stepOn(m, thread, maxTicks, outcome);
  let row = m.mem[base] as number;
  for (let left = maxTicks; left > 0;) {
    const start = m.tick;
    row = runCompiled(m.compiled, row, start + Math.min(left, BATCH_TICKS), outcome);
    if (m.recording && isFull(m)) m.overflow(m);
    left -= m.tick - start;
    if (m.tick - start < BATCH_TICKS) break;
  }
  m.mem[base] = row;
  m.mem[base + 1] = m.fp;
  return m.tick - from;
}

/** The same without generated code. */
function stepOn(m: Machine, thread: ThreadId, maxTicks: number, outcome: number): number {
  const p = programOf(m);
  let ticks = 0;
  for (; ticks < maxTicks; ticks++) {
    const ways = outcomesOf(m, thread);
    if (ways === 0 || (p.op[rowOf(m, thread)] === CHOOSE && ways <= outcome)) break;
    stepOne(m, thread, outcome);
  }
  return ticks;
}

function recordTick(m: Machine, pc: number): void {
  const at = m.tickCount++;
  m.tickWho[at] = (m.thread << 24) | pc;
  m.tickWriteAt[at] = m.writeBase + m.logCount;
  m.tickSpanAt[at] = m.spanBase + m.spanCount;
}

const chosen = (p: Program, pc: number, outcome: number): unknown =>
  (p.outcome[pc] as (outcome: number) => unknown)(outcome);

function targetOf(site: CallSite): Target {
  if (site.pick === null) return site.targets[0] as Target;
  const index = site.pick();
  return site.targets[index] ?? fail("bad-pick", index);
}

/** One tick of a thread that can go, with this outcome; every change is a put. */
export function stepOne(m: Machine, thread: ThreadId, outcome: number): void {
  const p = programOf(m);
  const base = select(m, thread);
  const pc = m.mem[base] as number;
  if (m.ticksOn !== 0) recordTick(m, pc);
  const result = p.op[pc] === CHOOSE ? chosen(p, pc, outcome) : (p.effect[pc] as () => unknown)();
  const no = p.other[pc] as number;
  const to = no < 0 || result ? (p.next[pc] as number) : no;
  settle(m, p, base, to);
  m.tick = (m.tick + 1) as Tick;
  if (isFull(m)) m.overflow(m);
}

/** Control by put, from a row to the next tick row; then the thread's pc and fp. */
function settle(m: Machine, p: Program, base: number, from: number): void {
  let pc = from;
  let result = 0;
  for (let rows = 0; (p.op[pc] as number) > LAST_TICK_OP; rows++) {
    if (rows > MAX_CONTROL) fail("control-spins", from);
    switch (p.op[pc]) {
      case RESULT:
        pc = (result ? p.next[pc] : p.other[pc]) as number;
        break;
      case CALL:
        pc = putFrame(m, p, pc);
        break;
      case RETURN:
        result = (p.effect[pc] as () => unknown)() as number;
        pc = dropFrame(m, p, pc, result);
        break;
      case GIVE:
        result = m.mem[m.fp + (p.other[pc] as number)] as number;
        pc = dropFrame(m, p, pc, result);
        break;
      default: {
        const yes = (p.effect[pc] as () => unknown)();
        const no = p.other[pc] as number;
        pc = no < 0 || yes ? (p.next[pc] as number) : no;
      }
    }
  }
  m.put(base, pc);
  m.put(base + 1, m.fp);
}

function putFrame(m: Machine, p: Program, pc: number): number {
  const site = p.calls[pc] as CallSite;
  const target = targetOf(site);
  const { fp } = m;
  const callee = fp + site.frame;
  if (callee + target.size > m.stackEnd) fail("stack-overflow", m.threads[m.thread]?.name ?? "");
  m.put(callee - 2, pc);
  m.put(callee - 1, fp);
  const { copies, fills } = target;
  for (let i = 0; i < copies.length; i += 2) {
    m.put(callee + (copies[i + 1] as number), m.mem[fp + (copies[i] as number)] as number);
  }
  for (const fill of fills) fill(callee);
  m.fp = callee;
  if (m.spansOn !== 0) m.enter(target.functionId);
  return target.entry;
}

function dropFrame(m: Machine, p: Program, pc: number, result: number): number {
  const { fp } = m;
  const back = m.mem[fp - 2] as number;
  const caller = m.mem[fp - 1] as number;
  const end = fp + (p.size[pc] as number);
  for (let i = fp - HEAD; i < end; i++) m.put(i, 0);
  m.fp = caller;
  if (m.spansOn !== 0) m.leave(result);
  if (back === 0) return 0;
  const site = p.calls[back] as CallSite;
  if (site.into >= 0) {
    m.put(caller + site.into, result);
    if (site.intoWide) m.put(caller + site.into + 1, highHalf(result));
  }
  return site.next;
}

/** Starts a thread (builder only): its first frame, then control up to its first act. */
export function startThread<L extends Fields>(
  m: Machine,
  name: string,
  routine: SpineRoutine<L>,
  args: Args<L> = {},
): ThreadId {
  const p = programOf(m);
  const known = routine as unknown as SpineRoutine;
  const entry = p.entries.get(known) ?? fail("not-linked", routine.name);
  const id = m.threads.length as ThreadId;
  if (id >= MAX_THREADS) fail("too-many-threads", name);
  const base = threadBase(m, id);
  m.thread = id;
  m.fp = base + THREAD_HEAD + HEAD;
  const locals = localsOf(m, known);
  m.threads.push({ name, routine: known, restRow: 0 });
  m.stackEnd = base + THREAD_HEAD + m.stack;
  if (m.fp + locals.size > m.stackEnd) fail("stack-overflow", name);
  for (const [local, value] of Object.entries<Value | undefined>(args)) {
    if (value !== undefined) storeOf(m, locals, value, placeOf(locals, local))(m.fp);
  }
  settle(m, p, base, entry);
  m.threads[id] = { name, routine: known, restRow: m.mem[base] as number };
  return id;
}
