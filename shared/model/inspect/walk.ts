// The walk of one guest address through three trees: the guest's tables, KVM's, the host's. Reads
// the machine's cells without side effects, at any tick; levels as pictures need them, with
// 512-entry strips.
// From: the walks of guest/walk.ts and host/pgtable.ts, told level by level.
import { pagesPerLevel } from "#shared/units/address";
import { frameOf } from "#shared/units/halves";
import { hexOf, hexOfHalves } from "#shared/units/hex";
import { readHigh, readLow, wordCell } from "../host/contents.ts";
import * as pt from "../host/pgtable.ts";
import { gfn_to_memslot, gfnToHva, memslotAt } from "../lookup/memslot.ts";
import { BAR_PAGES, BAR_PFN, HOST_TABLE_PFN, HOST_TABLES, pfn_valid } from "../state/layout.ts";
import { kvm_mmu_page } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { isTablePfn, readSpteHigh, readSpteLow, tableOf, tablePfn } from "../state/tables.ts";
import { entryText, isHuge, stateOf, STATES, type EntryState, type TreeKey } from "./entry.ts";

export interface EntryView {
  readonly index: number;
  readonly value: string;
  readonly text: string;
  readonly state: EntryState;
  readonly huge: boolean;
  readonly changed: boolean;
}

export interface LevelView {
  readonly level: number;
  readonly name: string;
  readonly table: string | null;
  readonly index: number;
  readonly strip: Uint8Array;
  readonly entries: EntryView[];
  readonly note: string;
}

export interface TreeView {
  readonly key: TreeKey;
  readonly title: string;
  readonly address: string;
  readonly levels: LevelView[];
}

/** A table of any tree: how to read entry `index`, and its cell for "changed". */
export interface TableReader {
  readonly physical: number;
  lo(index: number): number;
  hi(index: number): number;
  cell(index: number): number;
}

/** Whether a cell was written by the event shown. */
export type Changed = (cell: number) => boolean;

const hasContents = (pfn: number): boolean =>
  pfn_valid(pfn) || (pfn >= BAR_PFN && pfn < BAR_PFN + BAR_PAGES);

const guestTable = (m: Kvm, gpa: number, pfn: number): TableReader => ({
  physical: gpa,
  lo: (index) => readLow(m, pfn, index),
  hi: (index) => readHigh(m, pfn, index),
  cell: (index) => wordCell(m, pfn, index),
});

const kvmTable = (m: Kvm, table: number): TableReader => ({
  physical: tablePfn(m, table) * 4096,
  lo: (index) => readSpteLow(m, table + index * 2),
  hi: (index) => readSpteHigh(m, table + index * 2),
  cell: (index) => table + index * 2,
});

const hostTable = (m: Kvm, table: number): TableReader => ({
  physical: pt.pfnOfTable(m, table) * 4096,
  lo: (index) => m.mem[table + index * 2] as number,
  hi: (index) => m.mem[table + index * 2 + 1] as number,
  cell: (index) => table + index * 2,
});

/** The table at a physical address (a gpa for the guest's tree); null when there is none. */
export function tableAt(m: Kvm, tree: TreeKey, physical: number): TableReader | null {
  const frame = Math.floor(physical / 4096);
  if (tree === "tdp") return isTablePfn(frame) ? kvmTable(m, tableOf(m, frame)) : null;
  if (tree === "host") {
    const isTable = frame >= HOST_TABLE_PFN && frame < HOST_TABLE_PFN + HOST_TABLES;
    return isTable ? hostTable(m, pt.tableOfPfn(m, frame)) : null;
  }
  const pfn = pfnOfGfn(m, frame);
  return pfn === null ? null : guestTable(m, physical, pfn);
}

/** Host frame behind a gfn by its memslot and the host's tables; null when it leads nowhere. */
export function pfnOfGfn(m: Kvm, gfn: number): number | null {
  const slot = gfn_to_memslot(m, gfn);
  if (slot === 0) return null;
  const cell = pt.presentLeaf(m, gfnToHva(memslotAt(m, slot), gfn));
  if (cell === 0) return null;
  const pfn = pt.leafPfn(m, cell, gfnToHva(memslotAt(m, slot), gfn));
  return hasContents(pfn) ? pfn : null;
}

export function viewEntry(
  tree: TreeKey,
  table: TableReader,
  index: number,
  level: number,
  changed: Changed,
): EntryView {
  const lo = table.lo(index);
  const hi = table.hi(index);
  const state = stateOf(tree, lo, hi, level);
  const cell = table.cell(index);
  const isChanged = cell !== 0 && (changed(cell) || changed(cell + 1));
  return {
    index,
    value: hexOfHalves(lo, hi),
    text: entryText(lo, hi, state),
    state,
    huge: isHuge(lo, level),
    changed: isChanged,
  };
}

