// The host's own page tables of the VMM: four levels of 512 entries, as the CPU and get_user_pages() read them.
// Owns finding, making and changing entries; an entry is two cells (lo, hi). Every change of a leaf is an event.
// From: arch/x86/include/asm/pgtable_types.h (bits), mm/memory.c (pte_alloc and set_pte_at).
// MODEL: emptied page tables are kept until the address space ends; the kernel frees them at munmap.
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
/** Software bit 1: a pfn that vm_normal_page() must not turn into a page. */
export const _PAGE_SPECIAL = 0x200;
/** Bit 63, in the high half. */
export const NX_HIGH = 0x80000000 | 0;

const _PAGE_TABLE = 0x67;
export const TOP_LEVEL = 4;

export const tableOfPfn = (m: Kvm, pfn: number): number =>
  m.hostTables + (pfn - HOST_TABLE_PFN) * 1024;
export const pfnOfTable = (m: Kvm, table: number): number =>
  HOST_TABLE_PFN + (table - m.hostTables) / 1024;

/** Cell of the entry of `level` for an address; 0 when a table above it is missing. */
export function entryCell(m: Kvm, hva: number, level: number): number {
  let table: number = m.mm.pgd;
  for (let at = TOP_LEVEL; at > level; at--) {
    const cell = table + tableIndex(hva, at) * 2;
    const lo = m.mem[cell] as number;
    if ((lo & _PAGE_PRESENT) === 0) return 0;
    table = tableOfPfn(m, frameOf(lo, m.mem[cell + 1] as number));
  }
  return table + tableIndex(hva, level) * 2;
}

/** The same, making the tables that are missing (pte_alloc). */
export function makeEntryCell(m: Kvm, hva: number): number {
  let table: number = m.mm.pgd;
  for (let level = TOP_LEVEL; level > 1; level--) {
    const cell = table + tableIndex(hva, level) * 2;
    const lo = m.mem[cell] as number;
    if ((lo & _PAGE_PRESENT) === 0) {
      table = m.alloc(KIND.hostTable);
      const pfn = pfnOfTable(m, table);
      m.put(cell, frameLow(pfn, _PAGE_TABLE));
      m.put(cell + 1, frameHigh(pfn));
    } else {
      table = tableOfPfn(m, frameOf(lo, m.mem[cell + 1] as number));
    }
  }
  return table + tableIndex(hva, 1) * 2;
}

/** Cell of the present 4 KiB entry of an address, 0 when there is none. */
export function presentPte(m: Kvm, hva: number): number {
  const cell = entryCell(m, hva, 1);
  return cell !== 0 && ((m.mem[cell] as number) & _PAGE_PRESENT) !== 0 ? cell : 0;
}

export const pteLow = (m: Kvm, cell: number): number => m.mem[cell] as number;
export const ptePfn = (m: Kvm, cell: number): number =>
  frameOf(m.mem[cell] as number, m.mem[cell + 1] as number);

/** set_pte_at(): stores a leaf and records the change. */
export function set_pte_at(m: Kvm, hva: number, cell: number, lo: number, hi: number): void {
  const oldLow = m.mem[cell] as number;
  const oldHigh = m.mem[cell + 1] as number;
  m.put(cell, lo);
  m.put(cell + 1, hi);
  m.emit(EventId.hostPte, hva, highHalf(hva), 1, oldLow, oldHigh, lo, hi);
}

export const pte_clear = (m: Kvm, hva: number, cell: number): void =>
  set_pte_at(m, hva, cell, 0, 0);

/** mk_pte(): a leaf's low half. */
export const mk_pte = (pfn: number, flags: number): number =>
  frameLow(pfn, flags | _PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED);
/** Its high half: data is never executable here. */
export const mk_pte_high = (pfn: number): number => frameHigh(pfn) | NX_HIGH;
