// The swap device: what a page held when it was written out, and how many entries lead there.
// Owns the slots. From: mm/swapfile.c (swap_free, swap_duplicate), mm/shmem.c
// (shmem_swapin_folio), 6.12.
// MODEL: reading back is done at once; the device of the lab (zram) is synchronous too.
import * as pg from "../state/host.ts";
import { KIND, type Kvm } from "../state/machine.ts";
import { dropHandle, giveContents, takeContents } from "./contents.ts";
import { newCachedPage, slotValue } from "./filemap.ts";
import * as page from "./page.ts";

type SwapSlot = ReturnType<typeof pg.swapSlot.at>;

export const swapSlotAt = (m: Kvm, number: number): SwapSlot =>
  pg.swapSlot.at(m, m.arena(KIND.swapSlot).at(number));

/** Writes a page out; it keeps nothing. Gives the slot's number. */
export function writeToSwap(m: Kvm, pfn: number): number {
  const cell = m.alloc(KIND.swapSlot);
  const number = m.arena(KIND.swapSlot).indexOf(cell);
  const slot = swapSlotAt(m, number);
  slot.count = 1;
  slot.contents = takeContents(m, pfn);
  return number;
}

/** swap_duplicate(): one entry more leads to the slot. */
export function swap_duplicate(m: Kvm, number: number): void {
  swapSlotAt(m, number).count += 1;
}

/** swap_free(): one entry less leads to the slot. */
export function swap_free(m: Kvm, number: number): void {
  const slot = swapSlotAt(m, number);
  slot.count -= 1;
  if (slot.count > 0) return;
  dropHandle(m, slot.contents);
  m.free(slot.cell, KIND.swapSlot);
}

/** Reads a slot that nobody else needs into a page, and gives the slot back. */
export function readFromSwap(m: Kvm, number: number, pfn: number): void {
  const slot = swapSlotAt(m, number);
  giveContents(m, pfn, slot.contents);
  slot.contents = 0;
  swap_free(m, number);
}

/** Brings a page of a file back: one reference of the caller, one of the cache, and dirty. */
export function swapInCached(m: Kvm, file: number, index: number): number {
  const number = -slotValue(m, file, index) - 1;
  const pfn = newCachedPage(m, file, index);
  readFromSwap(m, number, pfn);
  page.setPageFlags(m, pfn, pg.PG_dirty);
  return pfn;
}
