// Clearing entries of a range between the two notifier calls. The pages' references are dropped
// after it, when the CPU's own translations are gone.
// From: mm/memory.c (zap_page_range_single, unmap_page_range, zap_present_ptes), mm/huge_memory.c
// (zap_huge_pmd), mm/mmu_gather.c, 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, when } from "#shared/engine/words";
import { PageRefCause } from "#shared/events/own";
import * as pg from "../state/host.ts";
import { pfn_valid } from "../state/layout.ts";
import type { Kvm } from "../state/machine.ts";
import { vma_add_reservation } from "./hugetlb-resv.ts";
import {
  __mmu_notifier_invalidate_range_end,
  __mmu_notifier_invalidate_range_start,
} from "./notifier.ts";
import { munlock_vma_folio } from "./mlock.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { __split_huge_pmd, isHugeZero } from "./split-pmd.ts";
import { swap_free } from "./swap-slots.ts";
import { vma_lookup, vmaAt } from "./vma.ts";

/** Bytes one act clears: the kernel too drops its page-table lock between tables. */
const BATCH = pt.PMD_SIZE;
const NEXT = pg.page.offsets.gathered;

/** What is left to do of a range; `first` and `last` are the gathered pages, as pfn + 1. */
interface Gather {
  at: number;
  end: number;
  /** Copies of a private mapping stay (a hole punched into the file). */
  keepCows: number;
  first: number;
  last: number;
  /** A huge entry that the range covers in part stands in the way. */
  split: number;
}

const isAnon = (m: Kvm, pfn: number): boolean =>
  (page.pageFlags(m, page.headOf(m, pfn)) & pg.PG_anon) !== 0;

/** folio_remove_rmap_*() for a leaf that is gone; a sharer's bits go to the page. */
function removeRmap(m: Kvm, pfn: number, lo: number, hi: number): void {
  if (!isAnon(m, pfn)) {
    if (pt.isDirty(lo, hi)) page.SetPageDirty(m, pfn);
    if ((lo & pt._PAGE_ACCESSED) !== 0) page.folio_mark_accessed(m, pfn);
  }
  if ((lo & pt._PAGE_PSE) !== 0) page.addEntireMapcount(m, pfn, -1);
  else page.addMapcount(m, pfn, -1);
}

/** __unmap_hugepage_range(): a private page of hugetlbfs that nothing maps any more. */
function restoreReserve(m: Kvm, hva: number, pfn: number): void {
  if (!page.isHugetlb(m, pfn) || page.folio_mapcount(m, pfn) !== 0) return;
  if (!m.kernel.host.hugetlbRestoresReserve || !isAnon(m, pfn)) return;
  if (vma_add_reservation(vmaAt(m, vma_lookup(m, hva)), hva))
    page.setPageFlags(m, pfn, pg.PG_restoreReserve);
}

/** Keeps a page until the end, when its reference goes; one that is kept already loses it now. */
function gatherPage(m: Kvm, own: Gather, pfn: number): void {
  const at = page.pageCell(m, pfn) + NEXT;
  if (m.mem[at] !== 0 || own.last === pfn + 1) {
    page.put_page(m, pfn, PageRefCause.unmapped);
    return;
  }
  if (own.first === 0) own.first = pfn + 1;
  else m.put(page.pageCell(m, own.last - 1) + NEXT, pfn + 1);
  own.last = pfn + 1;
}

/** zap_present_ptes() for one leaf of either level. */
function zapLeaf(m: Kvm, own: Gather, hva: number, cell: number): void {
  const lo = pt.pteLow(m, cell);
  const hi = pt.pteHigh(m, cell);
  const pfn = pt.ptePfn(m, cell);
  const isPage = (lo & pt._PAGE_SPECIAL) === 0 && pfn_valid(pfn) && !isHugeZero(m, pfn);
  if (isPage && own.keepCows !== 0 && isAnon(m, pfn)) return;
  if ((lo & pt._PAGE_PSE) !== 0) pt.pmd_clear(m, hva, cell);
  else pt.pte_clear(m, hva, cell);
  if (!isPage) return;
  removeRmap(m, pfn, lo, hi);
  munlock_vma_folio(m, hva, pfn);
  restoreReserve(m, hva, pfn);
  gatherPage(m, own, pfn);
}

