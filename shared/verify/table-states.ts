// KVM's tables as a trace's SPTE lines tell them: differences applied to a map of entries per vCPU.
// Owns the state after the last applied step; a labRoot forgets all earlier entries of its vCPU.
// From: the trace files' SPTE lines (level, page of the address, value; runs of neighbours).
import { hexOfHalves } from "#shared/units/hex";
import { joinHalves } from "#shared/units/halves";
import { EntryForm } from "#shared/events/lab";
import { EVENTS } from "#shared/events/table";
import { pagesPerLevel } from "#shared/units/address";
import type { Renaming, Value } from "./renaming.ts";
import type { TraceRecord } from "./trace.ts";

export interface TableEntry extends Value {
  readonly level: number;
  /** Page number of the address it translates: gfn, or gva >> 12 with shadow paging. */
  readonly page: number;
  /** Who wrote it, as far as the record says. */
  readonly by: string;
}

interface VcpuTables {
  root: Value;
  rootLevel: number;
  readonly entries: Map<string, TableEntry>;
}

/**
 * Level of a root that a vCPU has let go of and KVM has given back. A walk of its page finds what
 * the host made of it since, so nothing is asked of it until the vCPU has a root again.
 */
export const NO_TABLES = 0;

/** Neighbours in one SPTE line; a table has 512 entries, a dump a few thousand. */
const RUN_LIMIT = 1 << 16;

const keyOf = (level: number, page: number): string => `${page}:${level}`;
const wideAt = (cells: Int32Array, at: number): number =>
  joinHalves(cells[at] ?? 0, cells[at + 1] ?? 0);

export class TableStates {
  readonly #vcpus = new Map<number, VcpuTables>();

  apply(records: readonly TraceRecord[]): void {
    for (const record of records) {
      if (record.id === EVENTS.labRoot.id) this.#setRoot(record.cells);
      else if (record.id === EVENTS.labSpte.id) this.#setEntries(record);
    }
  }

  vcpus(): readonly number[] {
    return Array.from(this.#vcpus.keys()).sort((a, b) => a - b);
  }

  rootOf(vcpu: number): { readonly root: Value; readonly level: number } | null {
    const tables = this.#vcpus.get(vcpu);
    return tables === undefined ? null : { root: tables.root, level: tables.rootLevel };
  }

  entryAt(vcpu: number, level: number, page: number): TableEntry | undefined {
    return this.#vcpus.get(vcpu)?.entries.get(keyOf(level, page));
  }

  /** Entries by address, then higher level first: the order in which a walk meets them. */
  entriesOf(vcpu: number): readonly TableEntry[] {
    const entries = Array.from(this.#vcpus.get(vcpu)?.entries.values() ?? []);
    return entries.sort((a, b) => a.page - b.page || b.level - a.level);
  }

  #setRoot(cells: Int32Array): void {
    const root = { lo: cells[1] ?? 0, hi: cells[2] ?? 0 };
    this.#vcpus.set(cells[0] ?? 0, { root, rootLevel: cells[3] ?? 0, entries: new Map() });
  }

  /** Cells of labSpte: vcpu, level, page (2), form, count, spte (2), step (2). */
  #setEntries({ cells, by }: TraceRecord): void {
    const tables = this.#vcpus.get(cells[0] ?? 0);
    if (tables === undefined) return;
    const level = cells[1] ?? 1;
    const first = wideAt(cells, 2);
    const form = cells[4];
    const isRun = form === EntryForm.run || form === EntryForm.goneRun;
    const count = isRun ? Math.min(cells[5] ?? 0, RUN_LIMIT) : 1;
    let value: Value = { lo: cells[6] ?? 0, hi: cells[7] ?? 0 };
    for (let index = 0; index < count; index++) {
      const page = first + index * pagesPerLevel(level);
      const isGone = form === EntryForm.gone || form === EntryForm.goneRun;
      if (isGone) tables.entries.delete(keyOf(level, page));
      else tables.entries.set(keyOf(level, page), { ...value, level, page, by });
      value = sum(value, { lo: cells[8] ?? 0, hi: cells[9] ?? 0 });
    }
  }
}

