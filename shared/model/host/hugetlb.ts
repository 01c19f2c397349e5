// Memory of hugetlbfs: 2 MiB pages of a pool, private or of a file.
// Promises: the pool never has more than its eight pages; a fault that may have none gets SIGBUS.
// From: mm/hugetlb.c (hugetlb_no_page, hugetlb_wp, free_huge_folio), 6.1, 6.12 and 7.2.
// MODEL: pages of the pool get their frames at their first use.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, call, done, when } from "#shared/engine/words";
import { LookupOutcome, PageRefCause } from "#shared/events/own";
import * as pg from "../state/host.ts";
import type { Kvm } from "../state/machine.ts";
import { recordFault, writeBits } from "./anon.ts";
import { childZapPage } from "./child.ts";
import { copyContents } from "./contents.ts";
import { __filemap_add_folio, cachedPage, fileAt } from "./filemap.ts";
import {
  available_huge_pages,
  isReserveOwner,
  isShared,
  POOL_PAGES,
  vma_commit_reservation,
  vma_needs_reservation,
} from "./hugetlb-resv.ts";
import {
  __mmu_notifier_invalidate_range_end,
  __mmu_notifier_invalidate_range_start,
} from "./notifier.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { anon_vma_prepare, find_vma, vmaAt, type VmaView } from "./vma.ts";

/** Takes a page of a node off the list of free ones; -1 when none is there. */
function dequeue_hugetlb_folio_node_exact(m: Kvm, node: number): number {
  const { host } = m;
  let before = 0;
  for (let at: number = host.hugetlbFree; at !== 0; at = page.pfn_to_page(m, at - 1).gathered) {
    const view = page.pfn_to_page(m, at - 1);
    if (view.nid === node) {
      if (before === 0) host.hugetlbFree = view.gathered;
      else page.pfn_to_page(m, before - 1).gathered = view.gathered;
      view.gathered = 0;
      page.folio_ref_add(m, at - 1, 1, PageRefCause.allocated);
      return at - 1;
    }
    before = at;
  }
  return -1;
}

function alloc_fresh_hugetlb_folio(m: Kvm, node: number): number {
  const head = page.__alloc_huge_pages(m);
  const view = page.pfn_to_page(m, head);
  view.isHugetlb = 1;
  view.nid = node;
  return head;
}

/** A page of the node's half of the pool that no one had yet; -1 when all were had. */
function neverTaken(m: Kvm, node: number): number {
  const made = node === 0 ? m.host.hugetlbMade : m.host.hugetlbMadeThere;
  if (made >= POOL_PAGES / 2) return -1;
  if (node === 0) m.host.hugetlbMade += 1;
  else m.host.hugetlbMadeThere += 1;
  return alloc_fresh_hugetlb_folio(m, node);
}

/** A free page of one node's part of the pool, in use from now on; -1 when there is none. */
function takeFromNode(m: Kvm, node: number): number {
  const freed = dequeue_hugetlb_folio_node_exact(m, node);
  const head = freed >= 0 ? freed : neverTaken(m, node);
  if (head >= 0) m.host.hugetlbUsed += 1;
  return head;
}

/** A page that is promised to nobody; -1 without one. Node 0 is asked first. */
export function allocUnpromised(m: Kvm): number {
  return available_huge_pages(m) > 0 ? takeFromAny(m) : -1;
}

function takeFromAny(m: Kvm): number {
  const near = takeFromNode(m, 0);
  return near >= 0 ? near : takeFromNode(m, 1);
}

/**
 * alloc_hugetlb_folio(): a page of zeroes with one reference, the one promised to the mapping or,
 * where there is no such promise or it was used up, one promised to nobody; -1 without any.
 */
function alloc_hugetlb_folio(m: Kvm, vma: VmaView, hva: number): number {
  const isPromised = !vma_needs_reservation(m, vma, hva);
  if (isPromised) m.host.hugetlbReserved -= 1;
  const head = isPromised ? takeFromAny(m) : allocUnpromised(m);
  if (head >= 0) vma_commit_reservation(m, vma, hva);
  return head;
}

/** A page for migration: of the pool, or beyond it where all are promised or the node has none. */
export function alloc_hugetlb_folio_nodemask(m: Kvm, node: number): number {
  const head = available_huge_pages(m) > 0 ? takeFromNode(m, node) : -1;
  if (head >= 0) return head;
  const beyond = alloc_fresh_hugetlb_folio(m, node);
  page.setPageFlags(m, beyond, pg.PG_temporary);
  return beyond;
}

/** What moved stays in the pool: for a new page from beyond it the old one goes there. */
export function move_hugetlb_state(m: Kvm, old: number, fresh: number): void {
  if ((page.pageFlags(m, fresh) & pg.PG_temporary) === 0) return;
  page.setPageFlags(m, old, pg.PG_temporary);
  page.clearPageFlags(m, fresh, pg.PG_temporary);
}

/** Place of an address in the file, in pages of 4 KiB. */
const indexOf = (vma: VmaView, hva: number): number =>
  vma.vm_pgoff + (pt.pmdStart(hva) - vma.vm_start) / pt.PAGE_SIZE;

/** The file's page with a reference, made if it is not there; -1 for SIGBUS. */
function getCached(m: Kvm, vma: VmaView, hva: number): number {
  const file: number = vma.vm_file;
  const index = indexOf(vma, hva);
  if (index * pt.PAGE_SIZE >= fileAt(m, file).i_size) return -1;
  const cached = cachedPage(m, file, index);
  if (cached >= 0) {
    page.folio_get(m, cached, PageRefCause.mapped);
    return cached;
  }
  const head = alloc_hugetlb_folio(m, vma, hva);
  if (head < 0) return -1;
  const { hugetlbCacheReferences } = m.kernel.host;
  page.folio_ref_add(m, head, hugetlbCacheReferences, PageRefCause.pageCache);
  __filemap_add_folio(m, file, index, head);
  page.SetPageDirty(m, head);
  return head;
}