function zapPte(m: Kvm, own: Gather, cell: number): void {
  const low = pt.pteLow(m, cell);
  if (low === 0) return;
  if (pt.isPresent(low)) zapLeaf(m, own, own.at, cell);
  else if (own.keepCows === 0) {
    if (pt.isSwapEntry(low)) swap_free(m, pt.ptePfn(m, cell));
    pt.pte_clear(m, own.at, cell);
  }
}

/** Clears up to the next table's end; stops at a huge entry that must be split first. */
const unmap_page_range = routine("unmap_page_range", (m: Kvm, own: Gather): void => {
  own.split = 0;
  const stop = Math.min(own.end, pt.pmdStart(own.at) + BATCH);
  const pmd = pt.entryCell(m, own.at, 2);
  const low = pmd === 0 ? 0 : pt.pteLow(m, pmd);
  if (pt.isHuge(low)) {
    if (stop - own.at === pt.PMD_SIZE) zapLeaf(m, own, own.at, pmd);
    else {
      own.split = 1;
      return;
    }
  } else if (pt.isMigrationEntry(low)) pt.pmd_clear(m, pt.pmdStart(own.at), pmd);
  else if (low !== 0) {
    const table = pt.tableBelow(m, pmd);
    for (; own.at < stop; own.at += pt.PAGE_SIZE)
      zapPte(m, own, table + (Math.floor(own.at / pt.PAGE_SIZE) % pt.PMD_PAGES) * 2);
  }
  own.at = stop;
});

/**
 * tlb_finish_mmu(): drops the mapping's reference of the gathered pages, oldest first; at most 512
 * an act.
 */
const tlb_finish_mmu = routine("tlb_finish_mmu", (m: Kvm, own: Gather): void => {
  for (let n = 0; n < 512 && own.first !== 0; n++) {
    const pfn = own.first - 1;
    const next = page.pageCell(m, pfn) + NEXT;
    own.first = m.mem[next] as number;
    m.put(next, 0);
    page.put_page(m, pfn, PageRefCause.unmapped);
  }
  if (own.first === 0) own.last = 0;
});

/** unmap_single_vma() of hugetlbfs: the part of the range that lies in its mapping. */
function nextHugetlb(m: Kvm, own: Gather & { start: number; from: number; to: number }): boolean {
  if (own.at === 0) own.at = own.start;
  if (!m.kernel.host.hugetlbUnmapCallsAgain) return false;
  const cell = vma_lookup(m, own.at);
  if (cell === 0 || (vmaAt(m, cell).vm_flags & pg.VM_HUGETLB) === 0) return false;
  own.from = own.at;
  own.to = Math.min(own.end, vmaAt(m, cell).vm_end);
  return true;
}

const zapLocals = {
  start: wide,
  end: wide,
  keepCows: int,
  isOfFile: int,
  from: wide,
  to: wide,
  at: wide,
  first: int,
  last: int,
  split: int,
} as const;

/**
 * Clears [start, end) between the two notifier calls; `isOfFile` when a part of a file goes, for
 * which hugetlbfs has a call of its own instead.
 */
export const zap_range = routine(
  "unmap_vmas",
  zapLocals,
  (own, m: Kvm) => [
    act("N6", () => page.lru_add_drain(m)),
    call(__mmu_notifier_invalidate_range_start, { start: "start", end: "end" }),
    loop(
      when(
        act("N7", () => own.isOfFile === 0 && nextHugetlb(m, own)),
        [
          call(__mmu_notifier_invalidate_range_start, { start: "from", end: "to" }),
          loop(
            act("N8h", () => unmap_page_range(m, own)),
            when(() => own.at >= own.to, [leave]),
            again,
          ),
          call(__mmu_notifier_invalidate_range_end, { start: "from", end: "to" }),
          when(() => own.at >= own.end, [leave]),
          again,
        ],
      ),
      act("N8", () => {
        if (own.at === 0) own.at = own.start;
        unmap_page_range(m, own);
      }),
      when(() => own.split !== 0, [call(__split_huge_pmd, { hva: "at" })]),
      when(() => own.at >= own.end, [leave]),
      again,
    ),
    call(__mmu_notifier_invalidate_range_end, { start: "start", end: "end" }),
    loop(
      act("N9", () => tlb_finish_mmu(m, own)),
      when(() => own.first === 0, [leave]),
      again,
    ),
    done(),
  ],
);
