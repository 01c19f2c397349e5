// The host's own page tables of the VMM: four levels of 512 entries, as the CPU and
// get_user_pages() read them; a leaf lies on level 1 or, 2 MiB wide, on level 2.
// Owns finding, making and changing entries; an entry is two cells (lo, hi). Every change of a leaf
// is an event. The sleeping child of a fork has tables of its own, which no event tells.
// From: arch/x86/include/asm/pgtable{,_types}.h (bits), mm/memory.c (pte_alloc, free_pgtables).
import { EventId } from "#shared/events/table";
import { tableIndex } from "#shared/units/address";
import { frameHigh, frameLow, frameOf, highHalf } from "#shared/units/halves";
import { KIND, type Kvm } from "../state/machine.ts";
import { HOST_TABLE_PFN } from "../state/layout.ts";

export const _PAGE_PRESENT = 0x1;
export const _PAGE_RW = 0x2;
export const _PAGE_USER = 0x4;
export const _PAGE_ACCESSED = 0x20;
export const _PAGE_DIRTY = 0x40;
export const _PAGE_PSE = 0x80;
/** Only where _PAGE_PRESENT is clear: the kernel keeps the page, the CPU may not use it. */
export const _PAGE_PROTNONE = 0x100;
/** Software bit 1: a pfn that vm_normal_page() must not turn into a page. */
export const _PAGE_SPECIAL = 0x200;
/** In an entry of a swapped page: no other process has it. */
export const _PAGE_SWP_EXCLUSIVE = 0x8;
/** Makes an entry of a swapped page differ from an empty one. */
const SWAP_MARK = 0x800;
/** Bit 58, in the high half: _PAGE_SAVED_DIRTY. */
const SAVED_DIRTY_HIGH = 1 << 26;
/** Bit 63, in the high half. */
export const NX_HIGH = 0x80000000 | 0;

const _PAGE_TABLE = 0x67;
export const TOP_LEVEL = 4;
export const PAGE_SIZE = 4096;
export const PMD_SIZE = 2 ** 21;
export const PMD_PAGES = 512;

export const pageStart = (hva: number): number => hva - (hva % PAGE_SIZE);
export const pmdStart = (hva: number): number => hva - (hva % PMD_SIZE);

export const tableOfPfn = (m: Kvm, pfn: number): number =>
  m.hostTables + (pfn - HOST_TABLE_PFN) * 1024;
export const pfnOfTable = (m: Kvm, table: number): number =>
  HOST_TABLE_PFN + (table - m.hostTables) / 1024;

/** pte_present(): PROT_NONE counts. */
export const isPresent = (low: number): boolean => (low & (_PAGE_PRESENT | _PAGE_PROTNONE)) !== 0;
export const isTable = (low: number): boolean => (low & (_PAGE_PRESENT | _PAGE_PSE)) === 1;
export const isHuge = (low: number): boolean => (low & _PAGE_PSE) !== 0 && isPresent(low);

const childTable = (m: Kvm, cell: number): number =>
  tableOfPfn(m, frameOf(m.mem[cell] as number, m.mem[cell + 1] as number));

/** Cell of the entry of `level` below a top table; 0 when a table above it is missing. */
export function entryCellIn(m: Kvm, top: number, hva: number, level: number): number {
  let table = top;
  for (let at = TOP_LEVEL; at > level; at--) {
    const cell = table + tableIndex(hva, at) * 2;
    if (!isTable(m.mem[cell] as number)) return 0;
    table = childTable(m, cell);
  }
  return table + tableIndex(hva, level) * 2;
}
export const entryCell = (m: Kvm, hva: number, level: number): number =>
  entryCellIn(m, m.mm.pgd, hva, level);

/** The same, making the tables that are missing (pte_alloc). A huge leaf above is not looked at. */
export function makeEntryCellIn(m: Kvm, top: number, hva: number, toLevel: number): number {
  let table = top;
  for (let level = TOP_LEVEL; level > toLevel; level--) {
    const cell = table + tableIndex(hva, level) * 2;
    if (isTable(m.mem[cell] as number)) table = childTable(m, cell);
    else {
      table = m.alloc(KIND.hostTable);
      putTable(m, cell, table);
    }
  }
  return table + tableIndex(hva, toLevel) * 2;
}
export const makeEntryCell = (m: Kvm, hva: number): number => makeEntryCellIn(m, m.mm.pgd, hva, 1);
export const makePmdCell = (m: Kvm, hva: number): number => makeEntryCellIn(m, m.mm.pgd, hva, 2);

