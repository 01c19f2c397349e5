// Watching machines, for tests and for "what did this act read": a proxy stands in for mem while
// something runs. Control may read its own thread's cells and ranges declared private; guards read
// freely; neither puts. A checked machine also refuses puts outside live objects.
import { fail } from "./faults.ts";
import { Machine, THREADS_AT, THREAD_HEAD, type MachineConfig } from "./machine.ts";

/** Runs `body` while every read of a cell is told to `read`. */
export function watchReads<T>(m: Machine, read: (cell: number) => void, body: () => T): T {
  const real = m.mem;
  m.mem = new Proxy(real, {
    get(target, key) {
      const cell = typeof key === "string" ? Number(key) : Number.NaN;
      if (Number.isInteger(cell)) {
        read(cell);
        return target[cell];
      }
      const member: unknown = Reflect.get(target, key, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
    set(target, key, value: number) {
      target[Number(key)] = value;
      return true;
    },
  });
  try {
    return body();
  } finally {
    m.mem = real;
  }
}

/** A condition that fails when it puts, or (control) reads what other threads reach. */
export function guarded(m: Machine, condition: () => unknown, control: boolean): () => unknown {
  if (!(m instanceof CheckedMachine)) return condition;
  return () => {
    m.isSealed = true;
    try {
      return control ? watchReads(m, (cell) => mayRead(m, cell), condition) : condition();
    } finally {
      m.isSealed = false;
    }
  };
}

function mayRead(m: CheckedMachine, cell: number): void {
  const size = THREAD_HEAD + m.stack;
  const start = THREADS_AT + m.thread * size;
  if (cell >= start && cell < start + size) return;
  if (m.isPrivate(cell)) return;
  fail("impure-control", `cell ${cell}, thread ${m.thread}`);
}

/** A machine that asserts each put. */
export class CheckedMachine extends Machine {
  /** True while a condition or guard runs: nothing may be put. */
  isSealed = false;
  private ranges: { thread: number; from: number; end: number }[] = [];

  override put(cell: number, value: number): void {
    if (this.isSealed) fail("impure-control", `a put to cell ${cell}, thread ${this.thread}`);
    if (!Number.isFinite(value)) fail("not-a-number", `${value} to cell ${cell}`);
    if (!Number.isInteger(cell) || cell < THREADS_AT || cell >= this.mem.length) {
      fail("cell-out-of-range", cell);
    }
    const arena = this.arenaOf(cell);
    if (arena !== null && cell >= arena.base && !arena.isLive(this, arena.indexOf(cell))) {
      fail("cell-not-live", `${arena.kind.name} at cell ${cell}`);
    }
    super.put(cell, value);
  }

  override reset(): void {
    super.reset();
    this.ranges = [];
  }

  /** Declares cells that only this thread reaches: its control may read them. */
  declarePrivate(thread: number, from: number, cells: number): void {
    this.ranges.push({ thread, from, end: from + cells });
  }

  isPrivate(cell: number): boolean {
    return this.ranges.some(
      (range) => range.thread === this.thread && cell >= range.from && cell < range.end,
    );
  }
}

/** The machine for a layout: checked where the configuration says so. */
export const createMachine = (config: MachineConfig): Machine =>
  config.checks === true ? new CheckedMachine(config) : new Machine(config);
