// Huge pages of anonymous memory: the fault that takes one, the huge zero page, the first write to
// either.
// From: mm/huge_memory.c (do_huge_pmd_anonymous_page, do_huge_pmd_wp_page, do_huge_zero_wp_pmd),
// 6.12 and 7.2; the lab's host: enabled = madvise.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, call, done } from "#shared/engine/words";
import { LookupOutcome, PageRefCause } from "#shared/events/own";
import * as pg from "../state/host.ts";
import type { Kvm } from "../state/machine.ts";
import { lockedFlag, recordFault, writeBits } from "./anon.ts";
import { canFaultHuge, lab_huge_fault } from "./driver.ts";
import { Fill, kindOf } from "./kinds.ts";
import {
  __mmu_notifier_invalidate_range_end,
  __mmu_notifier_invalidate_range_start,
} from "./notifier.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { isHugeZero } from "./split-pmd.ts";
import { anon_vma_prepare, find_vma, vmaAt, type VmaView } from "./vma.ts";

/** thp_vma_suitable_order(): the 2 MiB around an address lie inside the mapping. */
export function isSuitable(vma: VmaView, hva: number): boolean {
  const start = pt.pmdStart(hva);
  return vma.vm_start <= start && vma.vm_end >= start + pt.PMD_SIZE;
}

const isAdvised = (vma: VmaView): boolean =>
  (vma.vm_flags & (pg.VM_HUGEPAGE | pg.VM_NOHUGEPAGE)) === pg.VM_HUGEPAGE;

/**
 * The huge zero page, made once and then kept.
 * MODEL: a mapping made for huge pages makes it; a real host mostly has it from an earlier process.
 */
export function mm_get_huge_zero_folio(m: Kvm): number {
  if (m.host.hugeZero === 0) {
    const head = page.__alloc_huge_pages(m);
    page.pfn_to_page(m, head).isDriver = 1;
    m.host.hugeZero = head + 1;
  }
  return m.host.hugeZero - 1;
}

/** A new huge page for the mapping: one reference, one mapping, this mapping's alone. */
export function newAnonHugePage(m: Kvm, vma: VmaView): number {
  const head = page.__alloc_huge_pages(m);
  addAnonHugeRmap(m, vma, head);
  return head;
}

export function addAnonHugeRmap(m: Kvm, vma: VmaView, head: number): void {
  const flags = pg.PG_anon | pg.PG_lru | pg.PG_swapbacked | pg.PG_anonExclusive;
  page.setPageFlags(m, head, flags | lockedFlag(vma));
  page.addEntireMapcount(m, head, 1);
}

export function setHugeLeaf(m: Kvm, hva: number, head: number, bits: number): void {
  const low = pt.mk_pte(head, bits | pt._PAGE_PSE);
  pt.set_pmd_at(m, pt.pmdStart(hva), pt.makePmdCell(m, hva), low, pt.mk_pte_high(head));
}

const do_huge_pmd_anonymous_page = routine(
  "do_huge_pmd_anonymous_page",
  (m: Kvm, vma: VmaView, hva: number, write: number): void => {
    anon_vma_prepare(m, vma);
    const isWrite = write === 1;
    const head = isWrite ? newAnonHugePage(m, vma) : mm_get_huge_zero_folio(m);
    setHugeLeaf(m, hva, head, isWrite ? writeBits(vma) : 0);
    recordFault(m, hva, head, LookupOutcome.faultedIn);
  },
);

/** create_huge_pmd(): fills an empty level-2 entry with a huge page; false to go on with small. */
export function create_huge_pmd(m: Kvm, vma: VmaView, hva: number, write: number): boolean {
  if (!isAdvised(vma) || !isSuitable(vma, hva)) return false;
  const { fill } = kindOf(vma.kind);
  if (fill === Fill.anonymous) do_huge_pmd_anonymous_page(m, vma, hva, write);
  else if (fill === Fill.driver && canFaultHuge(m, vma)) lab_huge_fault(m, vma, hva, write);
  else return false;
  return true;
}

/** What a write to a read-only huge entry needs. */
export const HugeWrite = { done: 0, split: 1, replaceZero: 2 } as const;

function reuseHuge(m: Kvm, vma: VmaView, hva: number, cell: number): void {
  const bits = pt._PAGE_ACCESSED | writeBits(vma);
  const { lo, hi } = pt.pte_mkwrite(pt.pteLow(m, cell), pt.pteHigh(m, cell));
  pt.set_pmd_at(m, pt.pmdStart(hva), cell, lo | bits, hi);
}

/** do_huge_pmd_wp_page(); `write` 2 only wants the page for itself. */
export const do_huge_pmd_wp_page = routine(
  "do_huge_pmd_wp_page",
  (m: Kvm, vma: VmaView, hva: number, write: number): number => {
    const cell = pt.entryCell(m, hva, 2);
    const low = pt.pteLow(m, cell);
    if ((low & pt._PAGE_SPECIAL) !== 0) {
      reuseHuge(m, vma, hva, cell);
      return HugeWrite.done;
    }
    const head = pt.ptePfn(m, cell);
    if (isHugeZero(m, head)) {
      const splits = m.kernel.host.splitsHugeZeroOnWrite || write !== 1;
      return splits ? HugeWrite.split : HugeWrite.replaceZero;
    }
    const isOwn = (page.pageFlags(m, head) & pg.PG_anonExclusive) !== 0;
    if (!isOwn && page.page_count(m, head) !== 1) return HugeWrite.split;
    page.setPageFlags(m, head, pg.PG_anonExclusive);
    if (write === 1) reuseHuge(m, vma, hva, cell);
    return HugeWrite.done;
  },
);

/** do_huge_zero_wp_pmd(): a huge page takes the huge zero page's place. */
export const do_huge_zero_wp_pmd = routine(
  "do_huge_zero_wp_pmd",
  { hva: wide, start: wide, end: wide, head: int },
  (own, m: Kvm) => [
    act("Z1", () => {
      own.start = pt.pmdStart(own.hva);
      own.end = own.start + pt.PMD_SIZE;
      own.head = page.__alloc_huge_pages(m);
    }),
    call(__mmu_notifier_invalidate_range_start, { start: "start", end: "end" }),
    act("Z2", () => {
      const cell = pt.entryCell(m, own.start, 2);
      const isStill = cell !== 0 && isHugeZero(m, pt.ptePfn(m, cell));
      if (!isStill) {
        page.put_page(m, own.head, PageRefCause.freed);
        return;
      }
      const vma = vmaAt(m, find_vma(m, own.hva));
      addAnonHugeRmap(m, vma, own.head);
      setHugeLeaf(m, own.hva, own.head, writeBits(vma));
      recordFault(m, own.hva, own.head, LookupOutcome.copied);
    }),
    call(__mmu_notifier_invalidate_range_end, { start: "start", end: "end" }),
    done(),
  ],
);
