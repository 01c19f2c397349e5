// fork: the parent's private pages are shared with a child that sleeps, so both lose the right to
// write; the notifier is called for each private mapping that has pages of its own.
// From: mm/memory.c (copy_page_range, copy_present_ptes, copy_present_page), mm/huge_memory.c
// (copy_huge_pmd), mm/hugetlb.c (copy_hugetlb_page_range), kernel/fork.c (dup_mmap), 6.12.
import { routine } from "#shared/engine/routine";
import { bit, int, ref, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, when } from "#shared/engine/words";
import { LockCode, PageRefCause } from "#shared/events/own";
import * as pg from "../state/host.ts";
import { pfn_valid } from "../state/layout.ts";
import { KIND, type Kvm } from "../state/machine.ts";
import { notSimulated } from "../state/not-simulated.ts";
import { copyContents } from "./contents.ts";
import { allocUnpromised } from "./hugetlb.ts";
import { releaseLock, takeLock } from "./locks.ts";
import {
  __mmu_notifier_invalidate_range_end,
  __mmu_notifier_invalidate_range_start,
} from "./notifier.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { __split_huge_pmd, isHugeZero } from "./split-pmd.ts";
import { swap_duplicate } from "./swap-slots.ts";
import { vmaAt, type VmaView } from "./vma.ts";

/** A count of this much can only come from pins (folio_maybe_dma_pinned). */
export const GUP_PIN_COUNTING_BIAS = 1024;

export function maybeDmaPinned(m: Kvm, pfn: number): boolean {
  const head = page.headOf(m, pfn);
  if (page.isLarge(m, head)) return page.pfn_to_page(m, head)._pincount > 0;
  return page.page_count(m, head) >= GUP_PIN_COUNTING_BIAS;
}

/** vma_needs_copy(): others are filled again by faults. */
const needsCopy = (vma: VmaView): boolean =>
  (vma.vm_flags & (pg.VM_PFNMAP | pg.VM_MIXEDMAP)) !== 0 || vma.anon_vma !== 0;

const isCow = (vma: VmaView): boolean =>
  (vma.vm_flags & (pg.VM_SHARED | pg.VM_MAYWRITE)) === pg.VM_MAYWRITE;

/** Stores an entry of the child, without event: its tables are nobody's business. */
function putChild(m: Kvm, hva: number, level: number, lo: number, hi: number): void {
  const cell = pt.makeEntryCellIn(m, m.mm.childPgd, hva, level);
  m.put(cell, lo);
  m.put(cell + 1, hi);
}

/** copy_present_page(): a pinned page is not shared; the child gets a copy. */
function copyPinned(m: Kvm, hva: number, pfn: number): void {
  const fresh = page.__alloc_pages(m);
  copyContents(m, fresh, pfn);
  page.setPageFlags(m, fresh, pg.PG_anon | pg.PG_lru | pg.PG_swapbacked | pg.PG_anonExclusive);
  page.addMapcount(m, fresh, 1);
  putChild(m, hva, 1, pt.mk_pte(fresh, pt._PAGE_RW | pt._PAGE_DIRTY), pt.mk_pte_high(fresh));
}

/** A pinned page of hugetlbfs: the child's copy is none that was promised to anybody. */
function copyPinnedHuge(m: Kvm, hva: number, pfn: number): void {
  const fresh = allocUnpromised(m);
  if (fresh < 0) notSimulated("fork without a free huge page");
  for (let n = 0; n < pt.PMD_PAGES; n++) copyContents(m, fresh + n, pfn + n);
  page.setPageFlags(m, fresh, pg.PG_anon | pg.PG_anonExclusive);
  page.addEntireMapcount(m, fresh, 1);
  const bits = pt._PAGE_PSE | pt._PAGE_RW | pt._PAGE_DIRTY;
  putChild(m, hva, 2, pt.mk_pte(fresh, bits), pt.mk_pte_high(fresh));
}

/** copy_nonpresent_pte(): parent and child may both bring the page back. */
function copySwapped(m: Kvm, hva: number, cell: number): void {
  const slot = pt.ptePfn(m, cell);
  swap_duplicate(m, slot);
  const low = pt.swapEntryLow(slot, false);
  pt.set_pte_at(m, hva, cell, low, pt.pteHigh(m, cell));
  putChild(m, hva, 1, low, pt.pteHigh(m, cell));
}

interface Entry {
  readonly hva: number;
  readonly cell: number;
  readonly lo: number;
  readonly hi: number;
  readonly isCow: boolean;
}

/** Shares a page: both entries read-only if it is private, the same value in both tables. */
function shareEntry(m: Kvm, { hva, cell, lo, hi, isCow: isPrivate }: Entry): void {
  const isHuge = (lo & pt._PAGE_PSE) !== 0;
  let value: pt.LeafValue = { lo, hi };
  if (isPrivate && (lo & pt._PAGE_RW) !== 0) {
    value = pt.pte_wrprotect(m, lo, hi);
    pt.setLeafAt(m, hva, cell, value.lo, value.hi);
  }
  const shared = isPrivate ? value : pt.pte_mkclean(lo, hi);
  putChild(m, hva, isHuge ? 2 : 1, shared.lo, shared.hi);
}

