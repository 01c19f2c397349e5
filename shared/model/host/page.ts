// struct page: reference counts with every change recorded, marks of use, the page allocator. Owns
// the counts; each get and put is an event with its cause, so that a ledger can pair them.
// From: include/linux/page_ref.h, include/linux/mm.h (put_page, try_get_folio), mm/swap.c
// (folio_mark_accessed, folio_activate, lru_add_drain), 6.12 and, where told, 6.1.
import { routine } from "#shared/engine/routine";
import { EventId } from "#shared/events/table";
import { PageMarkKind, PageRefCause } from "#shared/events/own";
import { highHalf } from "#shared/units/halves";
import { KIND, type Kvm } from "../state/machine.ts";
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
const LARGE_MAPCOUNT = pg.page.offsets._large_mapcount;
const ENTIRE_MAPCOUNT = pg.page.offsets._entire_mapcount;

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
const HUGETLB = pg.page.offsets.isHugetlb;

/**
 * Gives a folio back to the allocator, or to the pool of huge pages (free_huge_folio()); a driver's
 * stays its own.
 */
function free_unref_page(m: Kvm, pfn: number): void {
  const cell = pageCell(m, pfn);
  if (m.mem[cell + DRIVER] !== 0) return;
  if ((pageFlags(m, pfn) & pg.PG_restoreReserve) !== 0) m.host.hugetlbReserved += 1;
  const isTemporary = (pageFlags(m, pfn) & pg.PG_temporary) !== 0;
  if (isHugetlb(m, pfn) && !isTemporary) enqueue_hugetlb_folio(m, pfn);
  else
    for (let last = pfn + (isLarge(m, pfn) ? HUGE_PAGES : 1) - 1; last >= pfn; last--) {
      dropContents(m, last);
      m.free(pageCell(m, last) as ReturnType<Kvm["alloc"]>, KIND.page);
    }
}

/** A free huge page keeps its frames, its order and, by chance, its dirty flag. */
function enqueue_hugetlb_folio(m: Kvm, pfn: number): void {
  for (let n = 0; n < HUGE_PAGES; n++) dropContents(m, pfn + n);
  const page = pfn_to_page(m, pfn);
  page.flags &= ~(pg.PG_anon | pg.PG_anonExclusive | pg.PG_restoreReserve);
  page.mapping = 0 as typeof page.mapping;
  page.index = 0;
  page.gathered = m.host.hugetlbFree;
  m.host.hugetlbFree = pfn + 1;
  m.host.hugetlbUsed -= 1;
}

export const HUGE_ORDER = 9;
export const HUGE_PAGES = 512;

/** alloc_page(): the lowest free frame, count 1. */
export const __alloc_pages = routine("__alloc_pages", (m: Kvm): number => {
  const cell = m.alloc(KIND.page);
  const pfn = (cell - m.pages) / pg.PAGE_CELLS;
  page_ref_add(m, pfn, 1, PageRefCause.allocated);
  return pfn;
});

/**
 * alloc_pages() of 2 MiB: the lowest free aligned block, as one folio of count 1.
 * MODEL: frames below it are taken and given back, since the arena hands out the lowest alone.
 */
export const __alloc_huge_pages = routine("__alloc_pages", (m: Kvm): number => {
  const spare: number[] = [];
  let first = 0;
  let length = 0;
  while (length < HUGE_PAGES) {
    const pfn = (m.alloc(KIND.page) - m.pages) / pg.PAGE_CELLS;
    for (; length > 0 && pfn !== first + length; length--) spare.push(first + length - 1);
    if (length === 0) first = pfn;
    if (first % HUGE_PAGES === 0) length++;
    else spare.push(pfn);
  }
  for (const pfn of spare) m.free(pageCell(m, pfn) as ReturnType<Kvm["alloc"]>, KIND.page);
  makeLarge(m, first, HUGE_ORDER);
  page_ref_add(m, first, 1, PageRefCause.allocated);
  return first;
});

/** prep_compound_page() */
export function makeLarge(m: Kvm, head: number, order: number): void {
  m.put(pageCell(m, head) + ORDER, order);
  m.put(pageCell(m, head) + FLAGS, pg.PG_head);
  for (let n = 1; n < 2 ** order; n++) {
    m.put(pageCell(m, head + n) + HEAD, head);
    m.put(pageCell(m, head + n) + FLAGS, pg.PG_tail);
  }
}

/** The other way round; counts and flags of the pages are the caller's. */
export function unmakeLarge(m: Kvm, head: number): void {
  m.put(pageCell(m, head) + ORDER, 0);
  m.put(pageCell(m, head) + LARGE_MAPCOUNT, 0);
  for (let n = 1; n < HUGE_PAGES; n++) m.put(pageCell(m, head + n) + HEAD, 0);
}

/** page_ref_add() on the folio, of more than one at once. */
export function folio_ref_add(m: Kvm, pfn: number, delta: number, cause: number): void {
  page_ref_add(m, headOf(m, pfn), delta, cause);
}

/** folio_put_refs() */
export function folio_put_refs(m: Kvm, pfn: number, refs: number, cause: number): void {
  const head = headOf(m, pfn);
  if (page_ref_add(m, head, -refs, cause) === 0) free_unref_page(m, head);
}

