// Splitting a folio into its 512 pages: every entry that maps one of them is small afterwards, and
// each page stands for itself; those that nothing maps are freed. The notifier is called twice for
// the 2 MiB: for the huge entry, whether there is one or not, and for the entries that are frozen.
// From: mm/huge_memory.c (split_huge_page_to_list_to_order, unmap_folio), mm/rmap.c
// (try_to_migrate_one with TTU_SPLIT_HUGE_PMD), 6.12. No trace shows it.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, call, done, when } from "#shared/engine/words";
import { PageRefCause } from "#shared/events/own";
import * as pg from "../state/host.ts";
import type { Kvm } from "../state/machine.ts";
import {
  __mmu_notifier_invalidate_range_end,
  __mmu_notifier_invalidate_range_start,
} from "./notifier.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { __split_huge_pmd, splitPmdIn } from "./split-pmd.ts";

/** can_split_folio(): nobody but its mappings holds the folio. */
export const canSplit = (m: Kvm, head: number): boolean =>
  page.page_count(m, head) === page.folio_mapcount(m, head) &&
  page.pfn_to_page(m, head)._pincount === 0;

/** Makes each page of the folio one by itself; its count is that of its own entries. */
const __split_huge_page = routine("__split_huge_page", (m: Kvm, head: number): void => {
  const { flags } = page.pfn_to_page(m, head);
  const shared = flags & ~(pg.PG_head | pg.PG_anonExclusive);
  const own = page.pfn_to_page(m, head)._mapcount;
  page.folio_get(m, head, PageRefCause.split);
  const surplus = page.page_count(m, head) - own - 1;
  if (surplus > 0) page.folio_put_refs(m, head, surplus, PageRefCause.split);
  page.unmakeLarge(m, head);
  for (let n = 0; n < page.HUGE_PAGES; n++) {
    const view = page.pfn_to_page(m, head + n);
    view.flags = shared | (view.flags & pg.PG_anonExclusive);
    if (n > 0) page.folio_ref_add(m, head + n, view._mapcount + 1, PageRefCause.split);
  }
  for (let n = 0; n < page.HUGE_PAGES; n++) page.put_page(m, head + n, PageRefCause.split);
});

/** The child's huge entry is split too; false when an entry elsewhere or a new holder hinders. */
function finishSplit(m: Kvm, head: number, start: number): boolean {
  if (!page.isLarge(m, head) || !canSplit(m, head)) return false;
  if (m.mm.childPgd !== 0) splitPmdIn(m, m.mm.childPgd, start, false);
  if (page.pfn_to_page(m, head)._entire_mapcount !== 0) return false;
  __split_huge_page(m, head);
  return true;
}

/** split_folio() of the folio that an address shows: 1, or 0 when others hold it. */
export const split_folio = routine(
  "split_folio",
  { hva: wide, head: int, start: wide, end: wide, r: int },
  (own, m: Kvm) => [
    when(
      act("S1", () => {
        const cell = pt.presentLeaf(m, own.hva);
        own.head = cell === 0 ? -1 : page.headOf(m, pt.leafPfn(m, cell, own.hva));
        own.start = pt.pmdStart(own.hva);
        own.end = own.start + pt.PMD_SIZE;
        return own.head < 0 || !canSplit(m, own.head);
      }),
      [done(0)],
    ),
    call(__split_huge_pmd, { hva: "hva" }),
    call(__mmu_notifier_invalidate_range_start, { start: "start", end: "end" }),
    act("S2", () => (own.r = finishSplit(m, own.head, own.start) ? 1 : 0)),
    call(__mmu_notifier_invalidate_range_end, { start: "start", end: "end" }),
    done("r"),
  ],
);