/** copy_present_ptes() for one leaf. */
function copyLeaf(m: Kvm, entry: Entry): void {
  const pfn = pt.ptePfn(m, entry.cell);
  const isPage = (entry.lo & pt._PAGE_SPECIAL) === 0 && pfn_valid(pfn) && !isHugeZero(m, pfn);
  if (isPage) {
    const isAnon = (page.pageFlags(m, page.headOf(m, pfn)) & pg.PG_anon) !== 0;
    const isOwn = (page.pageFlags(m, pfn) & pg.PG_anonExclusive) !== 0;
    if (isAnon && isOwn && m.mm.hasPinned && maybeDmaPinned(m, pfn)) {
      if (page.isHugetlb(m, pfn)) copyPinnedHuge(m, entry.hva, pfn);
      else copyPinned(m, entry.hva, pfn);
      return;
    }
    page.folio_get(m, pfn, PageRefCause.fork);
    if ((entry.lo & pt._PAGE_PSE) !== 0) page.addEntireMapcount(m, pfn, 1);
    else page.addMapcount(m, pfn, 1);
    if (isAnon) page.clearPageFlags(m, pfn, pg.PG_anonExclusive);
  }
  shareEntry(m, entry);
}

/** Next address of a range, and whether a huge page in the way must be split first. */
interface Copying {
  vma: number;
  at: number;
  end: number;
  cow: boolean;
  split: number;
}

/** A pinned huge page cannot be shared whole; one of hugetlbfs is copied whole. */
const mustSplit = (m: Kvm, cell: number): boolean => {
  const pfn = pt.ptePfn(m, cell);
  if ((pt.pteLow(m, cell) & pt._PAGE_SPECIAL) !== 0 || isHugeZero(m, pfn)) return false;
  if (page.isHugetlb(m, pfn)) return false;
  return m.mm.hasPinned && maybeDmaPinned(m, pfn);
};

/** Copies up to one table of entries. */
const copy_pmd_range = routine("copy_page_range", (m: Kvm, own: Copying): void => {
  const stop = Math.min(own.end, pt.pmdStart(own.at) + pt.PMD_SIZE);
  own.split = 0;
  const pmd = pt.entryCell(m, own.at, 2);
  if (pmd !== 0 && pt.isHuge(pt.pteLow(m, pmd))) {
    if (mustSplit(m, pmd)) {
      own.split = 1;
      return;
    }
    copyEntry(m, own, own.at, pmd);
  } else {
    for (let hva = own.at; hva < stop; hva += pt.PAGE_SIZE) {
      const cell = pt.entryCell(m, hva, 1);
      if (cell !== 0 && pt.pteLow(m, cell) !== 0) copyEntry(m, own, hva, cell);
    }
  }
  own.at = stop;
});

function copyEntry(m: Kvm, own: Copying, hva: number, cell: number): void {
  const lo = pt.pteLow(m, cell);
  if (pt.isSwapEntry(lo)) copySwapped(m, hva, cell);
  else if (!pt.isPresent(lo)) notSimulated("fork while a page moves");
  else copyLeaf(m, { hva, cell, lo, hi: pt.pteHigh(m, cell), isCow: own.cow });
}

const copyLocals = {
  vma: ref,
  start: wide,
  end: wide,
  at: wide,
  cow: bit,
  split: int,
} as const;

function beginMapping(
  m: Kvm,
  own: { vma: number; start: number; end: number; at: number; cow: boolean },
): void {
  const vma = vmaAt(m, own.vma);
  own.start = vma.vm_start;
  own.end = vma.vm_end;
  own.at = vma.vm_start;
  own.cow = isCow(vma);
}

/** Shares one mapping. */
const copy_page_range = routine("copy_page_range", copyLocals, (own, m: Kvm) => [
  act("Y1", () => beginMapping(m, own)),
  when(
    () => own.cow,
    [call(__mmu_notifier_invalidate_range_start, { start: "start", end: "end" })],
  ),
  loop(
    act("Y2", () => copy_pmd_range(m, own)),
    when(() => own.split !== 0, [call(__split_huge_pmd, { hva: "at" })]),
    when(() => own.at >= own.end, [leave]),
    again,
  ),
  when(() => own.cow, [call(__mmu_notifier_invalidate_range_end, { start: "start", end: "end" })]),
  done(),
]);

/** The next mapping that must be copied. */
function nextCopied(m: Kvm, after: number): number {
  let cell: number = after === 0 ? m.mm.mmap : vmaAt(m, after).vm_next;
  while (cell !== 0 && !needsCopy(vmaAt(m, cell))) cell = vmaAt(m, cell).vm_next;
  return cell;
}

/** fork(): the child has no thread here, only its share. */
export const dup_mmap = routine("dup_mmap", { vma: ref }, (own, m: Kvm) => [
  takeLock(m, "X1", () => m.mm.mmap_lock, "write", LockCode.mmap_lock),
  act("X2", () => {
    m.mm.childPgd = m.alloc(KIND.hostTable);
    own.vma = nextCopied(m, 0) as typeof own.vma;
  }),
  loop(
    when(() => own.vma === 0, [leave]),
    call(copy_page_range, { vma: "vma" }),
    act("X3", () => (own.vma = nextCopied(m, own.vma) as typeof own.vma)),
    again,
  ),
  releaseLock(m, "X4", () => m.mm.mmap_lock, "write", LockCode.mmap_lock),
  done(),
]);
