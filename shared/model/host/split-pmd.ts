// Splitting a huge entry of the host's tables: 512 small ones in its place, bracketed by the
// notifier. The folio itself stays one: its pages are mapped one by one from then on.
// From: mm/huge_memory.c (__split_huge_pmd, __split_huge_pmd_locked, __split_huge_zero_page_pmd),
// 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, call, done } from "#shared/engine/words";
import { PageRefCause } from "#shared/events/own";
import * as pg from "../state/host.ts";
import { KIND, type Kvm } from "../state/machine.ts";
import { ZERO_PAGE_PFN } from "./kinds.ts";
import {
  __mmu_notifier_invalidate_range_end,
  __mmu_notifier_invalidate_range_start,
} from "./notifier.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";

export const isHugeZero = (m: Kvm, pfn: number): boolean => m.host.hugeZero === pfn + 1;

/** Gives every page of the folio its own entry and its own count. */
function spreadCounts(m: Kvm, head: number): void {
  page.addEntireMapcount(m, head, -1);
  page.folio_ref_add(m, head, pt.PMD_PAGES - 1, PageRefCause.split);
  const isExclusive = (page.pageFlags(m, head) & pg.PG_anonExclusive) !== 0;
  for (let n = 0; n < pt.PMD_PAGES; n++) {
    page.addMapcount(m, head + n, 1);
    if (isExclusive) page.setPageFlags(m, head + n, pg.PG_anonExclusive);
  }
}

/** How an entry is split: whether its leaves are events, and for what. */
export interface HowSplit {
  /** The child's tables tell no event. */
  readonly record: boolean;
  /** The folio is split too: entries wait as migration entries, which know that they were dirty. */
  readonly freeze: boolean;
}

/** What the small entries inherit of the huge one, with a frame of 0. */
function inheritedBits(m: Kvm, low: number, high: number, freeze: boolean): pt.LeafValue {
  const kept = low & (pt._PAGE_PRESENT | pt._PAGE_PROTNONE | pt._PAGE_USER | pt._PAGE_ACCESSED);
  const isDirty = pt.isDirty(low, high) && (freeze || m.kernel.host.splitKeepsDirty);
  const bits = kept | (low & pt._PAGE_RW);
  if (!isDirty) return { lo: bits, hi: pt.NX_HIGH };
  const isWritable = (low & pt._PAGE_RW) !== 0;
  if (isWritable) return { lo: bits | pt._PAGE_DIRTY, hi: pt.NX_HIGH };
  return pt.pte_wrprotect(m, bits | pt._PAGE_DIRTY, pt.NX_HIGH);
}

/** Replaces a huge entry below a top table by a table of small ones; a driver's is cleared. */
export function splitPmdIn(m: Kvm, top: number, hva: number, how: HowSplit): void {
  const { record, freeze } = how;
  const start = pt.pmdStart(hva);
  const pmd = pt.entryCellIn(m, top, start, 2);
  if (pmd === 0 || !pt.isHuge(pt.pteLow(m, pmd))) return;
  const low = pt.pteLow(m, pmd);
  const high = pt.pteHigh(m, pmd);
  const head = pt.ptePfn(m, pmd);
  if (record) pt.pmd_clear(m, start, pmd);
  else {
    m.put(pmd, 0);
    m.put(pmd + 1, 0);
  }
  if ((low & pt._PAGE_SPECIAL) !== 0) return;
  const table = m.alloc(KIND.hostTable);
  const isZero = isHugeZero(m, head);
  if (!isZero) {
    if (pt.isDirty(low, high)) page.setPageFlags(m, head, pg.PG_dirty);
    spreadCounts(m, head);
  }
  const bits = isZero
    ? { lo: (low & pt._PAGE_ACCESSED) | pt._PAGE_SPECIAL, hi: pt.NX_HIGH }
    : inheritedBits(m, low, high, freeze);
  for (let n = 0; n < pt.PMD_PAGES; n++) {
    const pfn = isZero ? ZERO_PAGE_PFN : head + n;
    const lo = isZero ? pt.mk_pte(pfn, bits.lo) : (pt.mk_pte(pfn, 0) & ~0xfff) | bits.lo;
    const hi = pt.mk_pte_high(pfn) | bits.hi;
    if (record) pt.set_pte_at(m, start + n * pt.PAGE_SIZE, table + n * 2, lo, hi);
    else {
      m.put(table + n * 2, lo);
      m.put(table + n * 2 + 1, hi);
    }
  }
  pt.putTable(m, pmd, table);
}

/** Splits the entry without a notifier call of its own; `freeze` 1 before its folio is split. */
export const split_huge_pmd_locked = routine(
  "split_huge_pmd_locked",
  (m: Kvm, hva: number, freeze: number): void =>
    splitPmdIn(m, m.mm.pgd, hva, { record: true, freeze: freeze !== 0 }),
);

/** Splits the entry that covers an address, if it is huge; the notifier is called in any case. */
export const __split_huge_pmd = routine(
  "__split_huge_pmd",
  { hva: wide, freeze: int, start: wide, end: wide },
  (own, m: Kvm) => [
    act("K1", () => {
      own.start = pt.pmdStart(own.hva);
      own.end = own.start + pt.PMD_SIZE;
    }),
    call(__mmu_notifier_invalidate_range_start, { start: "start", end: "end" }),
    act("K2", () => split_huge_pmd_locked(m, own.start, own.freeze)),
    call(__mmu_notifier_invalidate_range_end, { start: "start", end: "end" }),
    done(),
  ],
);
