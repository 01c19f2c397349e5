// Memory of a device driver: frames mapped at once, pages inserted, entries put in by its fault
// handler, 4 KiB or 2 MiB wide. Frames without a counted page have the special mark.
// From: the lab's module (lab_mmap, lab_fault, lab_huge_fault); mm/memory.c (remap_pfn_range,
// vm_insert_page, insert_pfn, wp_pfn_shared), mm/huge_memory.c (insert_pfn_pmd).
import { routine } from "#shared/engine/routine";
import { LookupOutcome, PageRefCause } from "#shared/events/own";
import * as pg from "../state/host.ts";
import type { Kvm } from "../state/machine.ts";
import { recordFault } from "./anon.ts";
import { Fill, kindOf, LAB_HUGE_PFN, type MemoryKind } from "./kinds.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import type { VmaView } from "./vma.ts";

const rights = (vma: VmaView): number => ((vma.vm_flags & pg.VM_WRITE) !== 0 ? pt._PAGE_RW : 0);

/** The driver's frames from `first` on, all entries at once, marked special. */
export function remap_pfn_range(m: Kvm, start: number, end: number, first: number): void {
  const bits = pt._PAGE_RW | pt._PAGE_SPECIAL;
  for (let hva = start, pfn = first; hva < end; hva += pt.PAGE_SIZE, pfn++) {
    const cell = pt.makeEntryCell(m, hva);
    pt.set_pte_at(m, hva, cell, pt.mk_pte(pfn, bits), pt.mk_pte_high(pfn));
  }
}

/** The driver's pages, counted and mapped like any page. */
export function vm_insert_pages(m: Kvm, start: number, end: number, first: number): void {
  for (let hva = start, pfn = first; hva < end; hva += pt.PAGE_SIZE, pfn++) {
    page.folio_get(m, pfn, PageRefCause.driver);
    page.addMapcount(m, pfn, 1);
    const cell = pt.makeEntryCell(m, hva);
    pt.set_pte_at(m, hva, cell, pt.mk_pte(pfn, pt._PAGE_RW), pt.mk_pte_high(pfn));
  }
}

/** Which frame the handler gives: it counts from the mapping's start, wherever that is by now. */
function frameFor(m: Kvm, kind: MemoryKind, vma: VmaView, hva: number): number {
  const n = Math.floor((hva - vma.vm_start) / pt.PAGE_SIZE) % kind.span;
  return kind.frames(m) + n;
}

/** The handler for one page; false for SIGBUS. A read-only entry is all a writer gets at first. */
export const lab_fault = routine("lab_fault", (m: Kvm, vma: VmaView, hva: number): boolean => {
  const kind = kindOf(vma.kind);
  if (kind.fill !== Fill.driver) {
    recordFault(m, hva, 0, LookupOutcome.refused);
    return false;
  }
  const pfn = frameFor(m, kind, vma, hva);
  const bits = pt._PAGE_SPECIAL | (kind.insertsReadOnly ? 0 : rights(vma));
  const cell = pt.makeEntryCell(m, hva);
  pt.set_pte_at(m, pt.pageStart(hva), cell, pt.mk_pte(pfn, bits), pt.mk_pte_high(pfn));
  recordFault(m, hva, pfn, LookupOutcome.faultedIn);
  return true;
});

export const canFaultHuge = (m: Kvm, vma: VmaView): boolean =>
  kindOf(vma.kind).frames(m) === LAB_HUGE_PFN && m.kernel.host.hasHugePfnmap;

/** The handler for 2 MiB; the range lies inside the mapping. */
export const lab_huge_fault = routine(
  "lab_huge_fault",
  (m: Kvm, vma: VmaView, hva: number, write: number): void => {
    const start = pt.pmdStart(hva);
    const pfn = kindOf(vma.kind).frames(m);
    const dirty = write === 1 ? pt._PAGE_DIRTY : 0;
    const bits = pt._PAGE_PSE | pt._PAGE_SPECIAL | rights(vma) | dirty;
    const cell = pt.makePmdCell(m, hva);
    pt.set_pmd_at(m, start, cell, pt.mk_pte(pfn, bits), pt.mk_pte_high(pfn));
    recordFault(m, hva, pfn, LookupOutcome.faultedIn);
  },
);
