// The tables of all trees behind one face: how to read entry `index`, where it lies, what KVM holds
// of a shadow page beside its entries. Reads cells only.
// From: struct kvm_mmu_page, kvm_mmu_page_get_access() (arch/x86/kvm/mmu/mmu.c), the role as
// kvm_mmu_get_page prints it (arch/x86/kvm/mmu/mmutrace.h), 6.12 and 7.2.
import { groupedHex, hexOf } from "#shared/units/hex";
import { readHigh, readLow, wordCell } from "../host/contents.ts";
import * as pt from "../host/pgtable.ts";
import { ACC_WRITE_MASK, isDirectRole, roleAccess } from "../kvm/role.ts";
import { is_obsolete_sp, sptep_to_sp, type ShadowPage } from "../kvm/sp.ts";
import { gfn_to_memslot, gfnToHva, memslotAt } from "../lookup/memslot.ts";
import { BAR_PAGES, BAR_PFN, HOST_TABLE_PFN, HOST_TABLES, pfn_valid } from "../state/layout.ts";
import type { Kvm } from "../state/machine.ts";
import { isTablePfn, readSpteHigh, readSpteLow, tableOf, tablePfn } from "../state/tables.ts";
import { stateOf, STATES, type EntryState, type TreeKey } from "./entry.ts";

/** A table of any tree: how to read entry `index`, and its cell for "changed". */
export interface TableReader {
  readonly physical: number;
  /** The shadow page in words, such as "gfn 0x6, wux, unsync"; "" in other trees. */
  readonly about: string;
  lo(index: number): number;
  hi(index: number): number;
  cell(index: number): number;
  /** The guest's own entry, which this one shadows, allows no writing. */
  isGuestReadOnly(index: number): boolean;
}

const hasContents = (pfn: number): boolean =>
  pfn_valid(pfn) || (pfn >= BAR_PFN && pfn < BAR_PFN + BAR_PAGES);

const OTHER_TREE = { about: "", isGuestReadOnly: (): boolean => false } as const;

const guestTable = (m: Kvm, gpa: number, pfn: number): TableReader => ({
  ...OTHER_TREE,
  physical: gpa,
  lo: (index) => readLow(m, pfn, index),
  hi: (index) => readHigh(m, pfn, index),
  cell: (index) => wordCell(m, pfn, index),
});

export const kvmTable = (m: Kvm, table: number): TableReader => {
  const shadow = m.mode === "npt0" ? sptep_to_sp(m, table) : null;
  return {
    physical: tablePfn(m, table) * 4096,
    about: shadow === null ? "" : shadowPageText(m, shadow),
    lo: (index) => readSpteLow(m, table + index * 2),
    hi: (index) => readSpteHigh(m, table + index * 2),
    cell: (index) => table + index * 2,
    isGuestReadOnly: (index) =>
      shadow !== null && (guestAccess(m, shadow, index) & ACC_WRITE_MASK) === 0,
  };
};

export const hostTable = (m: Kvm, table: number): TableReader => ({
  ...OTHER_TREE,
  physical: pt.pfnOfTable(m, table) * 4096,
  lo: (index) => m.mem[table + index * 2] as number,
  hi: (index) => m.mem[table + index * 2 + 1] as number,
  cell: (index) => table + index * 2,
});

/** kvm_mmu_page_get_access(): the rights that the guest's tables give to what an entry maps. */
export function guestAccess(m: Kvm, sp: ShadowPage, index: number): number {
  const info = sp.shadowed_translation;
  if (info === 0) return roleAccess(m, sp.role);
  return (m.mem[info + index * 2] as number) & m.kernel.accessAll;
}

/** Which guest table (or, direct, which guest memory) a page stands for, its rights, its state. */
function shadowPageText(m: Kvm, sp: ShadowPage): string {
  const rights = m.kernel.forms.access[roleAccess(m, sp.role)] ?? "";
  const words = [`gfn ${groupedHex(hexOf(sp.gfn))}`, rights];
  if (isDirectRole(sp.role)) words.unshift("direct");
  if (sp.unsync !== 0) words.push("unsync");
  if (sp.unsync_children !== 0) words.push(`${sp.unsync_children} unsync below`);
  if (is_obsolete_sp(m, sp)) words.push("obsolete");
  return words.join(", ");
}

/** The table at a physical address (a gpa for the guest's tree); null when there is none. */
export function tableAt(m: Kvm, tree: TreeKey, physical: number): TableReader | null {
  const frame = Math.floor(physical / 4096);
  if (tree === "tdp" || tree === "shadow") {
    return isTablePfn(frame) ? kvmTable(m, tableOf(m, frame)) : null;
  }
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
  const hva = gfnToHva(memslotAt(m, slot), gfn);
  const cell = pt.presentLeaf(m, hva);
  if (cell === 0) return null;
  const pfn = pt.leafPfn(m, cell, hva);
  return hasContents(pfn) ? pfn : null;
}

/** State of an entry of a table. "Protected by KVM" is no word for what the guest forbids. */
export function stateIn(
  tree: TreeKey,
  table: TableReader,
  index: number,
  level: number,
): EntryState {
  const state = stateOf(tree, table.lo(index), table.hi(index), level);
  return state === "P" && table.isGuestReadOnly(index) ? "R" : state;
}

/** All 512 states of a table, as indexes into STATES. */
export function stripOf(tree: TreeKey, table: TableReader, level: number): Uint8Array {
  const strip = new Uint8Array(512);
  for (let index = 0; index < 512; index++) {
    strip[index] = STATES.indexOf(stateIn(tree, table, index, level));
  }
  return strip;
}
