// Locks over cells: mutex, reader-writer lock, sleepable RCU; and the words that take, release and
// wait for them. A lock knows its holders, for asserts and for "who holds what" when threads wait.
// No fairness: any enabled thread goes. From: kernel/locking (mutex, rwlock_t),
// kernel/rcu/srcutree.c as far as readers and grace periods go.
import { fail } from "./faults.ts";
import type { Cell, Machine, ThreadSet } from "./machine.ts";
import type { FieldKind } from "./struct.ts";
import type { ActWord, Condition, UntilWord } from "./words.ts";

export type LockMode = "read" | "write";

/** What a lock word needs: a mutex is taken for writing only. */
export interface Lock {
  readonly cell: Cell;
  canTake(mode: LockMode): boolean;
  take(mode: LockMode): void;
  /** Releases the running thread's hold, whichever mode it has. */
  release(): void;
  holders(): ThreadSet;
  isHeld(mode: LockMode): boolean;
}

/** One cell: owner thread + 1, 0 = free. */
export class Mutex implements Lock {
  declare readonly m: Machine;
  declare readonly cell: Cell;
  constructor(m: Machine, cell: number) {
    this.m = m;
    this.cell = cell as Cell;
  }
  canTake(_mode: LockMode): boolean {
    return this.m.mem[this.cell] === 0;
  }
  take(_mode: LockMode): void {
    if (this.m.mem[this.cell] !== 0) {
      fail("lock-misuse", `cell ${this.cell}, thread ${this.m.thread}`);
    }
    this.m.put(this.cell, this.m.thread + 1);
  }
  release(): void {
    if (!this.isHeld("write")) fail("lock-misuse", `cell ${this.cell}, thread ${this.m.thread}`);
    this.m.put(this.cell, 0);
  }
  holders(): ThreadSet {
    const owner = this.m.mem[this.cell] as number;
    return owner === 0 ? 0 : 1 << (owner - 1);
  }
  isHeld(_mode: LockMode): boolean {
    return this.m.mem[this.cell] === this.m.thread + 1;
  }
}

/** Two cells: -1 a writer or n readers; bit set of holders. */
export class RwLock implements Lock {
  declare readonly m: Machine;
  declare readonly cell: Cell;
  constructor(m: Machine, cell: number) {
    this.m = m;
    this.cell = cell as Cell;
  }
  canTake(mode: LockMode): boolean {
    const state = this.m.mem[this.cell] as number;
    return mode === "read" ? state >= 0 : state === 0;
  }
  take(mode: LockMode): void {
    const { m, cell } = this;
    const self = 1 << m.thread;
    if (!this.canTake(mode) || (this.holders() & self) !== 0) {
      fail("lock-misuse", `cell ${cell}, thread ${m.thread}`);
    }
    m.put(cell, mode === "read" ? (m.mem[cell] as number) + 1 : -1);
    m.put(cell + 1, this.holders() | self);
  }
  release(): void {
    const { m, cell } = this;
    const self = 1 << m.thread;
    if ((this.holders() & self) === 0) fail("lock-misuse", `cell ${cell}, thread ${m.thread}`);
    const state = m.mem[cell] as number;
    m.put(cell, state < 0 ? 0 : state - 1);
    m.put(cell + 1, this.holders() & ~self);
  }
  holders(): ThreadSet {
    return this.m.mem[this.cell + 1] as number;
  }
  /** A writer may do all that a reader may. */
  isHeld(mode: LockMode): boolean {
    const held = (this.holders() & (1 << this.m.thread)) !== 0;
    return held && (mode === "read" || (this.m.mem[this.cell] as number) < 0);
  }
}

/** Two cells: readers inside; readers that the grace period in progress still waits for. */
export class Srcu {
  declare readonly m: Machine;
  declare readonly cell: Cell;
  constructor(m: Machine, cell: number) {
    this.m = m;
    this.cell = cell as Cell;
  }
  enter(): void {
    this.m.put(this.cell, this.readers() | (1 << this.m.thread));
  }
  leave(): void {
    const self = 1 << this.m.thread;
    if ((this.readers() & self) === 0) {
      fail("lock-misuse", `srcu at cell ${this.cell}, thread ${this.m.thread}`);
    }
    this.m.put(this.cell, this.readers() & ~self);
    this.m.put(this.cell + 1, this.awaited() & ~self);
  }
  /** Begins a grace period: it waits for those inside now, not for later readers. */
  startGrace(): void {
    this.m.put(this.cell + 1, this.readers());
  }
  readers(): ThreadSet {
    return this.m.mem[this.cell] as number;
  }
  awaited(): ThreadSet {
    return this.m.mem[this.cell + 1] as number;
  }
}

const notAssignable = (): never => fail("bad-local", "a lock cannot be assigned");

/** Struct field: a mutex or spinlock. */
export const mutex: FieldKind<Mutex> = {
  size: 1,
  part: () => "",
  read: (m, cell) => new Mutex(m, cell),
  write: notAssignable,
};
/** Struct field: a reader-writer lock. */
export const rwlock: FieldKind<RwLock> = {
  size: 2,
  part: (offset) => (offset === 0 ? "state" : "holders"),
  read: (m, cell) => new RwLock(m, cell),
  write: notAssignable,
};
/** Struct field: an SRCU or RCU domain. */
export const srcu: FieldKind<Srcu> = {
  size: 2,
  part: (offset) => (offset === 0 ? "readers" : "awaited"),
  read: (m, cell) => new Srcu(m, cell),
  write: notAssignable,
};

type Given<T> = T | (() => T);
const lazily = <T extends object>(given: Given<T>): (() => T) =>
  typeof given === "function" ? (given as () => T) : () => given as T;

/** Waits for the lock (and `also`), then takes it: one section. */
export function lock(
  label: string,
  given: Given<Lock>,
  mode: LockMode,
  options: { readonly also?: Condition } = {},
): UntilWord {
  const the = lazily(given);
  const { also } = options;
  return {
    kind: "until",
    label,
    guard: also === undefined ? () => the().canTake(mode) : () => the().canTake(mode) && also(),
    effect: () => the().take(mode),
    lock: the,
  };
}

export function unlock(label: string, given: Given<Lock>): ActWord {
  const the = lazily(given);
  return { kind: "act", label, effect: () => the().release() };
}

/** An act that begins a grace period; `waitGrace` ends it. */
export function startGrace(label: string, given: Given<Srcu>): ActWord {
  const the = lazily(given);
  return { kind: "act", label, effect: () => the().startGrace() };
}

/** Waits until all readers of the grace period have left. */
export function waitGrace(label: string, given: Given<Srcu>): UntilWord {
  const the = lazily(given);
  return { kind: "until", label, guard: () => the().awaited() === 0, effect: null, lock: null };
}

/** Asserts that the running thread holds the lock: at the top of an act that needs it. */
export function assertHeld(m: Machine, held: Lock, mode: LockMode): void {
  if (!held.isHeld(mode)) fail("lock-not-held", `cell ${held.cell}, ${mode}, thread ${m.thread}`);
}