export function setPageFlags(m: Kvm, pfn: number, flags: number): void {
  const cell = pageCell(m, pfn) + FLAGS;
  m.put(cell, (m.mem[cell] as number) | flags);
}

export function clearPageFlags(m: Kvm, pfn: number, flags: number): void {
  const cell = pageCell(m, pfn) + FLAGS;
  m.put(cell, (m.mem[cell] as number) & ~flags);
}

/** One more or one less 4 KiB entry maps this very page. */
export function addMapcount(m: Kvm, pfn: number, delta: number): void {
  addTo(m, pageCell(m, pfn) + MAPCOUNT, delta);
  const head = headOf(m, pfn);
  if (isLarge(m, head)) addTo(m, pageCell(m, head) + LARGE_MAPCOUNT, delta);
}

/** One more or one less huge entry maps the folio. */
export function addEntireMapcount(m: Kvm, head: number, delta: number): void {
  addTo(m, pageCell(m, head) + ENTIRE_MAPCOUNT, delta);
  addTo(m, pageCell(m, head) + LARGE_MAPCOUNT, delta);
}

function addTo(m: Kvm, cell: number, delta: number): void {
  m.put(cell, (m.mem[cell] as number) + delta);
}

export const isLarge = (m: Kvm, head: number): boolean =>
  (m.mem[pageCell(m, head) + ORDER] as number) > 0;

/** folio_test_hugetlb(): of the pool of huge pages, or made beyond it. */
export const isHugetlb = (m: Kvm, pfn: number): boolean =>
  m.mem[pageCell(m, headOf(m, pfn)) + HUGETLB] !== 0;

export function folio_mapcount(m: Kvm, pfn: number): number {
  const head = headOf(m, pfn);
  const count = isLarge(m, head) ? LARGE_MAPCOUNT : MAPCOUNT;
  return m.mem[pageCell(m, head) + count] as number;
}
/** Entries of either size that map this very page. */
export const page_mapcount = (m: Kvm, pfn: number): number =>
  (m.mem[pageCell(m, pfn) + MAPCOUNT] as number) +
  (m.mem[pageCell(m, headOf(m, pfn)) + ENTIRE_MAPCOUNT] as number);
export const folio_order = (m: Kvm, pfn: number): number =>
  m.mem[pageCell(m, headOf(m, pfn)) + ORDER] as number;

/**
 * Marks a page as used. With the generational LRU: referenced, later workingset. Without: first
 * referenced, then active, which only a page on a list can become.
 */
export const folio_mark_accessed = routine("folio_mark_accessed", (m: Kvm, pfn: number): void => {
  const head = headOf(m, pfn);
  const flags = pageFlags(m, head);
  m.emit(EventId.pageMark, head, highHalf(head), PageMarkKind.accessed);
  if (m.kernel.hasGenerationalLru) markGeneration(m, head, flags);
  else markActive(m, head, flags);
});

function markGeneration(m: Kvm, head: number, flags: number): void {
  if ((flags & pg.PG_unevictable) !== 0) return;
  const refs = pageCell(m, head) + pg.page.offsets.lruRefs;
  if ((flags & pg.PG_referenced) === 0) {
    // lru_gen_inc_refs(): the first mark starts the count anew.
    setPageFlags(m, head, pg.PG_referenced);
    m.put(refs, 0);
  } else if ((m.mem[refs] as number) < m.kernel.host.marksBeforeWorkingset) addTo(m, refs, 1);
  else setPageFlags(m, head, pg.PG_workingset);
}

function markActive(m: Kvm, head: number, flags: number): void {
  if ((flags & pg.PG_referenced) === 0) setPageFlags(m, head, pg.PG_referenced);
  else if ((flags & (pg.PG_unevictable | pg.PG_active)) === 0) {
    if ((flags & pg.PG_lru) !== 0) folio_activate(m, head);
    clearPageFlags(m, head, pg.PG_referenced);
  }
}

/**
 * The page waits in a batch of the CPU, which holds it until the batch is full or drained. Later
 * kernels, and those with the generational LRU, have nothing like it: a page that waits is on no
 * list, so who wants it for itself drains the batch.
 */
function folio_activate(m: Kvm, head: number): void {
  const { host } = m;
  setPageFlags(m, head, pg.PG_active);
  host.activating.set(host.activatingCount, head);
  host.activatingCount += 1;
  if (isLarge(m, head) || host.activatingCount === pg.PAGEVEC_SIZE) lru_add_drain(m);
}

/** Moves the pages of the batch: it holds them no more. */
export function lru_add_drain(m: Kvm): void {
  m.host.activatingCount = 0;
}

/** Whether the batch holds the page. */
export function isActivating(m: Kvm, pfn: number): boolean {
  for (let n = 0; n < m.host.activatingCount; n++)
    if (m.host.activating.get(n) === pfn) return true;
  return false;
}

export const mark_page_accessed = routine("mark_page_accessed", (m: Kvm, pfn: number): void => {
  folio_mark_accessed(m, pfn);
});

/** SetPageDirty(): the flag alone, on the folio. */
export function SetPageDirty(m: Kvm, pfn: number): void {
  const head = headOf(m, pfn);
  m.emit(EventId.pageMark, head, highHalf(head), PageMarkKind.dirty);
  setPageFlags(m, head, pg.PG_dirty);
}
