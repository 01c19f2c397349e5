// Writing to a page behind a read-only entry: reused where it belongs to this mapping alone or is
// shared by right, else copied.
// From: mm/memory.c (do_wp_page, wp_can_reuse_anon_folio, wp_page_copy, wp_page_reuse), 6.12 and
// 7.2.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, call, done } from "#shared/engine/words";
import { LookupOutcome, PageRefCause } from "#shared/events/own";
import * as pg from "../state/host.ts";
import { pfn_valid } from "../state/layout.ts";
import type { Kvm } from "../state/machine.ts";
import { addNewAnonRmap, is_zero_pfn, recordFault, writeBits } from "./anon.ts";
import { copyContents } from "./contents.ts";
import { wp_page_shared } from "./file-fault.ts";
import {
  __mmu_notifier_invalidate_range_end,
  __mmu_notifier_invalidate_range_start,
} from "./notifier.ts";
import { munlock_vma_folio } from "./mlock.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { find_vma, vmaAt, type VmaView } from "./vma.ts";

/** Makes the entry writable: no notifier call, since KVM's entries stay right. */
function wp_page_reuse(m: Kvm, vma: VmaView, hva: number, cell: number): void {
  const { lo, hi } = pt.pte_mkwrite(pt.pteLow(m, cell), pt.pteHigh(m, cell));
  const bits = pt._PAGE_ACCESSED | writeBits(vma);
  pt.set_pte_at(m, pt.pageStart(hva), cell, lo | bits, hi);
}

/** Whether the child maps any page of the folio that lies around an address. */
export function childMaps(m: Kvm, head: number, hva: number): boolean {
  if (m.mm.childPgd === 0) return false;
  for (let n = 0; n < pt.PMD_PAGES; n++) {
    const at = pt.pmdStart(hva) + n * pt.PAGE_SIZE;
    const cell = pt.presentLeafIn(m, m.mm.childPgd, at);
    if (cell !== 0 && page.headOf(m, pt.leafPfn(m, cell, at)) === head) return true;
  }
  return false;
}

/** No one else has the page or the folio: neither a mapping nor a reference. */
function wp_can_reuse_anon_folio(m: Kvm, pfn: number, hva: number): boolean {
  const head = page.headOf(m, pfn);
  if ((page.pageFlags(m, head) & pg.PG_ksm) !== 0) return false;
  if (!page.isLarge(m, head)) return page.page_count(m, pfn) === 1 && !page.isActivating(m, pfn);
  const mapped = page.folio_mapcount(m, head);
  const isSole = mapped > 1 && page.page_count(m, head) === mapped && !childMaps(m, head, hva);
  return m.kernel.host.reusesLargeFolioPages && isSole;
}

/** Result: whether a copy is needed. `write` 2 only wants the page for itself (unshare). */
export const do_wp_page = routine(
  "do_wp_page",
  (m: Kvm, vma: VmaView, hva: number, write: number): boolean => {
    const cell = pt.presentPte(m, hva);
    const pfn = pt.ptePfn(m, cell);
    const isPage = (pt.pteLow(m, cell) & pt._PAGE_SPECIAL) === 0 && pfn_valid(pfn);
    if ((vma.vm_flags & (pg.VM_SHARED | pg.VM_MAYSHARE)) !== 0) {
      if (isPage) wp_page_shared(m, pfn);
      wp_page_reuse(m, vma, hva, cell);
      return false;
    }
    const isAnon = isPage && (page.pageFlags(m, page.headOf(m, pfn)) & pg.PG_anon) !== 0;
    const isOwn = isAnon && (page.pageFlags(m, pfn) & pg.PG_anonExclusive) !== 0;
    if (!isOwn && !(isAnon && wp_can_reuse_anon_folio(m, pfn, hva))) return true;
    page.setPageFlags(m, pfn, pg.PG_anonExclusive);
    if (write === 1) wp_page_reuse(m, vma, hva, cell);
    return false;
  },
);

interface Copy {
  hva: number;
  write: number;
  /** The old page, or -1: the zero page needs no copy. */
  old: number;
  fresh: number;
  lo: number;
  hi: number;
  /** The copy took the old page's place. */
  copied: number;
}

function prepareCopy(m: Kvm, own: Copy): void {
  const cell = pt.presentPte(m, own.hva);
  const pfn = pt.ptePfn(m, cell);
  own.lo = pt.pteLow(m, cell);
  own.hi = pt.pteHigh(m, cell);
  own.old = is_zero_pfn(pfn) ? -1 : pfn;
  if (own.old >= 0) page.folio_get(m, pfn, PageRefCause.copy);
  own.fresh = page.__alloc_pages(m);
  if (own.old >= 0) copyContents(m, own.fresh, pfn);
}

/** Puts the copy in place of the old page, unless the entry has changed meanwhile. */
function placeCopy(m: Kvm, own: Copy): void {
  const cell = pt.presentPte(m, own.hva);
  if (cell === 0 || pt.pteLow(m, cell) !== own.lo || pt.pteHigh(m, cell) !== own.hi) return;
  const vma = vmaAt(m, find_vma(m, own.hva));
  addNewAnonRmap(m, vma, own.fresh);
  const bits = own.write === 1 ? writeBits(vma) : 0;
  pt.set_pte_at(m, own.hva, cell, pt.mk_pte(own.fresh, bits), pt.mk_pte_high(own.fresh));
  if (own.old >= 0) {
    page.addMapcount(m, own.old, -1);
    munlock_vma_folio(m, own.hva, own.old);
  }
  own.copied = 1;
  recordFault(m, own.hva, own.fresh, LookupOutcome.copied);
}

function finishCopy(m: Kvm, own: Copy): void {
  if (own.copied === 0) page.put_page(m, own.fresh, PageRefCause.freed);
  if (own.old < 0) return;
  if (own.copied !== 0) page.put_page(m, own.old, PageRefCause.unmapped);
  page.put_page(m, own.old, PageRefCause.copy);
}

/** Copies the page behind a read-only entry; the notifier brackets the change. */
export const wp_page_copy = routine(
  "wp_page_copy",
  {
    hva: wide,
    end: wide,
    write: int,
    old: int,
    fresh: int,
    lo: int,
    hi: int,
    copied: int,
  },
  (own, m: Kvm) => [
    act("C1", () => {
      own.hva = pt.pageStart(own.hva);
      own.end = own.hva + pt.PAGE_SIZE;
      prepareCopy(m, own);
    }),
    call(__mmu_notifier_invalidate_range_start, { start: "hva", end: "end" }),
    act("N8", () => placeCopy(m, own)),
    call(__mmu_notifier_invalidate_range_end, { start: "hva", end: "end" }),
    act("C2", () => finishCopy(m, own)),
    done(),
  ],
);