function sum(a: Value, b: Value): Value {
  const low = (a.lo >>> 0) + (b.lo >>> 0);
  return { lo: low | 0, hi: (a.hi + b.hi + (low > 0xffffffff ? 1 : 0)) | 0 };
}

export interface EntryPlace {
  readonly vcpu: number;
  readonly level: number;
  readonly page: number;
}

export interface TableDifference {
  /** Null where roots differ. */
  readonly place: EntryPlace | null;
  readonly real: string | null;
  readonly ours: string | null;
  readonly field: string;
  readonly by: string;
  readonly around: { readonly real: readonly string[]; readonly ours: readonly string[] };
}

export const entryText = (vcpu: number, entry: TableEntry): string =>
  `SPTE r${vcpu} l${entry.level} g=${entry.page.toString(16)} ${hexOfHalves(entry.lo, entry.hi)}`;

const rootText = (vcpu: number, state: TableStates): string | null => {
  const root = state.rootOf(vcpu);
  return root === null
    ? null
    : `SPTE r${vcpu} root ${hexOfHalves(root.root.lo, root.root.hi)} level ${root.level}`;
};

/** The first entry in which two states differ, vCPU by vCPU; null when there is none. */
export function differingEntry(
  real: TableStates,
  ours: TableStates,
  renaming: Renaming,
): TableDifference | null {
  for (const vcpu of new Set([...real.vcpus(), ...ours.vcpus()])) {
    if (ours.rootOf(vcpu)?.level === NO_TABLES) continue;
    const found =
      differingRoot(vcpu, real, ours, renaming) ?? differingIn(vcpu, real, ours, renaming);
    if (found !== null) return found;
  }
  return null;
}

function differingRoot(
  vcpu: number,
  real: TableStates,
  ours: TableStates,
  renaming: Renaming,
): TableDifference | null {
  const a = real.rootOf(vcpu);
  const b = ours.rootOf(vcpu);
  if (a === null && b === null) return null;
  const isSame =
    a !== null &&
    b !== null &&
    a.level === b.level &&
    renaming.match("physical", a.root, b.root, 0);
  if (isSame) return null;
  const texts = { real: rootText(vcpu, real), ours: rootText(vcpu, ours) };
  return { place: null, ...texts, field: "root", by: "", around: { real: [], ours: [] } };
}

function differingIn(
  vcpu: number,
  real: TableStates,
  ours: TableStates,
  renaming: Renaming,
): TableDifference | null {
  const expected = real.entriesOf(vcpu);
  const got = ours.entriesOf(vcpu);
  const count = Math.max(expected.length, got.length);
  for (let index = 0; index < count; index++) {
    const a = expected[index];
    const b = got[index];
    const field = entryField(a, b, renaming);
    if (field === null) continue;
    const isOurs = a === undefined || (b !== undefined && before(b, a));
    const isReal = b === undefined || (a !== undefined && before(a, b));
    const text = (entry: TableEntry | undefined): string | null =>
      entry === undefined ? null : entryText(vcpu, entry);
    const there = isOurs ? b : a;
    return {
      place: { vcpu, level: there?.level ?? 0, page: there?.page ?? 0 },
      real: isOurs ? null : text(a),
      ours: isReal ? null : text(b),
      field,
      by: (isReal ? undefined : b?.by) ?? "",
      around: { real: window(vcpu, expected, index), ours: window(vcpu, got, index) },
    };
  }
  return null;
}

const before = (a: TableEntry, b: TableEntry): boolean =>
  a.page < b.page || (a.page === b.page && a.level > b.level);

function entryField(
  a: TableEntry | undefined,
  b: TableEntry | undefined,
  renaming: Renaming,
): string | null {
  if (a === undefined || b === undefined) return "entry";
  if (a.page !== b.page || a.level !== b.level) return "entry";
  return renaming.match("entry", a, b, a.level) ? null : "value";
}

function window(vcpu: number, entries: readonly TableEntry[], index: number): string[] {
  return entries.slice(Math.max(0, index - 2), index + 3).map((entry) => entryText(vcpu, entry));
}
