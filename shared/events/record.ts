// Between cells and records: `encode` makes the cells of named values, `decode` the values.
// Owns nothing; for tests, views and the edges. The engine's `emit` takes the cells themselves.
// From: the field kinds of the declarations.
import { highHalf, joinHalves, lowHalf } from "#shared/units/halves";
import type { Word } from "#shared/units/halves";
import { CELLS } from "./declare.ts";
import type { EventDeclaration, Fields, RecordOf, Slot, TypedDeclaration } from "./declare.ts";
import type { Texts } from "./texts.ts";

export type FieldValue = number | string | Word | readonly number[];

function put(cells: Int32Array, slot: Slot, value: FieldValue, texts: Texts): void {
  const { at } = slot;
  if (typeof value === "string") cells[at] = texts.idOf(value);
  else if (typeof value === "number") {
    cells[at] = lowHalf(value);
    if (CELLS[slot.kind] === 2) cells[at + 1] = highHalf(value);
  } else if ("lo" in value) {
    cells[at] = value.lo;
    cells[at + 1] = value.hi;
  } else cells.set(value.slice(0, CELLS.bytes), at);
}

/** The cells of an event from its named values. */
export function encode<F extends Fields>(
  event: TypedDeclaration<F>,
  values: RecordOf<F>,
  texts: Texts,
): Int32Array {
  const cells = new Int32Array(event.arity);
  for (const slot of event.slots) {
    const value = (values as Readonly<Record<string, FieldValue>>)[slot.name];
    if (value !== undefined) put(cells, slot, value, texts);
  }
  return cells;
}

/** One field's value out of an event's cells. */
export function fieldOf(slot: Slot, cells: Int32Array, base: number, texts: Texts): FieldValue {
  const first = cells[base + slot.at] ?? 0;
  const second = cells[base + slot.at + 1] ?? 0;
  switch (slot.kind) {
    case "int":
      return first;
    case "wide":
      return joinHalves(first, second);
    case "u64":
      return { lo: first, hi: second };
    case "text":
      return texts.textOf(first);
    case "bytes":
      return Array.from(cells.subarray(base + slot.at, base + slot.at + CELLS.bytes));
  }
}

/** The named values of an event's cells. */
export function decode<F extends Fields>(
  event: TypedDeclaration<F>,
  cells: Int32Array,
  base: number,
  texts: Texts,
): RecordOf<F> {
  return fieldsOf(event, cells, base, texts) as RecordOf<F>;
}

/** As `decode`, for an event whose type is not known. */
export function fieldsOf(
  event: EventDeclaration,
  cells: Int32Array,
  base: number,
  texts: Texts,
): Readonly<Record<string, FieldValue>> {
  const values: Record<string, FieldValue> = {};
  for (const slot of event.slots) values[slot.name] = fieldOf(slot, cells, base, texts);
  return values;
}