export function stripOf(tree: TreeKey, table: TableReader, level: number): Uint8Array {
  const strip = new Uint8Array(512);
  for (let index = 0; index < 512; index++) {
    strip[index] = STATES.indexOf(stateOf(tree, table.lo(index), table.hi(index), level));
  }
  return strip;
}

/** Five entries around the index, kept inside the table. */
const AROUND = 5;

function leafEntries(
  tree: TreeKey,
  table: TableReader,
  index: number,
  changed: Changed,
): EntryView[] {
  const first = Math.min(Math.max(0, index - 2), 512 - AROUND);
  return Array.from({ length: AROUND }, (_, i) => viewEntry(tree, table, first + i, 1, changed));
}

const NAMES: Readonly<Record<TreeKey, readonly string[]>> = {
  guest: ["", "L1", "L2", "L3", "L4"],
  tdp: ["", "L1", "L2", "L3", "L4"],
  host: ["", "PTE", "PMD", "PUD", "PGD"],
};

const bracket = (index: number): string => `[${index.toString(16).padStart(3, "0")}]`;

/** What a tree needs to be walked. */
interface Walkable {
  readonly key: TreeKey;
  readonly title: string;
  readonly address: string;
  /** Index of the walked address at a level. */
  readonly indexAt: (level: number) => number;
  readonly root: TableReader | null;
  readonly next: (lo: number, hi: number) => TableReader | null;
}

export interface WalkEnd {
  readonly level: number;
  readonly sentence: string;
}

interface WalkedTree {
  readonly tree: TreeView;
  /** The leaf it ended at, or where and why it ended without one. */
  readonly leaf: { readonly lo: number; readonly hi: number; readonly level: number } | null;
  readonly end: WalkEnd | null;
}

function missingLevels(tree: Walkable, from: number, note: string): LevelView[] {
  return Array.from({ length: from }, (_, i) => {
    const level = from - i;
    return {
      level,
      name: NAMES[tree.key][level] ?? "",
      table: null,
      index: tree.indexAt(level),
      strip: new Uint8Array(0),
      entries: [],
      note,
    };
  });
}

function walkTree(tree: Walkable, changed: Changed): WalkedTree {
  const levels: LevelView[] = [];
  let table = tree.root;
  for (let level = 4; level >= 1; level--) {
    if (table === null) {
      const above = `${NAMES[tree.key][level + 1]} ${bracket(tree.indexAt(level + 1))}`;
      const sentence =
        level === 4 ? "There is no root table yet." : `No table: ${above} is not present.`;
      levels.push(...missingLevels(tree, level, sentence));
      return {
        tree: done(tree, levels),
        leaf: null,
        end: { level: Math.min(level + 1, 4), sentence },
      };
    }
    const index = tree.indexAt(level);
    const lo = table.lo(index);
    const hi = table.hi(index);
    const state = stateOf(tree.key, lo, hi, level);
    const entries =
      level === 1
        ? leafEntries(tree.key, table, index, changed)
        : [viewEntry(tree.key, table, index, level, changed)];
    levels.push({
      level,
      name: NAMES[tree.key][level] ?? "",
      table: hexOf(table.physical),
      index,
      strip: stripOf(tree.key, table, level),
      entries,
      note: "",
    });
    if (state === "T") {
      table = tree.next(lo, hi);
      continue;
    }
    if (level > 1 && state !== ".") {
      levels.push(
        ...missingLevels(
          tree,
          level - 1,
          `${level === 2 ? "2 MiB" : "1 GiB"} page, no L${level - 1}`,
        ),
      );
      return { tree: done(tree, levels), leaf: { lo, hi, level }, end: null };
    }
    if (level > 1) {
      table = null;
      continue;
    }
    const isLeaf = state !== "." && state !== "M" && state !== "Z";
    const what = state === "M" ? "an MMIO entry" : state === "Z" ? "frozen" : "not present";
    const sentence = `${NAMES[tree.key][1]} ${bracket(index)} is ${what}.`;
    return {
      tree: done(tree, levels),
      leaf: isLeaf ? { lo, hi, level: 1 } : null,
      end: isLeaf ? null : { level: 1, sentence },
    };
  }
  return { tree: done(tree, levels), leaf: null, end: null };
}

