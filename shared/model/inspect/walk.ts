// The walk of one guest address through three trees: the guest's tables, KVM's, the host's. Reads
// the machine's cells without side effects, at any tick; levels as pictures need them, with
// 512-entry strips. KVM's tables lead on from the gpa, but shadow tables (npt0) from the gva
// itself.
// From: the walks of guest/walk.ts, guest/shadow-walk.ts and host/pgtable.ts, told level by level.
import { frameAt, frameInside, tableIndex } from "#shared/units/address";
import { frameOf } from "#shared/units/halves";
import { groupedHex, hexOf, hexOfHalves } from "#shared/units/hex";
import { indexAt } from "../guest/paging.ts";
import * as pt from "../host/pgtable.ts";
import { sptep_to_sp, spte_index } from "../kvm/sp.ts";
import { kvm_mmu_page_get_gfn } from "../kvm/zap-page.ts";
import { gfn_to_memslot, gfnToHva, memslotAt } from "../lookup/memslot.ts";
import { kvm_mmu_page } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { tableOf } from "../state/tables.ts";
import { entryText, isHuge, kvmTree, TREES, type EntryState, type TreeKey } from "./entry.ts";
import { hostTable, kvmTable, stateIn, stripOf, tableAt, type TableReader } from "./tables.ts";

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
  /** The shadow page of the table in words; "" in other trees. */
  readonly about: string;
  readonly index: number;
  readonly strip: Uint8Array;
  readonly entries: EntryView[];
  readonly note: string;
}

export interface TreeView {
  readonly key: TreeKey;
  readonly title: string;
  /** What it translates into what: "gva to gpa". */
  readonly maps: string;
  readonly address: string;
  readonly levels: LevelView[];
}

/** Whether a cell was written by the event shown. */
export type Changed = (cell: number) => boolean;