/** Makes an entry lead to a table. */
export function putTable(m: Kvm, cell: number, table: number): void {
  const pfn = pfnOfTable(m, table);
  m.put(cell, frameLow(pfn, _PAGE_TABLE));
  m.put(cell + 1, frameHigh(pfn));
}

/** Cell of the present leaf of an address on either level, 0 when there is none. */
export function presentLeafIn(m: Kvm, top: number, hva: number): number {
  const pmd = entryCellIn(m, top, hva, 2);
  if (pmd === 0) return 0;
  const low = m.mem[pmd] as number;
  if (isHuge(low)) return pmd;
  if (!isTable(low)) return 0;
  const pte = childTable(m, pmd) + tableIndex(hva, 1) * 2;
  return isPresent(m.mem[pte] as number) ? pte : 0;
}
export const presentLeaf = (m: Kvm, hva: number): number => presentLeafIn(m, m.mm.pgd, hva);

/** Cell of the present 4 KiB entry of an address, 0 when there is none. */
export function presentPte(m: Kvm, hva: number): number {
  const cell = entryCell(m, hva, 1);
  return cell !== 0 && isPresent(m.mem[cell] as number) ? cell : 0;
}

/** Whether the leaf is one of 2 MiB. Bit 7 of a 4 KiB leaf is always clear here. */
export const isHugeLeaf = (m: Kvm, cell: number): boolean =>
  ((m.mem[cell] as number) & _PAGE_PSE) !== 0;

export const pteLow = (m: Kvm, cell: number): number => m.mem[cell] as number;
export const pteHigh = (m: Kvm, cell: number): number => m.mem[cell + 1] as number;
export const ptePfn = (m: Kvm, cell: number): number =>
  frameOf(m.mem[cell] as number, m.mem[cell + 1] as number);
/** The frame of an address behind its leaf, whichever level that has. */
export const leafPfn = (m: Kvm, cell: number, hva: number): number =>
  ptePfn(m, cell) + (isHugeLeaf(m, cell) ? tableIndex(hva, 1) : 0);

function setLeaf(m: Kvm, hva: number, level: number, cell: number, lo: number, hi: number): void {
  const oldLow = m.mem[cell] as number;
  const oldHigh = m.mem[cell + 1] as number;
  m.put(cell, lo);
  m.put(cell + 1, hi);
  m.emit(EventId.hostPte, hva, highHalf(hva), level, oldLow, oldHigh, lo, hi);
}

/** set_pte_at(): stores a leaf and records the change. */
export const set_pte_at = (m: Kvm, hva: number, cell: number, lo: number, hi: number): void =>
  setLeaf(m, hva, 1, cell, lo, hi);
export const set_pmd_at = (m: Kvm, hva: number, cell: number, lo: number, hi: number): void =>
  setLeaf(m, hva, 2, cell, lo, hi);
/** Stores a leaf on the level it says itself; `hva` is its first address. */
export const setLeafAt = (m: Kvm, hva: number, cell: number, lo: number, hi: number): void =>
  setLeaf(m, hva, (lo & _PAGE_PSE) !== 0 ? 2 : 1, cell, lo, hi);

export const pte_clear = (m: Kvm, hva: number, cell: number): void =>
  set_pte_at(m, hva, cell, 0, 0);
export const pmd_clear = (m: Kvm, hva: number, cell: number): void =>
  set_pmd_at(m, hva, cell, 0, 0);

/** mk_pte(): a leaf's low half. */
export const mk_pte = (pfn: number, flags: number): number =>
  frameLow(pfn, flags | _PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED);
/** Its high half: data is never executable here. */
export const mk_pte_high = (pfn: number): number => frameHigh(pfn) | NX_HIGH;

/** pte_dirty() */
export const isDirty = (lo: number, hi: number): boolean =>
  (lo & _PAGE_DIRTY) !== 0 || (hi & SAVED_DIRTY_HIGH) !== 0;

/** A leaf's value to be stored. */
export interface LeafValue {
  readonly lo: number;
  readonly hi: number;
}

