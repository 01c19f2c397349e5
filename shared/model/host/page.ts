// struct page: reference counts with every change recorded, marks of use, the page allocator. Owns
// the counts; each get and put is an event with its cause, so that a ledger can pair them.
// From: include/linux/page_ref.h, include/linux/mm.h (put_page, try_get_folio), mm/swap.c
// (folio_mark_accessed), 6.12.
import { routine } from "#shared/engine/routine";
import { EventId } from "#shared/events/table";
import { PageMarkKind, PageRefCause } from "#shared/events/own";
import { highHalf } from "#shared/units/halves";
import { KIND, type Kvm } from "../state/machine.ts";
import { PAGE_COUNT, pfn_valid } from "../state/layout.ts";
import { dropContents } from "./contents.ts";
import * as pg from "../state/host.ts";

export type PageView = ReturnType<typeof pg.page.at>;

export const pageCell = (m: Kvm, pfn: number): number => m.pages + pfn * pg.PAGE_CELLS;

export function pfn_to_page(m: Kvm, pfn: number): PageView {
  return pg.page.at(m, pageCell(m, pfn));
}

const REFCOUNT = pg.page.offsets._refcount;
const FLAGS = pg.page.offsets.flags;
const HEAD = pg.page.offsets.head;

/** pfn of the folio's head. */
export function headOf(m: Kvm, pfn: number): number {
  const head = m.mem[pageCell(m, pfn) + HEAD] as number;
  return head === 0 ? pfn : head;
}

export const page_count = (m: Kvm, pfn: number): number =>
  m.mem[pageCell(m, headOf(m, pfn)) + REFCOUNT] as number;
/** The count of this very struct page: what get_page_unless_zero() looks at. */
export const page_ref_count = (m: Kvm, pfn: number): number =>
  m.mem[pageCell(m, pfn) + REFCOUNT] as number;
export const pageFlags = (m: Kvm, pfn: number): number => m.mem[pageCell(m, pfn) + FLAGS] as number;
export const PageReserved = (m: Kvm, pfn: number): boolean =>
  (pageFlags(m, pfn) & pg.PG_reserved) !== 0;

function recordRef(m: Kvm, pfn: number, delta: number, count: number, cause: number): void {
  m.emit(EventId.pageRef, pfn, 0, delta, count, cause);
}

function page_ref_add(m: Kvm, pfn: number, delta: number, cause: number): number {
  const cell = pageCell(m, pfn) + REFCOUNT;
  const count = (m.mem[cell] as number) + delta;
  m.put(cell, count);
  recordRef(m, pfn, delta, count, cause);
  return count;
}

/** get_page() on the folio: the caller knows that it is counted. */
export function folio_get(m: Kvm, pfn: number, cause: number): void {
  page_ref_add(m, headOf(m, pfn), 1, cause);
}

/** try_get_folio(): fails on a folio that is free. */
export function folio_try_get(m: Kvm, pfn: number, cause: number): boolean {
  const head = headOf(m, pfn);
  if (page_ref_count(m, head) === 0) return false;
  page_ref_add(m, head, 1, cause);
  return true;
}

/** get_page_unless_zero(): this struct page itself, so every tail fails. */
export function get_page_unless_zero(m: Kvm, pfn: number, cause: number): boolean {
  if (page_ref_count(m, pfn) === 0) return false;
  page_ref_add(m, pfn, 1, cause);
  return true;
}

/** put_page(): drops one reference of the folio and frees it at 0. */
export const put_page = routine(
  "put_page",
  (m: Kvm, pfn: number, cause: number): void => {
    const head = headOf(m, pfn);
    const count = page_ref_add(m, head, -1, cause);
    if (count === 0) free_unref_page(m, head);
  },
  { inlined: true },
);

const ORDER = pg.page.offsets.order;
const MAPCOUNT = pg.page.offsets._mapcount;
const DRIVER = pg.page.offsets.isDriver;

/** Gives a page back to the allocator; a driver's page stays its own. */
function free_unref_page(m: Kvm, pfn: number): void {
  const cell = pageCell(m, pfn);
  if (m.mem[cell + DRIVER] !== 0) return;
  dropContents(m, pfn);
  m.free(cell as ReturnType<Kvm["alloc"]>, KIND.page);
}

/** alloc_page(): the lowest free frame, count 1. */
export const __alloc_pages = routine("__alloc_pages", (m: Kvm): number => {
  const cell = m.alloc(KIND.page);
  const pfn = (cell - m.pages) / pg.PAGE_CELLS;
  page_ref_add(m, pfn, 1, PageRefCause.allocated);
  return pfn;
});

export function setPageFlags(m: Kvm, pfn: number, flags: number): void {
  const cell = pageCell(m, pfn) + FLAGS;
  m.put(cell, (m.mem[cell] as number) | flags);
}

export function clearPageFlags(m: Kvm, pfn: number, flags: number): void {
  const cell = pageCell(m, pfn) + FLAGS;
  m.put(cell, (m.mem[cell] as number) & ~flags);
}

export function addMapcount(m: Kvm, pfn: number, delta: number): void {
  const cell = pageCell(m, headOf(m, pfn)) + MAPCOUNT;
  m.put(cell, (m.mem[cell] as number) + delta);
}

export const folio_mapcount = (m: Kvm, pfn: number): number =>
  m.mem[pageCell(m, headOf(m, pfn)) + MAPCOUNT] as number;
export const folio_order = (m: Kvm, pfn: number): number =>
  m.mem[pageCell(m, headOf(m, pfn)) + ORDER] as number;

/** The multi-generation LRU's steps: first mark referenced, second workingset. */
export const folio_mark_accessed = routine("folio_mark_accessed", (m: Kvm, pfn: number): void => {
  const head = headOf(m, pfn);
  const flags = pageFlags(m, head);
  m.emit(EventId.pageMark, head, highHalf(head), PageMarkKind.accessed);
  if ((flags & pg.PG_unevictable) !== 0) return;
  setPageFlags(m, head, (flags & pg.PG_referenced) === 0 ? pg.PG_referenced : pg.PG_workingset);
});

export const mark_page_accessed = routine("mark_page_accessed", (m: Kvm, pfn: number): void => {
  folio_mark_accessed(m, pfn);
});

/** SetPageDirty(): the flag alone, on the folio. */
export function SetPageDirty(m: Kvm, pfn: number): void {
  const head = headOf(m, pfn);
  m.emit(EventId.pageMark, head, highHalf(head), PageMarkKind.dirty);
  setPageFlags(m, head, pg.PG_dirty);
}

/** Whether the frame's struct page is in use: allocated, reserved or a driver's. */
export const hasPage = (m: Kvm, pfn: number): boolean => pfn_valid(pfn) && pfn < PAGE_COUNT;
