// Faults on mappings of files: a page of the cache for readers and sharers, with its neighbours if
// they are cached; a copy for the writer of a private mapping.
// From: mm/memory.c (do_read_fault, do_fault_around, do_cow_fault, do_shared_fault,
// wp_page_shared), mm/shmem.c, fs/ramfs, 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { LookupOutcome, PageRefCause } from "#shared/events/own";
import * as pg from "../state/host.ts";
import type { Kvm } from "../state/machine.ts";
import { addNewAnonRmap, lockedFlag, recordFault, writeBits } from "./anon.ts";
import { copyContents } from "./contents.ts";
import { cachedPage, filePages, newCachedPage, slotValue } from "./filemap.ts";
import { kindOf, vm_ops_needs_writenotify } from "./kinds.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { swapInCached } from "./swap-slots.ts";
import type { VmaView } from "./vma.ts";

/** fault_around_bytes, in pages. */
const AROUND = 16;

export const indexOf = (vma: VmaView, hva: number): number =>
  vma.vm_pgoff + Math.floor((hva - vma.vm_start) / pt.PAGE_SIZE);

/** vm_page_prot's write bit: shared mappings may be writable at once, private ones never. */
function protection(vma: VmaView): number {
  const isShared = (vma.vm_flags & (pg.VM_SHARED | pg.VM_WRITE)) === (pg.VM_SHARED | pg.VM_WRITE);
  return isShared && !vm_ops_needs_writenotify(kindOf(vma.kind)) ? pt._PAGE_RW : 0;
}

const isDirtyPage = (m: Kvm, pfn: number): boolean =>
  (page.pageFlags(m, page.headOf(m, pfn)) & pg.PG_dirty) !== 0;

/** set_pte_range() for a page of the cache; the caller's reference becomes the mapping's. */
function mapCachedPage(m: Kvm, vma: VmaView, hva: number, pfn: number, write: boolean): void {
  let bits = protection(vma);
  if (write) bits |= writeBits(vma);
  else if (bits !== 0 && m.kernel.host.mapsDirtyFoliosDirty && isDirtyPage(m, pfn))
    bits |= pt._PAGE_DIRTY;
  page.setPageFlags(m, pfn, lockedFlag(vma));
  page.addMapcount(m, pfn, 1);
  pt.set_pte_at(m, hva, pt.makeEntryCell(m, hva), pt.mk_pte(pfn, bits), pt.mk_pte_high(pfn));
}

/** The page of the file with a reference, made or read in if need be; -1 beyond the file's end. */
function getFilePage(m: Kvm, vma: VmaView, index: number): number {
  const file: number = vma.vm_file;
  if (index >= filePages(m, file)) return -1;
  if (slotValue(m, file, index) < 0) return swapInCached(m, file, index);
  const cached = cachedPage(m, file, index);
  if (cached < 0) return newCachedPage(m, file, index);
  page.folio_get(m, cached, PageRefCause.mapped);
  return cached;
}

/** Maps what is cached around the address; true when that filled the address itself. */
const filemap_map_pages = routine(
  "filemap_map_pages",
  (m: Kvm, vma: VmaView, hva: number): boolean => {
    const at = Math.floor(pt.pageStart(hva) / pt.PAGE_SIZE);
    const inTable = at % pt.PMD_PAGES;
    const inVma = (pt.pageStart(hva) - vma.vm_start) / pt.PAGE_SIZE;
    const pages = (vma.vm_end - vma.vm_start) / pt.PAGE_SIZE;
    const first = Math.max(inTable - (inTable % AROUND), inTable - Math.min(inTable, inVma));
    const last = Math.min(first + AROUND, pt.PMD_PAGES, inTable + pages - inVma) - 1;
    for (let n = first; n <= last; n++) mapAround(m, vma, (at - inTable + n) * pt.PAGE_SIZE);
    return pt.presentPte(m, hva) !== 0;
  },
);

function mapAround(m: Kvm, vma: VmaView, hva: number): void {
  const index = indexOf(vma, hva);
  if (index >= filePages(m, vma.vm_file)) return;
  const pfn = cachedPage(m, vma.vm_file, index);
  if (pfn < 0) return;
  page.folio_get(m, pfn, PageRefCause.mapped);
  const cell = pt.entryCell(m, hva, 1);
  if (cell === 0 || pt.pteLow(m, cell) === 0) mapCachedPage(m, vma, hva, pfn, false);
  else page.put_page(m, pfn, PageRefCause.mapped);
}

/** Fills an absent entry; false for SIGBUS. */
export const do_fault = routine(
  "do_fault",
  (m: Kvm, vma: VmaView, hva: number, write: number): boolean => {
    const isWrite = write === 1;
    if (!isWrite && filemap_map_pages(m, vma, hva)) {
      recordFault(m, hva, pt.ptePfn(m, pt.presentPte(m, hva)), LookupOutcome.faultedIn);
      return true;
    }
    const isCow = isWrite && (vma.vm_flags & pg.VM_SHARED) === 0;
    const fresh = isCow ? page.__alloc_pages(m) : 0;
    const pfn = getFilePage(m, vma, indexOf(vma, hva));
    if (pfn < 0) {
      if (isCow) page.put_page(m, fresh, PageRefCause.freed);
      recordFault(m, hva, 0, LookupOutcome.refused);
      return false;
    }
    if (isCow) do_cow_fault(m, vma, hva, { fresh, pfn });
    else {
      mapCachedPage(m, vma, pt.pageStart(hva), pfn, isWrite);
      if (isWrite) page.SetPageDirty(m, pfn);
    }
    recordFault(m, hva, isCow ? fresh : pfn, LookupOutcome.faultedIn);
    return true;
  },
);

const do_cow_fault = routine(
  "do_cow_fault",
  (m: Kvm, vma: VmaView, hva: number, of: { fresh: number; pfn: number }): void => {
    copyContents(m, of.fresh, of.pfn);
    addNewAnonRmap(m, vma, of.fresh);
    const low = pt.mk_pte(of.fresh, writeBits(vma));
    pt.set_pte_at(m, pt.pageStart(hva), pt.makeEntryCell(m, hva), low, pt.mk_pte_high(of.fresh));
    page.put_page(m, of.pfn, PageRefCause.mapped);
  },
);

/** wp_page_shared(): a sharer writes a page that it could only read; the page stays. */
export const wp_page_shared = routine("wp_page_shared", (m: Kvm, pfn: number): void => {
  page.folio_get(m, pfn, PageRefCause.mapped);
  page.SetPageDirty(m, pfn);
  page.put_page(m, pfn, PageRefCause.mapped);
});
