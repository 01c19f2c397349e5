// Anonymous memory: a new page, or the zero page for a read.
// Promises: a new page has one reference, that of its mapping, and belongs to this mapping alone.
// From: mm/memory.c (do_anonymous_page), mm/rmap.c (folio_add_new_anon_rmap), 6.12.
import { routine } from "#shared/engine/routine";
import { LookupOutcome, LookupStep } from "#shared/events/own";
import { EventId } from "#shared/events/table";
import { highHalf } from "#shared/units/halves";
import * as pg from "../state/host.ts";
import type { Kvm } from "../state/machine.ts";
import { ZERO_PAGE_PFN } from "./kinds.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { anon_vma_prepare, type VmaView } from "./vma.ts";

export const is_zero_pfn = (pfn: number): boolean => pfn === ZERO_PAGE_PFN;

export function recordFault(m: Kvm, hva: number, pfn: number, outcome: number): void {
  m.emit(EventId.lookupStep, LookupStep.hostFault, hva, highHalf(hva), pfn, highHalf(pfn), outcome);
}

/** A mapping that is locked keeps its pages off the lists that reclaim looks at. */
export const lockedFlag = (vma: VmaView): number =>
  (vma.vm_flags & pg.VM_LOCKED) !== 0 ? pg.PG_unevictable : 0;

/** folio_add_new_anon_rmap() for a page of the caller: its reference becomes the mapping's. */
export function addNewAnonRmap(m: Kvm, vma: VmaView, pfn: number): void {
  const flags = pg.PG_anon | pg.PG_lru | pg.PG_swapbacked | pg.PG_anonExclusive;
  page.setPageFlags(m, pfn, flags | lockedFlag(vma));
  page.addMapcount(m, pfn, 1);
  anon_vma_prepare(m, vma);
}

/** Write permission of a new page's entry, with the dirty bit: maybe_mkwrite(pte_mkdirty()). */
export const writeBits = (vma: VmaView): number =>
  (vma.vm_flags & pg.VM_WRITE) !== 0 ? pt._PAGE_RW | pt._PAGE_DIRTY : 0;

/** A new anonymous page at the address; `right` are the entry's further bits. */
export function mapNewAnonPage(
  m: Kvm,
  vma: VmaView,
  hva: number,
  cell: number,
  right: number,
): number {
  const pfn = page.__alloc_pages(m);
  addNewAnonRmap(m, vma, pfn);
  pt.set_pte_at(m, hva, cell, pt.mk_pte(pfn, right), pt.mk_pte_high(pfn));
  return pfn;
}

export function mapZeroPage(m: Kvm, hva: number, cell: number): void {
  const low = pt.mk_pte(ZERO_PAGE_PFN, pt._PAGE_SPECIAL);
  pt.set_pte_at(m, hva, cell, low, pt.mk_pte_high(ZERO_PAGE_PFN));
}

export const do_anonymous_page = routine(
  "do_anonymous_page",
  (m: Kvm, vma: VmaView, hva: number, write: number): void => {
    const cell = pt.makeEntryCell(m, hva);
    const start = pt.pageStart(hva);
    const isWrite = write === 1;
    if (!isWrite) mapZeroPage(m, start, cell);
    const pfn = isWrite ? mapNewAnonPage(m, vma, start, cell, writeBits(vma)) : ZERO_PAGE_PFN;
    recordFault(m, hva, pfn, LookupOutcome.faultedIn);
  },
);
