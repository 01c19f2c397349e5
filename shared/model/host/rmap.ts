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

/** The mapping of the folio's first page from an address on that is mapped; 0 without one. */
function mappingFrom(m: Kvm, { hva, pfn }: Seen, from: number, last: number): number {
  for (let at = from; at < last; at += pt.PAGE_SIZE) {
    const cell = pt.presentLeaf(m, at);
    const n = (at - hva) / pt.PAGE_SIZE;
    if (cell !== 0 && pt.leafPfn(m, cell, at) === pfn + n) return find_vma(m, at);
  }
  return 0;
}

/** A walk over the mappings of a folio. */
export interface RmapWalk {
  start: number;
  end: number;
  /** The anon_vma that the folio belongs to; -1 for a file's page, 0 before the walk. */
  anon: number;
}

/**
 * rmap_walk_anon(): the next mapping of the folio's anon_vma that could show a page of it, whether
 * it does or not, cut to the folio; it ends where no more of the folio is mapped.
 * MODEL: parts of a huge page that mremap took elsewhere are not found.
 */
export function nextMapping(m: Kvm, folio: Seen, own: RmapWalk): boolean {
  const last = folio.hva + (page.isLarge(m, folio.pfn) ? pt.PMD_SIZE : pt.PAGE_SIZE);
  for (let from = Math.max(folio.hva, own.end); from < last; from = own.end) {
    const mapped = mappingFrom(m, folio, from, last);
    if (mapped === 0) return false;
    if (own.anon === 0) own.anon = vmaAt(m, mapped).anon_vma || -1;
    const { vm_start, vm_end, anon_vma } = vmaAt(m, find_vma(m, from));
    own.start = Math.max(from, vm_start);
    own.end = Math.min(last, vm_end);
    if (own.anon === -1 || anon_vma === own.anon) return true;
  }
  return false;
}
