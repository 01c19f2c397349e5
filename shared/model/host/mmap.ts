// Making mappings: what mmap does for each kind of memory, and populating.
// Builder and act alike call mapKind(); pages are touched one by one, as MAP_POPULATE does.
// From: mm/mmap.c (do_mmap), mm/gup.c (populate_vma_page_range), mm/memory.c (remap_pfn_range).
import type { Kvm } from "../state/machine.ts";
import * as pg from "../state/host.ts";
import { kindOf } from "./kinds.ts";
import { mapNewAnonPage, mapZeroPage } from "./memory.ts";
import * as pt from "./pgtable.ts";
import { insertVma } from "./vma.ts";

const PAGE = 4096;

/** The device's or BAR's frames, all entries at once, marked special. */
function remap_pfn_range(m: Kvm, start: number, end: number, first: number): void {
  for (let hva = start, pfn = first; hva < end; hva += PAGE, pfn++) {
    const cell = pt.makeEntryCell(m, hva);
    pt.set_pte_at(
      m,
      hva,
      cell,
      pt.mk_pte(pfn, pt._PAGE_RW | pt._PAGE_SPECIAL),
      pt.mk_pte_high(pfn),
    );
  }
}

export interface MapRequest {
  readonly start: number;
  readonly size: number;
  /** Number of the memory kind. */
  readonly kind: number;
}

/**
 * Inserts the mapping; false when the kind cannot be that large. Entries are made by fillMapping().
 */
export function mapKind(m: Kvm, { start, size, kind }: MapRequest): boolean {
  const memory = kindOf(kind);
  if (size > memory.maxSize) return false;
  if (memory.onMap === "unmap") return true;
  insertVma(m, { start, end: start + size, flags: memory.vm_flags, kind, pgoff: 0 });
  return true;
}

/** Makes the entries that mmap itself makes, for [from, to) of a mapping of this kind. */
export function fillMapping(m: Kvm, request: MapRequest, from: number, to: number): void {
  const memory = kindOf(request.kind);
  if (memory.onMap === "frames") {
    remap_pfn_range(m, from, to, memory.frames(m) + (from - request.start) / PAGE);
    return;
  }
  if (memory.onMap !== "write" && memory.onMap !== "read") return;
  for (let hva = from; hva < to; hva += PAGE) {
    const cell = pt.makeEntryCell(m, hva);
    if (memory.onMap === "write")
      mapNewAnonPage(m, hva, cell, (memory.vm_flags & pg.VM_WRITE) !== 0);
    else mapZeroPage(m, hva, cell);
  }
}
