// Structs over cells: a declared list of fields becomes one class of accessors that read mem and
// put. A view owns nothing: it is a machine and a cell, free to make and to drop. Cell 0 is "no
// object". Fields carry the names of what they stand for; the same table names cells for inspector
// and provenance.
import { highHalf, joinHalves, type Word as Word64 } from "../units/halves.ts";
import { fail } from "./faults.ts";
import { generate, isName } from "./generate.ts";
import type { Cell, Machine } from "./machine.ts";

/** How a field lies in cells and reads as a value. */
export interface FieldKind<T> {
  readonly size: number;
  read(m: Machine, cell: number): T;
  write(m: Machine, cell: number, value: T): void;
  /** Name of a cell inside the field; "" where the field is one cell. */
  part(offset: number): string;
  /**
   * The bodies of read and write as text over `m`, `at` and `value`: where code may be generated,
   * accessors hold them instead of a call, so that twenty of them still fit in one compiled act.
   */
  readonly text?: { readonly read: string; readonly write: string };
}

/** A 64-bit field as halves; assigning a word puts both. */
export interface Pair {
  lo: number;
  hi: number;
}

export type Fields = Readonly<Record<string, FieldKind<unknown>>>;
export type FieldValue<K> = K extends FieldKind<infer T> ? T : never;
export type Values<F extends Fields> = { -readonly [Name in keyof F]: FieldValue<F[Name]> };
/** A struct at a cell. `cell` 0 means there is none; reading a field of it is a mistake. */
export type View<F extends Fields> = Values<F> & { readonly cell: Cell };

export interface Struct<F extends Fields> {
  readonly name: string;
  readonly size: number;
  readonly fields: F;
  readonly offsets: { readonly [Name in keyof F]: number };
  at(m: Machine, cell: number): View<F>;
  nameCell(offset: number): string;
}

const single = (): string => "";

const PUT = "m.put(at, value)";

const number: FieldKind<number> = {
  size: 1,
  part: single,
  text: { read: "m.mem[at]", write: PUT },
  read: (m, cell) => m.mem[cell] as number,
  write: (m, cell, value) => m.put(cell, value),
};
/** One int32. */
export const int: FieldKind<number> = number;

/** One cell that is 0 or 1, read as a boolean. */
export const bit: FieldKind<boolean> = {
  size: 1,
  part: single,
  read: (m, cell) => m.mem[cell] !== 0,
  write: (m, cell, value) => m.put(cell, value ? 1 : 0),
  text: { read: "m.mem[at] !== 0", write: "m.put(at, value ? 1 : 0)" },
};

/** A frame number or address below 2^53, over two cells (lo, hi). */
export const wide: FieldKind<number> = {
  size: 2,
  part: (offset) => (offset === 0 ? "lo" : "hi"),
  read: (m, cell) => wideOf(m.mem[cell] as number, m.mem[cell + 1] as number),
  write: (m, cell, value) => {
    m.put(cell, value);
    m.put(cell + 1, highHalf(value));
  },
  text: {
    read: "wideOf(m.mem[at], m.mem[at + 1])",
    write: "m.put(at, value); m.put(at + 1, highHalf(value))",
  },
};

// Most frame numbers fit an int32: taken apart here, they never become a number on the heap.
const wideOf = (lo: number, hi: number): number => (hi === 0 && lo >= 0 ? lo : joinHalves(lo, hi));

class PairView implements Pair {
  declare private readonly m: Machine;
  declare private readonly cell: number;
  constructor(m: Machine, cell: number) {
    this.m = m;
    this.cell = cell;
  }
  get lo(): number {
    return this.m.mem[this.cell] as number;
  }
  set lo(value: number) {
    this.m.put(this.cell, value);
  }
  get hi(): number {
    return this.m.mem[this.cell + 1] as number;
  }
  set hi(value: number) {
    this.m.put(this.cell + 1, value);
  }
}

/** A 64-bit word over two cells (lo, hi). */
export const pair: FieldKind<Pair> = {
  size: 2,
  part: wide.part,
  text: {
    read: "new PairView(m, at)",
    write: "const { lo, hi } = value; m.put(at, lo); m.put(at + 1, hi)",
  },
  read: (m, cell) => new PairView(m, cell),
  write: (m, cell, value: Word64) => {
    const { lo, hi } = value;
    m.put(cell, lo);
    m.put(cell + 1, hi);
  },
};

const cellField: FieldKind<Cell> = {
  size: 1,
  part: single,
  text: { read: "m.mem[at]", write: PUT },
  read: (m, cell) => m.mem[cell] as Cell,
  write: (m, cell, value) => m.put(cell, value),
};

const refKinds = new WeakMap<object, unknown>();

function refTo<F extends Fields>(struct: Struct<F>): FieldKind<View<F>> {
  // The map holds, for each struct, the kind made for it here.
  const known = refKinds.get(struct) as FieldKind<View<F>> | undefined;
  if (known !== undefined) return known;
  const kind: FieldKind<View<F>> = {
    size: 1,
    part: single,
    read: (m, cell) => struct.at(m, m.mem[cell] as number),
    write: (m, cell, value) => m.put(cell, value.cell),
  };
  refKinds.set(struct, kind);
  return kind;
}

/** Cell of an object: bare `ref` reads as a Cell, `ref(someStruct)` as a view of it. */
export const ref: FieldKind<Cell> & typeof refTo = Object.assign(refTo, cellField);