/** pte_wrprotect(): a dirty entry may have to keep that elsewhere. */
export function pte_wrprotect(m: Kvm, lo: number, hi: number): LeafValue {
  const isSaved = m.kernel.host.savesDirtyOfReadOnly && (lo & _PAGE_DIRTY) !== 0;
  return isSaved
    ? { lo: lo & ~(_PAGE_RW | _PAGE_DIRTY), hi: hi | SAVED_DIRTY_HIGH }
    : { lo: lo & ~_PAGE_RW, hi };
}

/** pte_mkwrite() */
export function pte_mkwrite(lo: number, hi: number): LeafValue {
  const isSaved = (hi & SAVED_DIRTY_HIGH) !== 0;
  return { lo: lo | _PAGE_RW | (isSaved ? _PAGE_DIRTY : 0), hi: hi & ~SAVED_DIRTY_HIGH };
}

/** pte_mkclean() */
export const pte_mkclean = (lo: number, hi: number): LeafValue => ({
  lo: lo & ~_PAGE_DIRTY,
  hi: hi & ~SAVED_DIRTY_HIGH,
});

/** An entry of a swapped page. */
export const swapEntryLow = (slot: number, isExclusive: boolean): number =>
  frameLow(slot, SWAP_MARK | (isExclusive ? _PAGE_SWP_EXCLUSIVE : 0));
export const isSwapExclusive = (low: number): boolean => (low & _PAGE_SWP_EXCLUSIVE) !== 0;
export const isSwapEntry = (low: number): boolean => !isPresent(low) && (low & SWAP_MARK) !== 0;

/** Marks an entry whose page is on its way to another frame; the other bits stay. */
const MIGRATION_MARK = 0x400;
/** In such an entry: the CPU may not use the page when it is back. */
const WAS_PROTNONE = 0x10;
export const isMigrationEntry = (low: number): boolean =>
  !isPresent(low) && (low & MIGRATION_MARK) !== 0;

export function toMigrationEntry(low: number, isExclusive: boolean): number {
  const marks = MIGRATION_MARK | (isExclusive ? _PAGE_SWP_EXCLUSIVE : 0);
  const none = (low & _PAGE_PROTNONE) !== 0 ? WAS_PROTNONE : 0;
  return (low & ~(_PAGE_PRESENT | _PAGE_PROTNONE)) | marks | none;
}

export function fromMigrationEntry(low: number): { lo: number; isExclusive: boolean } {
  const present = (low & WAS_PROTNONE) !== 0 ? _PAGE_PROTNONE : _PAGE_PRESENT;
  const bits = low & ~(MIGRATION_MARK | _PAGE_SWP_EXCLUSIVE | WAS_PROTNONE);
  return { lo: bits | present, isExclusive: (low & _PAGE_SWP_EXCLUSIVE) !== 0 };
}

/** free_pgtables(): tables of [start, end) that no mapping needs and that lead to nothing. */
export function freeEmptyTables(
  m: Kvm,
  start: number,
  end: number,
  isNeeded: (from: number, to: number) => boolean,
): void {
  for (let level = 2; level <= TOP_LEVEL; level++) {
    const size = 4096 * 512 ** (level - 1);
    for (let at = start - (start % size); at < end; at += size) {
      const cell = entryCell(m, at, level);
      if (cell === 0 || !isTable(m.mem[cell] as number) || isNeeded(at, at + size)) continue;
      const table = childTable(m, cell);
      if (!isEmpty(m, table)) continue;
      m.put(cell, 0);
      m.put(cell + 1, 0);
      m.free(table as ReturnType<Kvm["alloc"]>, KIND.hostTable);
    }
  }
}

function isEmpty(m: Kvm, table: number): boolean {
  for (let cell = table; cell < table + 1024; cell++) if (m.mem[cell] !== 0) return false;
  return true;
}

/**
 * Cell of the 4 KiB entry of an address below its level-2 entry; 0 where that leads to no table.
 */
export function pteBelow(m: Kvm, pmd: number, hva: number): number {
  const table = tableBelow(m, pmd);
  return table === 0 ? 0 : table + tableIndex(hva, 1) * 2;
}

/** First cell of the table below an entry, 0 where it leads to none. */
export const tableBelow = (m: Kvm, cell: number): number =>
  cell !== 0 && isTable(m.mem[cell] as number) ? childTable(m, cell) : 0;
