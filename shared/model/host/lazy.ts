// Pages that may go soon: MADV_FREE makes them clean and droppable, MADV_COLD only old. A huge page
// is taken whole; where the range covers only a part, its folio is split first.
// From: mm/madvise.c (madvise_free_pte_range, madvise_cold_or_pageout_pte_range), mm/swap.c
// (lru_lazyfree), mm/huge_memory.c (madvise_free_huge_pmd), 6.1 and 6.12.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, when } from "#shared/engine/words";
import * as pg from "../state/host.ts";
import { pfn_valid } from "../state/layout.ts";
import type { Kvm } from "../state/machine.ts";
import { Fill, kindOf } from "./kinds.ts";
import {
  __mmu_notifier_invalidate_range_end,
  __mmu_notifier_invalidate_range_start,
} from "./notifier.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { isMappedShared } from "./sharers.ts";
import { canSplit, split_folio } from "./split-folio.ts";
import { isHugeZero } from "./split-pmd.ts";
import { swap_free } from "./swap-slots.ts";
import { find_vma, vmaAt } from "./vma.ts";

const EINVAL = -22;
const UNFIT = pg.VM_LOCKED | pg.VM_PFNMAP | pg.VM_HUGETLB;

export interface Leaf {
  readonly hva: number;
  readonly cell: number;
  readonly pfn: number;
}

/** A walk over leaves: where it stands, and whether a folio there must be split first. */
export interface Walk {
  at: number;
  split: number;
}

/** What an advice asks of a leaf's page before it touches it. */
interface Choice {
  /** Others have the large folio too. */
  isShared(m: Kvm, leaf: Leaf): boolean;
  /** A small page that others have is meant all the same. */
  isTaken(m: Kvm, pfn: number): boolean;
}

const ONLY_OWN: Choice = {
  isShared: (m, { pfn, hva }) => isMappedShared(m, pfn, hva),
  isTaken: () => false,
};

/** What becomes of a leaf of a large folio. */
const Large = { whole: 0, split: 1, skip: 2 } as const;

function judgeLarge(m: Kvm, leaf: Leaf, isWhole: boolean, choice: Choice): number {
  if (choice.isShared(m, leaf)) return Large.skip;
  if (isWhole && pt.isHugeLeaf(m, leaf.cell)) return Large.whole;
  return canSplit(m, page.headOf(m, leaf.pfn)) ? Large.split : Large.skip;
}

/**
 * Visits the leaves of up to one table of [at, end) that have a page only this mapping has, or a
 * small one that is taken all the same. Stops at a large folio that is not covered whole: it must
 * be split. One that cannot be is passed over, or ends the table (6.1).
 */
export function visitOwnLeaves(
  m: Kvm,
  walk: Walk,
  end: number,
  visit: (leaf: Leaf) => void,
  choice = ONLY_OWN,
): void {
  const { at } = walk;
  walk.split = 0;
  const stop = Math.min(end, pt.pmdStart(at) + pt.PMD_SIZE);
  const isLru = (pfn: number): boolean =>
    (page.pageFlags(m, page.headOf(m, pfn)) & pg.PG_lru) !== 0;
  for (let hva = at; hva < stop; hva += pt.PAGE_SIZE) {
    const cell = pt.presentLeaf(m, hva);
    if (cell === 0 || (pt.pteLow(m, cell) & pt._PAGE_SPECIAL) !== 0) continue;
    const pfn = pt.ptePfn(m, cell);
    if (!pfn_valid(pfn) || isHugeZero(m, pfn)) continue;
    const leaf = { hva, cell, pfn };
    if (page.isLarge(m, page.headOf(m, pfn))) {
      const verdict = judgeLarge(m, leaf, stop - at === pt.PMD_SIZE, choice);
      if (verdict === Large.split) {
        walk.at = hva;
        walk.split = 1;
        return;
      }
      if (verdict === Large.whole && isLru(pfn)) visit(leaf);
      if (pt.isHugeLeaf(m, cell) || m.kernel.host.adviceEndsAtLargeFolio) break;
    } else if ((page.page_mapcount(m, pfn) === 1 || choice.isTaken(m, pfn)) && isLru(pfn))
      visit(leaf);
  }
  walk.at = stop;
}

/** After a split the walk goes on where it stands; what could not be split is passed over. */
export function passOver(walk: Walk): void {
  if (walk.split === 0) walk.at += pt.PAGE_SIZE;
}

