// Objects by kind: where they lie, which are live, what their cells are called. Lowest free first,
// by a tree of bitmaps kept in cells: a free list would remember history and split equal states. A
// freed object is all zeroes. Objects never touched cost no memory, however many the layout
// reserves.
import { fail } from "./faults.ts";
import type { Cell, Machine } from "./machine.ts";

/** Names a cell inside an object of a kind, for inspector and provenance. */
export type CellNamer = (offset: number) => string;

/** A kind of object; declared once, used by every machine whose layout names it. */
export interface ObjectKind {
  readonly id: number;
  readonly name: string;
  readonly cells: number;
  readonly nameCell: CellNamer;
}

/**
 * How many objects of a kind a machine has. `fixed`: all live from the start, no bitmap, never
 * freed.
 */
export interface Layout {
  readonly kind: ObjectKind;
  readonly count: number;
  readonly fixed?: boolean;
}

let kinds = 0;

export function objectKind(name: string, cells: number, nameCell: CellNamer = String): ObjectKind {
  return { id: kinds++, name, cells, nameCell };
}

/** Where a cell lies. */
export interface CellName {
  readonly object: string;
  readonly index: number;
  readonly field: string;
  readonly offset: number;
}

/** Words of the top bitmap that are searched one by one; more get a level above them. */
const TOP_WORDS = 16;

export class Arena {
  declare readonly kind: ObjectKind;
  declare readonly count: number;
  declare readonly fixed: boolean;
  /** First cell of the bitmaps, or of object 0 where there are none. */
  declare readonly start: number;
  /** Cell of object 0. */
  declare readonly base: Cell;
  declare readonly end: number;
  /**
   * First cell of each bitmap level; level 0 has a bit per object (1 = live), each above a bit per
   * full word.
   */
  private readonly levels: number[] = [];
  declare private readonly topWords: number;
  private highest = 0;

  constructor(layout: Layout, from: number) {
    this.kind = layout.kind;
    this.count = layout.count;
    this.fixed = layout.fixed ?? false;
    this.start = from;
    let words = Math.ceil(layout.count / 32);
    let at = from;
    while (!this.fixed) {
      this.levels.push(at);
      at += words;
      if (words <= TOP_WORDS) break;
      words = Math.ceil(words / 32);
    }
    this.topWords = words;
    this.base = at as Cell;
    this.end = at + layout.count * layout.kind.cells;
  }

  at(index: number): Cell {
    if (index < 0 || index >= this.count) fail("cell-out-of-range", `${this.kind.name} ${index}`);
    return (this.base + index * this.kind.cells) as Cell;
  }

  indexOf(cell: number): number {
    return Math.floor((cell - this.base) / this.kind.cells);
  }

  isLive(m: Machine, index: number): boolean {
    if (this.fixed) return index >= 0 && index < this.count;
    return (((m.mem[this.wordOf(0, index)] as number) >>> (index & 31)) & 1) === 1;
  }

  alloc(m: Machine): Cell {
    const index = this.lowestFree(m);
    if (index < 0 || index >= this.count) fail("kind-is-full", this.kind.name);
    this.setBits(m, index);
    if (index >= this.highest) this.highest = index + 1;
    return (this.base + index * this.kind.cells) as Cell;
  }

  free(m: Machine, cell: Cell): void {
    const index = this.indexOf(cell);
    if (this.fixed || cell !== this.at(index) || !this.isLive(m, index)) {
      fail("not-allocated", `${this.kind.name} at cell ${cell}`);
    }
    const end = cell + this.kind.cells;
    for (let i: number = cell; i < end; i++) if (m.mem[i] !== 0) m.put(i, 0);
    this.clearBits(m, index);
  }

  /** Live objects in order of index. */
  *live(m: Machine): Generator<Cell> {
    const end = this.fixed ? this.count : this.highest;
    for (let i = 0; i < end; i++) if (this.isLive(m, i)) yield this.at(i);
  }

  /** Zeroes all that a run can have used. */
  reset(m: Machine): void {
    const used = this.fixed ? this.count : this.highest;
    if (used > 0) m.mem.fill(0, this.start, this.base + used * this.kind.cells);
    this.highest = 0;
  }

  nameOf(cell: number): CellName {
    const { name, cells, nameCell } = this.kind;
    if (cell < this.base) return { object: `${name} bitmap`, index: 0, field: "", offset: 0 };
    const offset = (cell - this.base) % cells;
    return { object: name, index: this.indexOf(cell), field: nameCell(offset), offset };
  }

  private wordOf(level: number, index: number): number {
    return (this.levels[level] as number) + (index >>> 5);
  }

  private lowestFree(m: Machine): number {
    const top = this.levels.length - 1;
    if (top < 0) return -1;
    let word = 0;
    const topAt = this.levels[top] as number;
    while (word < this.topWords && m.mem[topAt + word] === -1) word++;
    if (word === this.topWords) return -1;
    for (let level = top; ; level--) {
      const free = ~(m.mem[(this.levels[level] as number) + word] as number);
      word = word * 32 + (31 - Math.clz32(free & -free));
      if (level === 0) return word;
    }
  }

  private setBits(m: Machine, index: number): void {
    for (let level = 0, i = index; level < this.levels.length; level++, i >>>= 5) {
      const cell = this.wordOf(level, i);
      const bits = (m.mem[cell] as number) | (1 << (i & 31));
      m.put(cell, bits);
      if (bits !== -1) return;
    }
  }

  private clearBits(m: Machine, index: number): void {
    for (let level = 0, i = index; level < this.levels.length; level++, i >>>= 5) {
      const cell = this.wordOf(level, i);
      const before = m.mem[cell] as number;
      m.put(cell, before & ~(1 << (i & 31)));
      if (before !== -1) return;
    }
  }
}

/** Parts of the name of any cell; null outside the objects (control and reserved cells). */
export function nameOf(m: Machine, cell: number): CellName | null {
  const arena = m.arenaOf(cell);
  return arena === null ? null : arena.nameOf(cell);
}