const hugetlb_no_page = routine(
  "hugetlb_no_page",
  (m: Kvm, vma: VmaView, hva: number, write: number): boolean => {
    const head = isShared(vma) ? getCached(m, vma, hva) : alloc_hugetlb_folio(m, vma, hva);
    if (head < 0) {
      recordFault(m, hva, 0, LookupOutcome.refused);
      return false;
    }
    if (!isShared(vma)) {
      page.setPageFlags(m, head, pg.PG_anon | pg.PG_anonExclusive);
      anon_vma_prepare(m, vma);
    }
    page.addEntireMapcount(m, head, 1);
    const isWritable = isShared(vma) || write === 1;
    const bits = pt._PAGE_PSE | (isWritable ? writeBits(vma) : 0);
    const cell = pt.makePmdCell(m, hva);
    pt.set_pmd_at(m, pt.pmdStart(hva), cell, pt.mk_pte(head, bits), pt.mk_pte_high(head));
    recordFault(m, hva, head, LookupOutcome.faultedIn);
    return true;
  },
);

/** What a fault needs beyond the act: nothing, SIGBUS, or a copy. */
export const HugetlbFault = { done: 0, sigbus: 1, copy: 2 } as const;

export const hugetlb_fault = routine(
  "hugetlb_fault",
  (m: Kvm, vma: VmaView, hva: number, write: number): number => {
    const cell = pt.entryCell(m, hva, 2);
    const low = cell === 0 ? 0 : pt.pteLow(m, cell);
    if (!pt.isHuge(low))
      return hugetlb_no_page(m, vma, hva, write) ? HugetlbFault.done : HugetlbFault.sigbus;
    if (write === 0 || (low & pt._PAGE_RW) !== 0) return HugetlbFault.done;
    const head = pt.ptePfn(m, cell);
    const isAnon = (page.pageFlags(m, head) & pg.PG_anon) !== 0;
    const isOwn = isAnon && page.folio_mapcount(m, head) === 1;
    if (!isShared(vma) && !isOwn) return HugetlbFault.copy;
    if (write === 1) allowWrite(m, vma, hva);
    else if (isAnon) page.setPageFlags(m, head, pg.PG_anonExclusive);
    return HugetlbFault.done;
  },
);

/** set_huge_ptep_writable() for a page that no one else has. */
function allowWrite(m: Kvm, vma: VmaView, hva: number): void {
  const cell = pt.entryCell(m, hva, 2);
  const head = pt.ptePfn(m, cell);
  if ((page.pageFlags(m, head) & pg.PG_anon) !== 0)
    page.setPageFlags(m, head, pg.PG_anonExclusive);
  const { lo, hi } = pt.pte_mkwrite(pt.pteLow(m, cell), pt.pteHigh(m, cell));
  pt.set_pmd_at(m, pt.pmdStart(hva), cell, lo | writeBits(vma), hi);
}

/** hugetlb_wp(): a private page that others have too is copied. Result: whether there was one. */
export const hugetlb_wp = routine(
  "hugetlb_wp",
  { hva: wide, start: wide, end: wide, fresh: int, old: int, r: int },
  (own, m: Kvm) => [
    act("L1", () => {
      own.start = pt.pmdStart(own.hva);
      own.end = own.start + pt.PMD_SIZE;
      own.old = pt.ptePfn(m, pt.entryCell(m, own.hva, 2));
      takeForCopy(m, own);
    }),
    when(
      () => own.fresh < 0,
      [act("L1r", () => (own.r = reuseHuge(m, own) ? 1 : 0)), done("r")],
    ),
    call(__mmu_notifier_invalidate_range_start, { start: "start", end: "end" }),
    act("L2", () => placeHuge(m, own)),
    call(__mmu_notifier_invalidate_range_end, { start: "start", end: "end" }),
    done(1),
  ],
);

interface Copy {
  readonly hva: number;
  readonly start: number;
  fresh: number;
  readonly old: number;
}

/** A page for the copy; what was promised to the mapping is the page that is there already. */
function takeForCopy(m: Kvm, own: Copy): void {
  own.fresh = alloc_hugetlb_folio(m, vmaAt(m, find_vma(m, own.hva)), own.hva);
  for (let n = 0; own.fresh >= 0 && n < pt.PMD_PAGES; n++)
    copyContents(m, own.fresh + n, own.old + n);
}

/** Without a page for a copy the owner takes the child's (unmap_ref_private()), others SIGBUS. */
function reuseHuge(m: Kvm, own: Copy): boolean {
  const vma = vmaAt(m, find_vma(m, own.hva));
  if (!isReserveOwner(vma)) return false;
  childZapPage(m, own.start, own.old);
  allowWrite(m, vma, own.hva);
  return true;
}

function placeHuge(m: Kvm, own: Copy): void {
  const vma = vmaAt(m, find_vma(m, own.hva));
  const cell = pt.entryCell(m, own.hva, 2);
  page.setPageFlags(m, own.fresh, pg.PG_anon | pg.PG_anonExclusive);
  page.addEntireMapcount(m, own.fresh, 1);
  const low = pt.mk_pte(own.fresh, pt._PAGE_PSE | writeBits(vma));
  pt.set_pmd_at(m, own.start, cell, low, pt.mk_pte_high(own.fresh));
  page.addEntireMapcount(m, own.old, -1);
  page.put_page(m, own.old, PageRefCause.unmapped);
  anon_vma_prepare(m, vma);
  recordFault(m, own.hva, own.fresh, LookupOutcome.copied);
}
