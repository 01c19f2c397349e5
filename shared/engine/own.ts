// The locals of a routine as accessors over the running thread's top frame, and values that name or
// compute them. One object per routine and machine; it follows the frame pointer, so acts of all
// threads share it. Conversions: booleans are 0 or 1, views their cell, words their halves, wide
// numbers two cells.
import { highHalf } from "../units/halves.ts";
import { fail } from "./faults.ts";
import type { Machine } from "./machine.ts";
import type { SpineRoutine } from "./routine.ts";
import { offsetsOf, viewMaker, wide, type Fields } from "./struct.ts";
import type { Computed, Value } from "./words.ts";

/** Where a routine's locals lie in its frame. */
export interface Locals {
  readonly routine: string;
  readonly fields: Fields;
  readonly offsets: Readonly<Record<string, number>>;
  readonly size: number;
  readonly own: object;
}

export function localsOf(m: Machine, routine: SpineRoutine): Locals {
  const fields = routine.locals;
  const offsets = offsetsOf(fields);
  const size = Object.values(fields).reduce((sum, kind) => sum + kind.size, 0);
  return {
    routine: routine.name,
    fields,
    offsets,
    size,
    own: viewMaker(fields, "frame")(m, 0) as object,
  };
}

/** Offset and size of a local; unknown names are a mistake of the routine. */
export function placeOf(locals: Locals, name: string): { offset: number; size: number } {
  const kind = locals.fields[name];
  const offset = locals.offsets[name];
  if (kind === undefined || offset === undefined) fail("bad-local", `${locals.routine}.${name}`);
  return { offset, size: kind.size };
}

/** The value `done` returns, as a number; a local of one cell has a row of its own (GIVE). */
export function numberOf(m: Machine, locals: Locals, value: Value): () => number {
  if (typeof value === "function") return () => scalar(value());
  if (typeof value !== "string") {
    const constant = Number(value);
    return () => constant;
  }
  const { offset } = placeOf(locals, value);
  if (locals.fields[value] !== wide) {
    fail("bad-local", `${locals.routine}.${value} is not one number`);
  }
  return () => wide.read(m, m.fp + offset);
}

/** Stores a value into a local at (frame pointer + offset) of the frame given. */
export function storeOf(
  m: Machine,
  from: Locals,
  value: Value,
  to: { offset: number; size: number },
): (fp: number) => void {
  const { offset, size } = to;
  if (typeof value === "string") {
    const source = placeOf(from, value);
    if (source.size !== size) {
      fail("bad-local", `${from.routine}.${value}: ${source.size} cells for ${size}`);
    }
    return (fp) => {
      for (let i = 0; i < size; i++) {
        m.put(fp + offset + i, m.mem[m.fp + source.offset + i] as number);
      }
    };
  }
  const compute = typeof value === "function" ? value : () => value;
  if (size === 1) return (fp) => m.put(fp + offset, scalar(compute()));
  if (size !== 2) fail("bad-local", `${from.routine}: a local of ${size} cells takes no value`);
  return (fp) => storeTwo(m, fp + offset, compute());
}

function storeTwo(m: Machine, cell: number, value: Computed): void {
  if (typeof value === "object" && "lo" in value) {
    const { lo, hi } = value as { lo: number; hi: number };
    m.put(cell, lo);
    m.put(cell + 1, hi);
    return;
  }
  const joined = scalar(value);
  m.put(cell, joined);
  m.put(cell + 1, highHalf(joined));
}

/** @internal A result or value as one number. */
export function scalar(value: unknown): number {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "object" && value !== null && "cell" in value) return Number(value.cell);
  return 0;
}
