// Where the VMM maps the pages of a folio: what reverse mapping tells the kernel, found here by the
// place that the folio was seen at.
// From: mm/rmap.c (rmap_walk_anon, vma_address, vma_address_end), 6.12.
import type { Kvm } from "../state/machine.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { find_vma, vmaAt } from "./vma.ts";

/** A page, and the address it was seen at; of a folio the first of each. */
export interface Seen {
  readonly hva: number;
  readonly pfn: number;
}

/** Cell of the leaf that still maps a page where it was seen, 0 for none. */
export function stillMapped(m: Kvm, { hva, pfn }: Seen): number {
  const cell = pt.presentLeaf(m, hva);
  return cell !== 0 && pt.ptePfn(m, cell) === pfn ? cell : 0;
}

function isMappedIn(m: Kvm, { hva, pfn }: Seen, start: number, end: number): boolean {
  const huge = pt.presentLeaf(m, hva);
  if (huge !== 0 && pt.isHugeLeaf(m, huge)) return pt.ptePfn(m, huge) === pfn;
  for (let at = start; at < end; at += pt.PAGE_SIZE)
    if (stillMapped(m, { hva: at, pfn: pfn + (at - hva) / pt.PAGE_SIZE }) !== 0) return true;
  return false;
}

/** The next mapping that has pages of the folio, cut to it; the first for an `end` of 0. */
export function nextMapping(m: Kvm, folio: Seen, own: { start: number; end: number }): boolean {
  const size = page.isLarge(m, folio.pfn) ? pt.PMD_SIZE : pt.PAGE_SIZE;
  const last = folio.hva + size;
  for (let from = Math.max(folio.hva, own.end); from < last; from = own.end) {
    const cell = find_vma(m, from);
    if (cell === 0 || vmaAt(m, cell).vm_start >= last) return false;
    own.start = Math.max(from, vmaAt(m, cell).vm_start);
    own.end = Math.min(last, vmaAt(m, cell).vm_end);
    if (isMappedIn(m, folio, own.start, own.end)) return true;
  }
  return false;
}
