// A small closed system for exhaustive search: named fields, arrays, locks, threads, rules, legal
// ends. Everything a protocol states is given here; it knows the engine's public words and nothing
// else. The machine is small, checked if wished, and made anew per protocol: workers of a pool take
// whole protocols.
import { objectKind, type Layout } from "./arena.ts";
import { createMachine } from "./checked.ts";
import type { StateRule } from "./explore.ts";
import { fail } from "./faults.ts";
import { link } from "./link.ts";
import { RwLock, Mutex, Srcu } from "./locks.ts";
import { rowOf, startThread } from "./loop.ts";
import { SMALL_BUFFERS, type Cell, type Machine, type ThreadId } from "./machine.ts";
import type { SpineRoutine } from "./routine.ts";
import { int, List, struct, type Fields, type FieldKind, type View } from "./struct.ts";
import type { Args } from "./words.ts";

/** Cells for the fields, arrays and locks of one protocol. */
const SHARED_CELLS = 256;
const STACK_CELLS = 32;

const sharedCells = objectKind("shared", SHARED_CELLS, (offset) => `[${offset}]`);

type Ints<Name extends string> = View<Record<Name, FieldKind<number>>>;

/** What a protocol's statement is written with. */
export class Protocol {
  readonly m: Machine;
  readonly rules: StateRule[] = [];
  private readonly starts: (() => void)[] = [];
  private readonly routines = new Set<SpineRoutine>();
  private readonly initial: { cell: number; value: number }[] = [];
  private readonly names: { from: number; cells: number; name: (offset: number) => string }[] = [];
  private used = 0;
  private endTest: () => boolean = () => this.threadsAtRest();

  constructor(checks: boolean) {
    const objects: Layout[] = [{ kind: sharedCells, count: 1, fixed: true }];
    this.m = createMachine({ objects, stack: STACK_CELLS, buffers: SMALL_BUFFERS, checks });
  }

  /** Shared fields of one cell each, with their values at the start. */
  fields<Name extends string>(initial: Readonly<Record<Name, number>>): Ints<Name> {
    const kinds: Record<string, FieldKind<number>> = {};
    for (const name of Object.keys(initial)) kinds[name] = int;
    const shape = struct("fields", kinds as Record<Name, FieldKind<number>>);
    const cell = this.take(shape.size, shape.nameCell);
    Object.values<number>(initial).forEach((value, i) =>
      this.initial.push({ cell: cell + i, value }),
    );
    return shape.at(this.m, cell);
  }

  /** `count` shared cells, all 0 at the start. */
  array(name: string, count: number): List<number> {
    return new List(
      this.m,
      this.take(count, (offset) => `${name}[${offset}]`),
      count,
      int,
    );
  }

  rwlock(name: string): RwLock {
    return new RwLock(
      this.m,
      this.take(2, () => name),
    );
  }
  mutex(name: string): Mutex {
    return new Mutex(
      this.m,
      this.take(1, () => name),
    );
  }
  srcu(name: string): Srcu {
    return new Srcu(
      this.m,
      this.take(2, () => name),
    );
  }

  thread<L extends Fields>(name: string, routine: SpineRoutine<L>, args: Args<L> = {}): void {
    this.routines.add(routine as unknown as SpineRoutine);
    this.starts.push(() => startThread(this.m, name, routine, args));
  }

  /**
   * A rule that every state must keep: `broken` tells that it does not. The first broken one
   * counts.
   */
  rule(id: string, broken: () => boolean): void {
    this.rules.push({ id, broken });
  }

  /**
   * When no thread can go on: true says this is how it may end. Without one: all threads at rest.
   */
  legalEnd(test: () => boolean): void {
    this.endTest = test;
  }
  isLegalEnd(): boolean {
    return this.endTest();
  }

  /** True when every thread is where it began, or has finished. */
  threadsAtRest(): boolean {
    return this.m.threads.every((info, t) => {
      const row = rowOf(this.m, t);
      return row === 0 || row === info.restRow;
    });
  }

  get threadIds(): ThreadId[] {
    return this.m.threads.map((_, t) => t as ThreadId);
  }

  /** Name of a shared cell. */
  nameOf(cell: Cell): string {
    const part = this.names.find(({ from, cells }) => cell >= from && cell < from + cells);
    return part === undefined ? `cell ${cell}` : part.name(cell - part.from);
  }

  /** The state at the start: what `startRun` calls after a reset. */
  build(): void {
    if (this.m.program === null) link(this.m, [...this.routines]);
    for (const { cell, value } of this.initial) this.m.put(cell, value);
    for (const start of this.starts) start();
  }

  private take(cells: number, name: (offset: number) => string): Cell {
    if (this.used + cells > SHARED_CELLS) fail("machine-too-small", this.used + cells);
    const from = this.m.arena(sharedCells).base + this.used;
    this.used += cells;
    this.names.push({ from, cells, name });
    return from as Cell;
  }
}

/** States a protocol on a machine of its own; `checks` watches puts, guards and conditions. */
export function stateProtocol(state: (p: Protocol) => void, checks = false): Protocol {
  const protocol = new Protocol(checks);
  state(protocol);
  return protocol;
}
