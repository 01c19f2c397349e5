// Reservations of hugetlbfs: what the pool has promised to mappings that have not touched it yet.
// Promises: a mapping is made only if the pool can fill it; its first faults cannot fail.
// From: mm/hugetlb.c (hugetlb_acct_memory, __vma_reservation_common, hugetlb_reserve_pages,
// hugetlb_unreserve_pages, hugetlb_vm_op_close), 6.1, 6.12 and 7.2.
import * as pg from "../state/host.ts";
import type { Kvm } from "../state/machine.ts";
import { fileAt } from "./filemap.ts";
import { PAGE_SIZE, PMD_PAGES, pmdStart } from "./pgtable.ts";
import type { VmaView } from "./vma.ts";

export const POOL_PAGES = 8;

/** The mapping was promised all its pages when it was made; what fork or mremap leaves was not. */
const HPAGE_RESV_OWNER = 1 << POOL_PAGES;

/** Huge pages of the file before an address of the mapping. */
const vma_hugecache_offset = ({ vm_pgoff, vm_start }: VmaView, hva: number): number =>
  (vm_pgoff + (pmdStart(hva) - vm_start) / PAGE_SIZE) / PMD_PAGES;

/** Bits of huge pages [first, beyond): the pool is so small that a map of regions is one word. */
const region = (first: number, beyond: number): number =>
  ((1 << Math.min(beyond, POOL_PAGES)) - 1) & ~((1 << Math.min(first, POOL_PAGES)) - 1);

const regionOf = (vma: VmaView): number =>
  region(vma_hugecache_offset(vma, vma.vm_start), vma_hugecache_offset(vma, vma.vm_end));

const count = (bits: number): number => {
  let n = 0;
  for (let left = bits; left !== 0; left &= left - 1) n += 1;
  return n;
};

export const isShared = (vma: VmaView): boolean => (vma.vm_flags & pg.VM_MAYSHARE) !== 0;

export const isReserveOwner = (vma: VmaView): boolean => (vma.hugetlbResv & HPAGE_RESV_OWNER) !== 0;

/** available_huge_pages(): free ones that are promised to no one. */
export const available_huge_pages = ({ host }: Kvm): number =>
  POOL_PAGES - host.hugetlbUsed - host.hugetlbReserved;

/**
 * A file's map has what is reserved or there; a private mapping's what was used up of all that it
 * was promised.
 */
function bitAt(m: Kvm, vma: VmaView, hva: number): boolean {
  const map = isShared(vma) ? fileAt(m, vma.vm_file).hugetlbResv : vma.hugetlbResv;
  return (map & (1 << vma_hugecache_offset(vma, hva))) !== 0;
}

/** vma_needs_reservation(): whether a page for this address was not promised, or was used up. */
export function vma_needs_reservation(m: Kvm, vma: VmaView, hva: number): boolean {
  if (isShared(vma)) return !bitAt(m, vma, hva);
  return !isReserveOwner(vma) || bitAt(m, vma, hva);
}

/** vma_commit_reservation(): the page is there now. */
export function vma_commit_reservation(m: Kvm, vma: VmaView, hva: number): void {
  const bit = 1 << vma_hugecache_offset(vma, hva);
  if (isShared(vma)) fileAt(m, vma.vm_file).hugetlbResv |= bit;
  else if (isReserveOwner(vma)) vma.hugetlbResv |= bit;
}

/**
 * What __unmap_hugepage_range() does since 6.9 for a private page that nothing maps any more: its
 * mapping is promised one again, which the pool counts when the page comes back.
 */
export function vma_add_reservation(vma: VmaView, hva: number): boolean {
  if (!isReserveOwner(vma)) return false;
  vma.hugetlbResv &= ~(1 << vma_hugecache_offset(vma, hva));
  return true;
}

/** hugetlb_reserve_pages() for a new mapping: false when the pool cannot promise that much. */
export function hugetlb_reserve_pages(m: Kvm, vma: VmaView): boolean {
  const asked = (vma.vm_end - vma.vm_start) / PAGE_SIZE / PMD_PAGES;
  const file = isShared(vma) ? fileAt(m, vma.vm_file) : null;
  const change = file === null ? asked : asked - count(file.hugetlbResv & regionOf(vma));
  if (change > available_huge_pages(m)) return false;
  m.host.hugetlbReserved += change;
  if (file === null) vma.hugetlbResv = HPAGE_RESV_OWNER;
  else file.hugetlbResv |= regionOf(vma);
  return true;
}

/** hugetlb_unreserve_pages(): a part of the file goes, of which `freed` huge pages were there. */
export function hugetlb_unreserve_pages(
  m: Kvm,
  file: number,
  part: { first: number; beyond: number },
  freed: number,
): void {
  const bits = region(part.first, part.beyond);
  const view = fileAt(m, file);
  m.host.hugetlbReserved -= count(view.hugetlbResv & bits) - freed;
  view.hugetlbResv &= ~bits;
}

/** hugetlb_vm_op_close(): what a private mapping did not use is promised to it no more. */
export function hugetlb_vm_op_close(m: Kvm, vma: VmaView): void {
  if (!isReserveOwner(vma)) return;
  m.host.hugetlbReserved -= count(regionOf(vma) & ~vma.hugetlbResv);
}
