// KVM's tables of two runs, entry by entry: equal, renamed, different, or in one run only.
// Owns no state: entries come from a TableReader, or from the events that changed them.
// From: kvm_tdp_mmu_spte_changed, which every change of an entry of the TDP tables emits.
import { EventId } from "#shared/events/table";
import type { SimRun } from "#shared/model/sim-run";
import { intAt, scanEvents, wideAt } from "#shared/rules/scan";
import { hasBit, sameWord } from "#shared/units/halves";
import { isTableEntry, Renaming } from "./renaming.ts";
import type { Mark } from "./rows.ts";

export interface TableEntry {
  readonly level: number;
  /** Page number of the address that the entry translates: its place in both runs. */
  readonly page: number;
  readonly gfn: number;
  readonly lo: number;
  readonly hi: number;
  /** Event that wrote it; 0: unknown. */
  readonly event: number;
}

/** Present entries at a place of a run; who can replay the run may read them from the machine. */
export interface TableReader {
  entries(event: number): readonly TableEntry[];
}

export interface TableRow<Entry extends TableEntry> {
  readonly level: number;
  readonly page: number;
  readonly gfn: number;
  readonly a: Entry | null;
  readonly b: Entry | null;
  readonly mark: Mark;
  readonly text: string;
}

const MMU_PRESENT = 11;
const WRITABLE = 1;
const keyOf = (level: number, page: number): number => page * 8 + level;

/** Entries after event n (0: the end), as the events tell them. */
export function entriesFromEvents(run: SimRun): TableReader {
  return {
    entries: (event) => {
      const last = event === 0 ? run.record.events : event;
      const entries = new Map<number, TableEntry>();
      scanEvents(run.record, [EventId.kvm_tdp_mmu_spte_changed], ({ n, cells }) => {
        if (n > last) return;
        const [level, gfn] = [intAt(cells, 3), wideAt(cells, 1)];
        const [lo, hi] = [intAt(cells, 6), intAt(cells, 7)];
        const key = keyOf(level, gfn);
        const stored = entries.get(key);
        const isTheOld = stored?.lo === intAt(cells, 4) && stored.hi === intAt(cells, 5);
        if (hasBit(lo, hi, MMU_PRESENT))
          entries.set(key, { level, page: gfn, gfn, lo, hi, event: n });
        else if (isTheOld) entries.delete(key);
      });
      return [...entries.values()];
    },
  };
}

/** Rows from the root down, by address; equal ones included. */
export function compareEntries<Entry extends TableEntry>(
  entriesA: readonly Entry[],
  entriesB: readonly Entry[],
): readonly TableRow<Entry>[] {
  const sideA = new Map(entriesA.map((entry) => [keyOf(entry.level, entry.page), entry]));
  const sideB = new Map(entriesB.map((entry) => [keyOf(entry.level, entry.page), entry]));
  const keys = new Set([...sideA.keys(), ...sideB.keys()]);
  const pairs = [...keys].map((key) => ({ a: sideA.get(key) ?? null, b: sideB.get(key) ?? null }));
  const place = ({ a, b }: { a: Entry | null; b: Entry | null }) => a ?? b;
  pairs.sort(
    (left, right) =>
      (place(right)?.level ?? 0) - (place(left)?.level ?? 0) ||
      (place(left)?.page ?? 0) - (place(right)?.page ?? 0),
  );
  const renaming = new Renaming();
  return pairs.flatMap(({ a, b }) => {
    const at = a ?? b;
    if (at === null) return [];
    const { level, page, gfn } = at;
    return [{ level, page, gfn, a, b, ...judge(a, b, renaming) }];
  });
}

function judge(
  a: TableEntry | null,
  b: TableEntry | null,
  renaming: Renaming,
): { mark: Mark; text: string } {
  if (a === null || b === null) {
    const [side, entry] = a === null ? (["B", b] as const) : (["A", a] as const);
    const at = entry === null || entry.event === 0 ? "" : ` at event ${entry.event}`;
    return { mark: side, text: `only ${side} has the entry, written${at || " earlier"}` };
  }
  const isRenamed = renaming.entries(a, b, a.level, false);
  if (sameWord(a, b) && isRenamed) return { mark: "=", text: "" };
  if (isRenamed) {
    const isTable = isTableEntry(a, a.level);
    return { mark: "≈", text: isTable ? "same table, other address" : "same page, other frame" };
  }
  const writable = [hasBit(a.lo, a.hi, WRITABLE), hasBit(b.lo, b.hi, WRITABLE)];
  if (writable[0] !== writable[1])
    return { mark: "≠", text: `writable only in ${writable[0] ? "A" : "B"}` };
  const isSameFrame = a.lo >>> 12 === b.lo >>> 12 && (a.hi & 0xfffff) === (b.hi & 0xfffff);
  return { mark: "≠", text: isSameFrame ? "other flags" : "another page" };
}

/** Entries that do not agree. */
export const entriesThatDiffer = (rows: readonly TableRow<TableEntry>[]): number =>
  rows.filter((row) => row.mark !== "=" && row.mark !== "≈").length;