export function viewEntry(
  tree: TreeKey,
  table: TableReader,
  index: number,
  level: number,
  changed: Changed,
): EntryView {
  const lo = table.lo(index);
  const hi = table.hi(index);
  const state = stateIn(tree, table, index, level);
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

const KVM_NAMES = ["", "L1", "L2", "L3", "L4"];
const NAMES: Readonly<Record<TreeKey, readonly string[]>> = {
  guest: KVM_NAMES,
  tdp: KVM_NAMES,
  shadow: KVM_NAMES,
  host: ["", "PTE", "PMD", "PUD", "PGD"],
};

const bracket = (index: number): string => `[${index.toString(16).padStart(3, "0")}]`;

/** What a tree needs to be walked. */
interface Walkable {
  readonly key: TreeKey;
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

interface Leaf {
  readonly lo: number;
  readonly hi: number;
  readonly level: number;
  readonly cell: number;
}

interface WalkedTree {
  readonly tree: TreeView;
  /** The leaf it ended at, or where and why it ended without one. */
  readonly leaf: Leaf | null;
  readonly end: WalkEnd | null;
}

function missingLevels(tree: Walkable, from: number, note: string): LevelView[] {
  return Array.from({ length: from }, (_, i) => {
    const level = from - i;
    return {
      level,
      name: NAMES[tree.key][level] ?? "",
      table: null,
      about: "",
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
        level === 4 ? "There is no root table." : `No table: ${above} is not present.`;
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
    const state = stateIn(tree.key, table, index, level);
    const entries =
      level === 1
        ? leafEntries(tree.key, table, index, changed)
        : [viewEntry(tree.key, table, index, level, changed)];
    levels.push({
      level,
      name: NAMES[tree.key][level] ?? "",
      table: hexOf(table.physical),
      about: table.about,
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
      const leaf = { lo, hi, level, cell: table.cell(index) };
      return { tree: done(tree, levels), leaf, end: null };
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
      leaf: isLeaf ? { lo, hi, level: 1, cell: table.cell(index) } : null,
      end: isLeaf ? null : { level: 1, sentence },
    };
  }
  return { tree: done(tree, levels), leaf: null, end: null };
}

const done = (tree: Walkable, levels: LevelView[]): TreeView => ({
  key: tree.key,
  title: TREES[tree.key].title,
  maps: TREES[tree.key].maps,
  address: tree.address,
  levels,
});

export interface Walk {
  readonly gva: string;
  readonly gpa: string | null;
  readonly gfn: number | null;
  readonly hva: string | null;
  /** Where the CPU's walk leads; without KVM's entry, where the host's does. */
  readonly pfn: number | null;
  readonly hostPfn: number | null;
  readonly slot: string;
  readonly trees: TreeView[];
  readonly ends: (WalkEnd & { readonly tree: TreeKey }) | null;
  /** What a reviewer must know of the walk beside the pictures, or "". */
  readonly remark: string;
}

interface Address {
  readonly lo: number;
  readonly hi: number;
}

const byNumber =
  (address: number) =>
  (level: number): number =>
    tableIndex(address, level);
const byHalves =
  ({ lo, hi }: Address) =>
  (level: number): number =>
    indexAt(lo, hi, level);

/** Frame behind an address by the leaf that translates it: `page` is the address's own page. */
const frameBehind = ({ lo, hi, level }: Leaf, page: number): number =>
  frameOf(lo, hi) - frameInside(frameOf(lo, hi), level) + frameInside(page, level);

/** Page number of a gva, as far as a leaf's own index needs it: modulo 2^20. */
const lowPage = ({ lo }: Address): number => lo >>> 12;

/** Root of the tables that the vCPU runs on; null before it has any. */
function kvmRoot(m: Kvm, vcpu: number): TableReader | null {
  const root = m.vcpus[vcpu]?.root ?? 0;
  return root === 0 ? null : kvmTable(m, kvm_mmu_page.at(m, root).spt);
}

function walkGuest(m: Kvm, vcpu: number, gva: Address, changed: Changed): WalkedTree {
  return walkTree(
    {
      key: "guest",
      address: `gva ${hexOfHalves(gva.lo, gva.hi)}`,
      indexAt: byHalves(gva),
      root: tableAt(m, "guest", m.vcpus[vcpu]?.cr3 ?? 0),
      next: (lo, hi) => tableAt(m, "guest", frameOf(lo, hi) * 4096),
    },
    changed,
  );
}

function walkNested(m: Kvm, vcpu: number, gpa: number | null, changed: Changed): WalkedTree {
  return walkTree(
    {
      key: "tdp",
      address: gpa === null ? "" : `gpa ${hexOf(gpa)}`,
      indexAt: byNumber(gpa ?? 0),
      root: gpa === null ? null : kvmRoot(m, vcpu),
      next: (lo, hi) => kvmTable(m, tableOf(m, frameOf(lo, hi))),
    },
    changed,
  );
}

function walkShadow(m: Kvm, vcpu: number, gva: Address, changed: Changed): WalkedTree {
  return walkTree(
    {
      key: "shadow",
      address: `gva ${hexOfHalves(gva.lo, gva.hi)}`,
      indexAt: byHalves(gva),
      root: kvmRoot(m, vcpu),
      next: (lo, hi) => kvmTable(m, tableOf(m, frameOf(lo, hi))),
    },
    changed,
  );
}

function walkHostTree(m: Kvm, hva: number | null, changed: Changed): WalkedTree {
  return walkTree(
    {
      key: "host",
      address: hva === null ? "" : `hva ${hexOf(hva)}`,
      indexAt: byNumber(hva ?? 0),
      root: hva === null ? null : hostTable(m, m.mm.pgd),
      next: (lo, hi) => hostTable(m, pt.tableOfPfn(m, frameOf(lo, hi))),
    },
    changed,
  );
}

/** gfn that a shadow leaf was made for: what the guest's entry said when KVM read it. */
function shadowedGfn(m: Kvm, { cell, level }: Leaf, gva: Address): number {
  const gfn = kvm_mmu_page_get_gfn(m, sptep_to_sp(m, cell), spte_index(m, cell));
  return gfn + frameInside(lowPage(gva), level);
}

/**
 * Which tree ends the walk: the guest's first, then KVM's, then the host's. A shadow leaf needs no
 * guest tables: the CPU does not read them.
 */
function endOf(guest: WalkedTree, kvm: WalkedTree, host: WalkedTree): Walk["ends"] {
  const isShadowed = kvm.tree.key === "shadow" && kvm.leaf !== null;
  if (guest.end !== null && !isShadowed) return { tree: "guest", ...guest.end };
  if (kvm.end !== null) return { tree: kvm.tree.key, ...kvm.end };
  return host.end === null ? null : { tree: "host", ...host.end };
}

/** Shadow tables follow the guest's when KVM sees the write or the guest flushes, not before. */
function remarkOf(guestGfn: number | null, shadowGfn: number | null): string {
  if (shadowGfn === null || guestGfn === shadowGfn) return "";
  const now = guestGfn === null ? "to no page" : `to gfn ${groupedHex(hexOf(guestGfn))}`;
  const shadow = groupedHex(hexOf(shadowGfn));
  return (
    `The guest's tables lead ${now}, the shadow tables still to gfn ${shadow}: ` +
    "the CPU goes there until KVM takes the change over."
  );
}

export function walk(
  m: Kvm,
  vcpu: number,
  gvaLow: number,
  gvaHigh: number,
  changed: Changed,
): Walk {
  const gva = { lo: gvaLow, hi: gvaHigh };
  const guest = walkGuest(m, vcpu, gva, changed);
  const { leaf: guestLeaf } = guest;
  const guestGfn = guestLeaf === null ? null : frameBehind(guestLeaf, lowPage(gva));
  const gpa = guestGfn === null ? null : guestGfn * 4096 + (gvaLow & 0xfff);
  const isShadow = kvmTree(m.mode) === "shadow";
  const kvm = isShadow ? walkShadow(m, vcpu, gva, changed) : walkNested(m, vcpu, gpa, changed);
  const shadowGfn = isShadow && kvm.leaf !== null ? shadowedGfn(m, kvm.leaf, gva) : null;
  const gfn = guestGfn ?? shadowGfn;
  const slot = gfn === null ? 0 : gfn_to_memslot(m, gfn);
  const hva = slot === 0 || gfn === null ? null : gfnToHva(memslotAt(m, slot), gfn);
  const host = walkHostTree(m, hva, changed);
  const hostPfn = pfnOf(host, frameAt(hva ?? 0));
  return {
    gva: hexOfHalves(gvaLow, gvaHigh),
    gpa: gpa === null ? null : hexOf(gpa),
    gfn,
    hva: hva === null ? null : hexOf(hva),
    pfn: pfnOf(kvm, isShadow ? lowPage(gva) : (gfn ?? 0)) ?? hostPfn,
    hostPfn,
    slot: slot === 0 ? "" : `slot ${memslotAt(m, slot).id}`,
    trees: [guest.tree, kvm.tree, host.tree],
    ends: endOf(guest, kvm, host),
    remark: remarkOf(guestGfn, shadowGfn),
  };
}

const pfnOf = ({ leaf }: WalkedTree, page: number): number | null =>
  leaf === null ? null : frameBehind(leaf, page);
