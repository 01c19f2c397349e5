// One number an event: what it says, without what differs from run to run (frames, table pages,
// string numbers).
// Promises: equal events of two runs have equal keys; unequal ones may share a key, so a match is
// compared again.
// From: the identities in the events' declarations; fields whose values only differ by the kernel's
// formats.
import { CONTINUED } from "#shared/engine/machine";
import { CELLS, type EventDeclaration, type Identity, type Slot } from "#shared/events/declare";
import { eventOf } from "#shared/events/table";
import type { SimRun } from "#shared/model/sim-run";

/** Fields that hold the kernel's own encoding of one and the same thing. */
const FORMAT_FIELDS: readonly string[] = ["role", "access"];

/** Fields by which an event keeps its place although other fields differ. */
const PLACE_FIELDS: Readonly<Record<string, readonly string[]>> = {
  lookupStep: ["step"],
  labPage: ["name"],
  labSpte: ["level", "page"],
  labStep: ["n"],
  lockTaken: ["lock"],
  lockReleased: ["lock"],
  kvm_tdp_mmu_spte_changed: ["gfn", "level"],
  kvm_mmu_set_spte: ["gfn", "level"],
  kvm_mmu_spte_requested: ["gfn"],
  kvm_page_fault: ["address"],
};

export interface EventKeys {
  /** Row of each event in the record's columns. */
  readonly rows: Int32Array;
  readonly strict: Int32Array;
  /** Events that may be paired although they differ share it. */
  readonly loose: Int32Array;
  readonly ids: Uint8Array;
}

/** A field that is renamed: where it lies, how wide it is, what it names. */
export interface NamedField {
  readonly at: number;
  readonly isWide: boolean;
  readonly identity: Identity;
}

/** An event's cells by what a comparison makes of them. */
export interface EventParts {
  /** Compared as they are; `isText` by cell. */
  readonly strict: readonly number[];
  readonly loose: readonly number[];
  readonly isText: readonly boolean[];
  readonly named: readonly NamedField[];
  /** The kernel's own encodings: may differ between kernels. */
  readonly format: readonly number[];
  /** Cell of the field `level`; -1 without one. */
  readonly level: number;
}

const cellsOf = (slot: Slot): number[] =>
  Array.from({ length: CELLS[slot.kind] }, (_, i) => slot.at + i);

function partsOf(event: EventDeclaration): EventParts {
  const place = PLACE_FIELDS[event.name] ?? [];
  const isFormat = (slot: Slot): boolean => FORMAT_FIELDS.includes(slot.name);
  const isNamed = (slot: Slot): boolean => event.identities[slot.name] !== undefined;
  const textCells = event.slots.filter((slot) => slot.kind === "text").map((slot) => slot.at);
  return {
    strict: event.slots.filter((slot) => !isFormat(slot) && !isNamed(slot)).flatMap(cellsOf),
    loose: event.slots.filter((slot) => place.includes(slot.name)).flatMap(cellsOf),
    format: event.slots.filter((slot) => isFormat(slot)).flatMap(cellsOf),
    isText: Array.from({ length: event.arity }, (_, cell) => textCells.includes(cell)),
    level: event.slots.find((slot) => slot.name === "level")?.at ?? -1,
    named: event.slots.flatMap((slot) => {
      const identity = event.identities[slot.name];
      return identity === undefined
        ? []
        : [{ at: slot.at, isWide: CELLS[slot.kind] === 2, identity }];
    }),
  };
}

const NO_PARTS: EventParts = {
  strict: [],
  loose: [],
  isText: [],
  named: [],
  format: [],
  level: -1,
};
const PARTS: readonly EventParts[] = Array.from({ length: 256 }, (_, id) => {
  const event = eventOf(id);
  return event === undefined ? NO_PARTS : partsOf(event);
});

/** The parts of an event by its id. */
export const eventParts = (id: number): EventParts => PARTS[id] ?? NO_PARTS;

const ROW_CELLS = 6;
const FIRST_FIELD = 3;

const mix = (hash: number, value: number): number =>
  Math.imul(hash ^ value, 0x9e3779b1) ^ (hash >>> 15);

function textHashes(run: SimRun): Int32Array {
  return Int32Array.from(run.texts.all(), (text) => {
    let hash = 7;
    for (let i = 0; i < text.length; i++) hash = mix(hash, text.charCodeAt(i));
    return hash;
  });
}

/** Keys of the first `most` events of a run. */
export function eventKeys(run: SimRun, most: number): EventKeys {
  const columns = run.record.columns.events;
  const kinds = columns[1] ?? new Int32Array(0);
  const count = Math.min(most, run.record.events);
  const texts = textHashes(run);
  const keys = {
    rows: new Int32Array(count),
    strict: new Int32Array(count),
    loose: new Int32Array(count),
    ids: new Uint8Array(count),
  };
  let n = 0;
  for (let row = 0; row < kinds.length && n < count; row++) {
    const kind = kinds[row] ?? 0;
    if ((kind & 0xff) === CONTINUED) continue;
    const parts = eventParts(kind & 0xff);
    const hash = (cells: readonly number[]): number => {
      let sum = mix(17, kind);
      for (const cell of cells) {
        const value = cellOf(columns, row, cell);
        sum = mix(sum, parts.isText[cell] === true ? (texts[value] ?? 0) : value);
      }
      return sum;
    };
    const strict = hash(parts.strict);
    const loose = hash(parts.loose);
    keys.rows[n] = row;
    keys.strict[n] = strict;
    keys.loose[n] = loose;
    keys.ids[n] = kind & 0xff;
    n++;
  }
  return keys;
}

/**
 * One cell of an event whose first row is given; later cells stand in the rows that continue it.
 */
export function cellOf(columns: readonly Int32Array[], row: number, cell: number): number {
  if (cell < ROW_CELLS) return columns[FIRST_FIELD + cell]?.[row] ?? 0;
  const below = Math.floor(cell / ROW_CELLS);
  return columns[FIRST_FIELD + cell - below * ROW_CELLS]?.[row + below] ?? 0;
}