/**
 * Others may have a small page too, unless it is dirty by itself: they could not get it back.
 * A large folio is judged by its first page in 6.1 (folio_estimated_sharers), by all of its entries
 * where it is mapped whole (total_mapcount).
 */
const FREEABLE: Choice = {
  isTaken: (m, pfn) => (page.pageFlags(m, pfn) & pg.PG_dirty) === 0,
  isShared: (m, leaf) => {
    if (!m.kernel.host.adviceEndsAtLargeFolio) return ONLY_OWN.isShared(m, leaf);
    const head = page.headOf(m, leaf.pfn);
    const isHuge = pt.isHugeLeaf(m, leaf.cell);
    return (isHuge ? page.folio_mapcount(m, head) : page.page_mapcount(m, head)) !== 1;
  },
};

/** folio_mark_lazyfree(): an anonymous page that reclaim may drop without writing it. */
function freeLater(m: Kvm, { hva, cell, pfn }: Leaf): void {
  page.clearPageFlags(m, pfn, pg.PG_dirty);
  const clean = pt.pte_mkclean(pt.pteLow(m, cell), pt.pteHigh(m, cell));
  pt.setLeafAt(m, hva, cell, clean.lo & ~pt._PAGE_ACCESSED, clean.hi);
  if ((page.pageFlags(m, pfn) & pg.PG_unevictable) === 0)
    page.clearPageFlags(m, pfn, pg.PG_swapbacked | pg.PG_referenced | pg.PG_active);
}

function dropSwapped(m: Kvm, at: number, end: number): void {
  const stop = Math.min(end, pt.pmdStart(at) + pt.PMD_SIZE);
  for (let hva = at; hva < stop; hva += pt.PAGE_SIZE) {
    const cell = pt.entryCell(m, hva, 1);
    if (cell === 0 || !pt.isSwapEntry(pt.pteLow(m, cell))) continue;
    swap_free(m, pt.ptePfn(m, cell));
    pt.pte_clear(m, hva, cell);
  }
}

const mayFree = (m: Kvm, hva: number): boolean => {
  const vma = vmaAt(m, find_vma(m, hva));
  return (vma.vm_flags & UNFIT) === 0 && kindOf(vma.kind).fill === Fill.anonymous;
};

const walkLocals = { start: wide, end: wide, r: int, at: wide, split: int } as const;

export const MADV_FREE = routine("madvise_free_single_vma", walkLocals, (own, m: Kvm) => [
  when(
    act("L1", () => !mayFree(m, own.start)),
    [done(EINVAL)],
  ),
  call(__mmu_notifier_invalidate_range_start, { start: "start", end: "end" }),
  loop(
    act("L2", () => {
      if (own.at === 0) {
        page.lru_add_drain(m);
        own.at = own.start;
      }
      dropSwapped(m, own.at, own.end);
      visitOwnLeaves(m, own, own.end, (leaf) => freeLater(m, leaf), FREEABLE);
    }),
    when(
      () => own.split !== 0,
      [call(split_folio, { hva: "at" }, "split"), act("L3", () => passOver(own)), again],
    ),
    when(() => own.at >= own.end, [leave]),
    again,
  ),
  call(__mmu_notifier_invalidate_range_end, { start: "start", end: "end" }),
  done(0),
]);

/** Makes a leaf old, and its page not used lately. */
export function makeOld(m: Kvm, { hva, cell, pfn }: Leaf): void {
  const low = pt.pteLow(m, cell);
  if ((low & pt._PAGE_ACCESSED) !== 0)
    pt.setLeafAt(m, hva, cell, low & ~pt._PAGE_ACCESSED, pt.pteHigh(m, cell));
  page.clearPageFlags(m, pfn, pg.PG_referenced | pg.PG_active);
}

/** can_madv_lru_vma() */
export const mayReclaim = (m: Kvm, hva: number): boolean =>
  (vmaAt(m, find_vma(m, hva)).vm_flags & UNFIT) === 0;

export const MADV_COLD = routine("madvise_cold", walkLocals, (own, m: Kvm) => [
  when(
    act("L1", () => !mayReclaim(m, own.start)),
    [done(EINVAL)],
  ),
  loop(
    act("L2", () => {
      if (own.at === 0) {
        page.lru_add_drain(m);
        own.at = own.start;
      }
      visitOwnLeaves(m, own, own.end, (leaf) => makeOld(m, leaf));
    }),
    when(
      () => own.split !== 0,
      [call(split_folio, { hva: "at" }, "split"), act("L3", () => passOver(own)), again],
    ),
    when(() => own.at >= own.end, [leave]),
    again,
  ),
  done(0),
]);
