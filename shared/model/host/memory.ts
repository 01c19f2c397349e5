// The page-fault handler of the host: fills an absent entry, or copies a page that may not be
// written in place. The caller holds mmap_lock for reading; a copy calls the MMU notifier, so other
// threads may run in between.
// From: mm/memory.c (handle_mm_fault, do_anonymous_page, do_wp_page, wp_page_copy), 6.12; per-VMA
// locks left out.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, call, done, set, when } from "#shared/engine/words";
import { LookupOutcome, LookupStep, PageRefCause } from "#shared/events/own";
import { EventId } from "#shared/events/table";
import { highHalf } from "#shared/units/halves";
import type { Kvm } from "../state/machine.ts";
import * as pg from "../state/host.ts";
import { copyContents } from "./contents.ts";
import { Fill, kindOf, ZERO_PAGE_PFN } from "./kinds.ts";
import {
  __mmu_notifier_invalidate_range_end,
  __mmu_notifier_invalidate_range_start,
} from "./notifier.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { find_vma, vmaAt } from "./vma.ts";

/** What handle_mm_fault() returns: 0, or the bits that matter here (include/linux/mm_types.h). */
export const VM_FAULT_DONE = 0;
export const VM_FAULT_SIGBUS = 2;

export const is_zero_pfn = (pfn: number): boolean => pfn === ZERO_PAGE_PFN;

const pageStart = (hva: number): number => hva - (hva % 4096);

function recordFault(m: Kvm, hva: number, pfn: number, outcome: number): void {
  m.emit(EventId.lookupStep, LookupStep.hostFault, hva, highHalf(hva), pfn, highHalf(pfn), outcome);
}

/** A new anonymous page at the address, writable and dirty: one owner, the mapping. */
export function mapNewAnonPage(m: Kvm, hva: number, cell: number, isWritable: boolean): number {
  const pfn = page.__alloc_pages(m);
  page.setPageFlags(m, pfn, pg.PG_anon | pg.PG_lru | pg.PG_swapbacked | pg.PG_anonExclusive);
  page.addMapcount(m, pfn, 1);
  const right = isWritable ? pt._PAGE_RW | pt._PAGE_DIRTY : 0;
  pt.set_pte_at(m, hva, cell, pt.mk_pte(pfn, right), pt.mk_pte_high(pfn));
  return pfn;
}

export function mapZeroPage(m: Kvm, hva: number, cell: number): void {
  const low = pt.mk_pte(ZERO_PAGE_PFN, pt._PAGE_SPECIAL);
  pt.set_pte_at(m, hva, cell, low, pt.mk_pte_high(ZERO_PAGE_PFN));
}

const do_anonymous_page = routine(
  "do_anonymous_page",
  (m: Kvm, hva: number, write: number): number => {
    const cell = pt.makeEntryCell(m, hva);
    if (write !== 0) {
      const pfn = mapNewAnonPage(m, pageStart(hva), cell, true);
      recordFault(m, hva, pfn, LookupOutcome.faultedIn);
    } else {
      mapZeroPage(m, pageStart(hva), cell);
      recordFault(m, hva, ZERO_PAGE_PFN, LookupOutcome.faultedIn);
    }
    return VM_FAULT_DONE;
  },
);

/** Fills an absent entry by the mapping's kind. */
function do_pte_missing(m: Kvm, hva: number, write: number): number {
  const vma = vmaAt(m, find_vma(m, hva));
  if (kindOf(vma.kind).fill === Fill.anonymous) return do_anonymous_page(m, hva, write);
  recordFault(m, hva, 0, LookupOutcome.refused);
  return VM_FAULT_SIGBUS;
}

/** Reuses a page that belongs to this mapping alone: no notifier call, KVM's entries stay right. */
function wp_page_reuse(m: Kvm, hva: number, cell: number): void {
  const low = pt.pteLow(m, cell) | pt._PAGE_RW | pt._PAGE_DIRTY | pt._PAGE_ACCESSED;
  pt.set_pte_at(m, pageStart(hva), cell, low, m.mem[cell + 1] as number);
}

/** Whether a write fault on a present entry needs a copy. */
function needsCopy(m: Kvm, hva: number): boolean {
  const pfn = pt.ptePfn(m, pt.presentPte(m, hva));
  return is_zero_pfn(pfn) || (page.pageFlags(m, pfn) & pg.PG_anonExclusive) === 0;
}

/** Puts the copy in place of the old page and drops the old page's mapping. */
function replacePage(m: Kvm, hva: number, old: number): void {
  const cell = pt.presentPte(m, hva);
  const pfn = mapNewAnonPage(m, hva, cell, true);
  if (is_zero_pfn(old)) return;
  copyContents(m, pfn, old);
  page.addMapcount(m, old, -1);
  page.put_page(m, old, PageRefCause.unmapped);
}

/** Copies the page behind a read-only entry; the notifier brackets the change. */
const wp_page_copy = routine("wp_page_copy", { hva: wide, end: wide, old: wide }, (own, m: Kvm) => [
  act("C1", () => {
    own.hva = pageStart(own.hva);
    own.end = own.hva + 4096;
    own.old = pt.ptePfn(m, pt.presentPte(m, own.hva));
  }),
  call(__mmu_notifier_invalidate_range_start, { start: "hva", end: "end" }),
  act("N8", () => {
    replacePage(m, own.hva, own.old);
    recordFault(m, own.hva, pt.ptePfn(m, pt.presentPte(m, own.hva)), LookupOutcome.copied);
    own.old = 0;
  }),
  call(__mmu_notifier_invalidate_range_end, { start: "hva", end: "end" }),
  done(VM_FAULT_DONE),
]);

/** The action an act found: what the rest of handle_mm_fault() must do. */
const COPY = 1;

function handle_pte_fault(m: Kvm, hva: number, write: number): number {
  const cell = pt.presentPte(m, hva);
  if (cell === 0) return do_pte_missing(m, hva, write) << 1;
  if (write === 0 || (pt.pteLow(m, cell) & pt._PAGE_RW) !== 0) return VM_FAULT_DONE;
  if (needsCopy(m, hva)) return COPY;
  wp_page_reuse(m, hva, cell);
  return VM_FAULT_DONE;
}

const __handle_mm_fault = routine(
  "__handle_mm_fault",
  { hva: wide, write: int, r: int },
  (own, m: Kvm) => [
    act("H1", () => (own.r = handle_pte_fault(m, own.hva, own.write))),
    when(() => own.r === COPY, [call(wp_page_copy, { hva: "hva" }, "r"), done("r")]),
    done(() => own.r >> 1),
  ],
);

/** Result: VM_FAULT_DONE or VM_FAULT_SIGBUS. */
export const handle_mm_fault = routine(
  "handle_mm_fault",
  { hva: wide, write: int, r: int },
  () => [call(__handle_mm_fault, { hva: "hva", write: "write" }, "r"), set("hva", 0), done("r")],
);
