// A fault on an entry of a swapped page: the page comes back, writable at once where nobody shares
// it.
// From: mm/memory.c (do_swap_page), 6.1, 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { LookupOutcome } from "#shared/events/own";
import * as pg from "../state/host.ts";
import type { Kvm } from "../state/machine.ts";
import { notSimulated } from "../state/not-simulated.ts";
import { addNewAnonRmap, recordFault } from "./anon.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { readFromSwap, swapSlotAt } from "./swap-slots.ts";
import type { VmaView } from "./vma.ts";

/**
 * Reads the page behind a swap entry into a new one, which no one else has. By way of the swap
 * cache it is dirty, and this mapping's own only where the entry says so.
 */
export function swapInPage(m: Kvm, vma: VmaView, cell: number): number {
  const slot = pt.ptePfn(m, cell);
  const isOwn = pt.isSwapExclusive(pt.pteLow(m, cell));
  if (swapSlotAt(m, slot).count > 1) notSimulated("A swapped page that a child shares");
  const pfn = page.__alloc_pages(m);
  readFromSwap(m, slot, pfn);
  addNewAnonRmap(m, vma, pfn);
  if (m.kernel.host.swapinGoesByCache) {
    page.setPageFlags(m, pfn, pg.PG_dirty);
    if (!isOwn) page.clearPageFlags(m, pfn, pg.PG_anonExclusive);
  }
  return pfn;
}

export const do_swap_page = routine(
  "do_swap_page",
  (m: Kvm, vma: VmaView, hva: number, write: number): void => {
    const cell = pt.entryCell(m, hva, 1);
    const pfn = swapInPage(m, vma, cell);
    const mayWrite = (vma.vm_flags & pg.VM_WRITE) !== 0;
    const isWritten = mayWrite && write === 1;
    const isOwn = (page.pageFlags(m, pfn) & pg.PG_anonExclusive) !== 0;
    if (isWritten) page.setPageFlags(m, pfn, pg.PG_anonExclusive);
    const isWritable = isWritten || (mayWrite && isOwn && m.kernel.host.swapinIsWritable);
    const bits = (isWritable ? pt._PAGE_RW : 0) | (isWritten ? pt._PAGE_DIRTY : 0);
    pt.set_pte_at(m, pt.pageStart(hva), cell, pt.mk_pte(pfn, bits), pt.mk_pte_high(pfn));
    recordFault(m, hva, pfn, LookupOutcome.faultedIn);
  },
);