/** A struct that lies inside this one; assigning is not possible, only its fields. */
export function local<F extends Fields>(struct: Struct<F>): FieldKind<View<F>> {
  return {
    size: struct.size,
    part: struct.nameCell,
    read: struct.at,
    write: () => fail("bad-local", `${struct.name} cannot be assigned whole`),
  };
}

/** Indexed access to `count` fields of one kind, one after another. */
export class List<T> {
  declare private readonly m: Machine;
  declare readonly cell: number;
  declare readonly count: number;
  declare private readonly element: FieldKind<T>;
  constructor(m: Machine, cell: number, count: number, element: FieldKind<T>) {
    this.m = m;
    this.cell = cell;
    this.count = count;
    this.element = element;
  }
  get(index: number): T {
    return this.element.read(this.m, this.cell + index * this.element.size);
  }
  set(index: number, value: T): void {
    this.element.write(this.m, this.cell + index * this.element.size, value);
  }
}

export function list<T>(count: number, element: FieldKind<T>): FieldKind<List<T>> {
  return {
    size: count * element.size,
    part: (offset) => {
      const inner = element.part(offset % element.size);
      const index = Math.floor(offset / element.size);
      return inner === "" ? `[${index}]` : `[${index}].${inner}`;
    },
    read: (m, cell) => new List(m, cell, count, element),
    write: () => fail("bad-local", "a list cannot be assigned whole"),
  };
}

const MAX_STRUCT = 65_536;

/** A class of views over the fields, in their order, without holes. */
export function struct<F extends Fields>(name: string, fields: F): Struct<F> {
  const offsets = offsetsOf(fields);
  const size = Object.values(fields).reduce((sum, kind) => sum + kind.size, 0);
  if (size > MAX_STRUCT) fail("bad-struct", name);
  // The accessors are exactly those of View<F>: both come from the same table of fields.
  const at = viewMaker(fields, "cell") as Struct<F>["at"];
  return {
    name,
    size,
    fields,
    at,
    offsets: offsets as Struct<F>["offsets"],
    nameCell: (offset) => nameCell(fields, offsets, offset),
  };
}

/** @internal Offset of each field from the struct's first cell. */
export function offsetsOf(fields: Fields): Record<string, number> {
  const offsets: Record<string, number> = {};
  let at = 0;
  for (const [name, kind] of Object.entries(fields)) {
    if (!isName(name) || name === "cell" || name === "m") fail("bad-struct", name);
    offsets[name] = at;
    at += kind.size;
  }
  return offsets;
}

function nameCell(fields: Fields, offsets: Record<string, number>, offset: number): string {
  for (const [name, kind] of Object.entries(fields)) {
    const inside = offset - (offsets[name] ?? 0);
    if (inside < 0 || inside >= kind.size) continue;
    const part = kind.part(inside);
    return part === "" || part.startsWith("[") ? name + part : `${name}.${part}`;
  }
  return String(offset);
}

/** What the texts of fields name. */
const IN_TEXT = { wideOf, highHalf, PairView };

/** Makes a view of a machine's cells from a base cell on. */
export type MakeView = (m: Machine, cell: number) => unknown;

const kindIds = new WeakMap<FieldKind<unknown>, number>();
const makers = new Map<string, MakeView>();
let kindCount = 0;

function kindId(kind: FieldKind<unknown>): number {
  const known = kindIds.get(kind);
  if (known !== undefined) return known;
  kindIds.set(kind, kindCount);
  return kindCount++;
}

/**
 * @internal One class per list of fields, however often it is declared: code that is made anew (the
 * acts of a protocol stated again) then sees the same shape and stays fast. `frame`: the base is
 * the frame pointer.
 */
export function viewMaker(fields: Fields, base: "cell" | "frame"): MakeView {
  const parts = Object.entries(fields).map(([name, kind]) => ` ${name} ${kindId(kind)}`);
  const key = base + parts.join("");
  const known = makers.get(key);
  if (known !== undefined) return known;
  const made = generate({ kinds: fields, ...IN_TEXT }, classText(fields, base)) as MakeView | null;
  const maker = made ?? closureViews(fields, base);
  makers.set(key, maker);
  return maker;
}

function classText(fields: Fields, base: "cell" | "frame"): string {
  const offsets = offsetsOf(fields);
  const from = base === "cell" ? "this.cell" : "m.fp";
  const accessors = Object.entries(fields).map(([name, { text }]) => {
    const at = `const m = this.m; const at = ${from} + ${offsets[name]};`;
    const read = text?.read ?? `kinds.${name}.read(m, at)`;
    const write = text?.write ?? `kinds.${name}.write(m, at, value)`;
    return `
    get ${name}() { ${at} return ${read}; }
    set ${name}(value) { ${at} ${write}; }`;
  });
  return `class View {
    constructor(m, cell) { this.m = m; this.cell = cell; } ${accessors.join("")} }
    return (m, cell) => new View(m, cell);`;
}

function closureViews(fields: Fields, base: "cell" | "frame"): MakeView {
  class Plain {
    readonly m: Machine;
    readonly cell: number;
    constructor(m: Machine, cell: number) {
      this.m = m;
      this.cell = cell;
    }
    get base(): number {
      return base === "cell" ? this.cell : this.m.fp;
    }
  }
  const offsets = offsetsOf(fields);
  for (const [name, kind] of Object.entries(fields)) {
    const offset = offsets[name] ?? 0;
    Object.defineProperty(Plain.prototype, name, {
      get(this: Plain): unknown {
        return kind.read(this.m, this.base + offset);
      },
      set(this: Plain, value: unknown) {
        kind.write(this.m, this.base + offset, value);
      },
    });
  }
  return (m, cell) => new Plain(m, cell);
}