const done = (tree: Walkable, levels: LevelView[]): TreeView => ({
  key: tree.key,
  title: tree.title,
  address: tree.address,
  levels,
});

export interface Walk {
  readonly gva: string;
  readonly gpa: string | null;
  readonly gfn: number | null;
  readonly hva: string | null;
  readonly pfn: number | null;
  readonly slot: string;
  readonly trees: TreeView[];
  readonly ends: (WalkEnd & { readonly tree: TreeKey }) | null;
}

const indexOfNumber =
  (address: number) =>
  (level: number): number =>
    Math.floor(address / 2 ** (12 + 9 * (level - 1))) % 512;

function guestIndexes(lo: number, hi: number) {
  const table = [
    0,
    (lo >>> 12) & 511,
    (lo >>> 21) & 511,
    ((hi & 0x7f) << 2) | (lo >>> 30),
    (hi >>> 7) & 511,
  ];
  return (level: number): number => table[level] ?? 0;
}

/** gfn that a guest leaf gives for the address. */
function gfnOfLeaf(leaf: { lo: number; hi: number; level: number }, gvaLow: number): number {
  const pages = pagesPerLevel(leaf.level);
  const frame = Math.floor(frameOf(leaf.lo, leaf.hi) / pages) * pages;
  return frame + (Math.floor((gvaLow >>> 0) / 4096) % pages);
}

function walkNested(m: Kvm, vcpu: number, gpa: number | null, changed: Changed): WalkedTree {
  const root = m.vcpus[vcpu]?.root ?? 0;
  return walkTree(
    {
      key: "tdp",
      title: "TDP",
      address: gpa === null ? "" : `gpa ${hexOf(gpa)}`,
      indexAt: indexOfNumber(gpa ?? 0),
      root: root === 0 || gpa === null ? null : kvmTable(m, kvm_mmu_page.at(m, root).spt),
      next: (lo, hi) => kvmTable(m, tableOf(m, frameOf(lo, hi))),
    },
    changed,
  );
}

function walkHostTree(m: Kvm, hva: number | null, changed: Changed): WalkedTree {
  return walkTree(
    {
      key: "host",
      title: "Host",
      address: hva === null ? "" : `hva ${hexOf(hva)}`,
      indexAt: indexOfNumber(hva ?? 0),
      root: hva === null ? null : hostTable(m, m.mm.pgd),
      next: (lo, hi) => hostTable(m, pt.tableOfPfn(m, frameOf(lo, hi))),
    },
    changed,
  );
}

/** Which tree ends the walk: the guest's first, then KVM's, then the host's. */
function endOf(guest: WalkedTree, tdp: WalkedTree, host: WalkedTree): Walk["ends"] {
  if (guest.end !== null) return { tree: "guest", ...guest.end };
  if (tdp.end !== null) return { tree: "tdp", ...tdp.end };
  return host.end === null ? null : { tree: "host", ...host.end };
}

export function walk(
  m: Kvm,
  vcpu: number,
  gvaLow: number,
  gvaHigh: number,
  changed: Changed,
): Walk {
  const cr3 = m.vcpus[vcpu]?.cr3 ?? 0;
  const guest = walkTree(
    {
      key: "guest",
      title: "Guest",
      address: `gva ${hexOfHalves(gvaLow, gvaHigh)}`,
      indexAt: guestIndexes(gvaLow, gvaHigh),
      root: tableAt(m, "guest", cr3),
      next: (lo, hi) => tableAt(m, "guest", frameOf(lo, hi) * 4096),
    },
    changed,
  );
  const gfn = guest.leaf === null ? null : gfnOfLeaf(guest.leaf, gvaLow);
  const gpa = gfn === null ? null : gfn * 4096 + (gvaLow & 0xfff);
  const slot = gfn === null ? 0 : gfn_to_memslot(m, gfn);
  const hva = slot === 0 || gfn === null ? null : gfnToHva(memslotAt(m, slot), gfn);
  const tdp = walkNested(m, vcpu, gpa, changed);
  const host = walkHostTree(m, hva, changed);
  const leaf = tdp.leaf ?? host.leaf;
  return {
    gva: hexOfHalves(gvaLow, gvaHigh),
    gpa: gpa === null ? null : hexOf(gpa),
    gfn,
    hva: hva === null ? null : hexOf(hva),
    pfn: leaf === null ? null : frameOf(leaf.lo, leaf.hi),
    slot: slot === 0 ? "" : `slot ${memslotAt(m, slot).id}`,
    trees: [guest.tree, tdp.tree, host.tree],
    ends: endOf(guest, tdp, host),
  };
}
