// Splitting a folio into its 512 pages: every entry that maps one of them is small afterwards, and
// each page stands for itself; those that nothing maps are freed. In every mapping of it the
// notifier is called for the entries that are frozen; before 7.x once more for the huge entry,
// whether there is one or not. From: mm/huge_memory.c (split_huge_page_to_list_to_order,
// unmap_folio, remap_page), mm/rmap.c (try_to_migrate_one with TTU_SPLIT_HUGE_PMD), mm/migrate.c
// (try_to_map_unused_to_zeropage), 6.1, 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int, ref, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, when } from "#shared/engine/words";
import { PageRefCause } from "#shared/events/own";
import * as pg from "../state/host.ts";
import type { Kvm } from "../state/machine.ts";
import { isZeroFilled } from "./contents.ts";
import { queuedAt } from "./isolate.ts";
import { ZERO_PAGE_PFN } from "./kinds.ts";
import {
  __mmu_notifier_invalidate_range_end,
  __mmu_notifier_invalidate_range_start,
} from "./notifier.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { nextMapping, type Seen } from "./rmap.ts";
import { __split_huge_pmd, split_huge_pmd_locked, splitPmdIn } from "./split-pmd.ts";
import { vma_lookup, vmaAt } from "./vma.ts";

/** can_split_folio(): nobody but its mappings, and a list that it was taken to, holds the folio. */
export const canSplit = (m: Kvm, head: number, held = 0): boolean =>
  page.page_count(m, head) === page.folio_mapcount(m, head) + held &&
  page.pfn_to_page(m, head)._pincount === 0;

interface Split {
  readonly head: number;
  readonly hva: number;
  readonly held: number;
}

/**
 * try_to_map_unused_to_zeropage(): an entry of a page that is all zeroes leads to the zero page
 * instead.
 */
function try_to_map_unused_to_zeropage(m: Kvm, top: number, { hva, pfn }: Seen): void {
  const cell = pt.presentLeafIn(m, top, hva);
  if (cell === 0 || pt.ptePfn(m, cell) !== pfn || !isZeroFilled(m, pfn)) return;
  const prot = pt._PAGE_PRESENT | pt._PAGE_PROTNONE | pt._PAGE_USER;
  const bits = (pt.pteLow(m, cell) & prot) | pt._PAGE_ACCESSED | pt._PAGE_SPECIAL;
  const lo = (pt.mk_pte(ZERO_PAGE_PFN, 0) & ~0xfff) | bits;
  if (top === m.mm.pgd) pt.set_pte_at(m, hva, cell, lo, pt.mk_pte_high(ZERO_PAGE_PFN));
  else {
    m.put(cell, lo);
    m.put(cell + 1, pt.mk_pte_high(ZERO_PAGE_PFN));
  }
  page.addMapcount(m, pfn, -1);
  page.put_page(m, pfn, PageRefCause.unmapped);
}

const isLocked = (m: Kvm, hva: number): boolean => {
  const cell = vma_lookup(m, hva);
  return cell !== 0 && (vmaAt(m, cell).vm_flags & pg.VM_LOCKED) !== 0;
};

/** remap_page() with RMP_USE_SHARED_ZEROPAGE: locked mappings keep theirs. */
function remap_page(m: Kvm, { head, hva }: Split): void {
  if (!m.kernel.host.splitMapsZeroPage) return;
  for (let n = 0; n < pt.PMD_PAGES; n++) {
    const seen = { hva: hva + n * pt.PAGE_SIZE, pfn: head + n };
    if (!isLocked(m, seen.hva)) try_to_map_unused_to_zeropage(m, m.mm.pgd, seen);
    if (m.mm.childPgd !== 0) try_to_map_unused_to_zeropage(m, m.mm.childPgd, seen);
  }
}

/**
 * Makes each page one by itself; its count is that of its own entries and of the list. Locked in
 * memory are those that a locked mapping shows (remove_migration_pte(), mlock_vma_folio()).
 */
const __split_huge_page = routine(
  "__split_huge_page",
  (m: Kvm, split: Split): void => {
    const { head, held } = split;
    const { flags, nid } = page.pfn_to_page(m, head);
    const shared = flags & ~(pg.PG_head | pg.PG_anonExclusive | pg.PG_unevictable);
    const own = page.pfn_to_page(m, head)._mapcount + held;
    page.folio_get(m, head, PageRefCause.split);
    const surplus = page.page_count(m, head) - own - 1;
    if (surplus > 0) page.folio_put_refs(m, head, surplus, PageRefCause.split);
    page.unmakeLarge(m, head);
    for (let n = 0; n < page.HUGE_PAGES; n++) {
      const view = page.pfn_to_page(m, head + n);
      const isKept = isLocked(m, split.hva + n * pt.PAGE_SIZE) && view._mapcount > 0;
      view.flags = shared | (view.flags & pg.PG_anonExclusive) | (isKept ? pg.PG_unevictable : 0);
      view.nid = nid;
      const count = view._mapcount + held + 1;
      if (n > 0) page.folio_ref_add(m, head + n, count, PageRefCause.split);
    }
    remap_page(m, split);
    for (let n = 0; n < page.HUGE_PAGES; n++) page.put_page(m, head + n, PageRefCause.split);
  },
);

/** The child's huge entry is split too; false when an entry elsewhere or a new holder hinders. */
function finishSplit(m: Kvm, split: Split): boolean {
  const { head, hva, held } = split;
  if (!page.isLarge(m, head) || !canSplit(m, head, held)) return false;
  if (m.mm.childPgd !== 0) splitPmdIn(m, m.mm.childPgd, hva, { record: false, freeze: true });
  if (page.pfn_to_page(m, head)._entire_mapcount !== 0) return false;
  __split_huge_page(m, split);
  return true;
}

/** unmap_folio() and what follows, of a folio that lies at the 2 MiB of `hva`: 1, or 0. */
const split_huge_page = routine(
  "split_huge_page_to_list_to_order",
  { hva: wide, head: int, held: int, start: wide, end: wide, anon: int, r: int },
  (own, m: Kvm) => [
    loop(
      when(
        act("S1", () => nextMapping(m, { hva: own.hva, pfn: own.head }, own)),
        [],
        [leave],
      ),
      when(
        () => !m.kernel.host.splitsPmdInRmapWalk,
        [call(__split_huge_pmd, { hva: "start", freeze: 1 })],
      ),
      call(__mmu_notifier_invalidate_range_start, { start: "start", end: "end" }),
      act("S2", () => split_huge_pmd_locked(m, own.hva, 1)),
      call(__mmu_notifier_invalidate_range_end, { start: "start", end: "end" }),
      again,
    ),
    act("S3", () => (own.r = finishSplit(m, own) ? 1 : 0)),
    done("r"),
  ],
);

/** split_folio() of the folio that an address shows: 1, or 0 when others hold it. */
export const split_folio = routine(
  "split_folio",
  { hva: wide, head: int, r: int },
  (own, m: Kvm) => [
    when(
      act("S4", () => {
        const cell = pt.presentLeaf(m, own.hva);
        own.head = cell === 0 ? -1 : page.headOf(m, pt.leafPfn(m, cell, own.hva));
        own.hva = pt.pmdStart(own.hva);
        return own.head < 0 || !canSplit(m, own.head);
      }),
      [done(0)],
    ),
    call(split_huge_page, { hva: "hva", head: "head" }, "r"),
    done("r"),
  ],
);

/** The same of a folio that was taken off the lists; its pages are held for that too. */
export const split_folio_to_list = routine(
  "split_folio_to_list",
  { queued: ref, hva: wide, head: int, r: int },
  (own, m: Kvm) => [
    when(
      act("S5", () => {
        const { hva, pfn } = queuedAt(m, own.queued);
        own.hva = hva;
        own.head = pfn;
        return !canSplit(m, pfn, 1);
      }),
      [done(0)],
    ),
    call(split_huge_page, { hva: "hva", head: "head", held: 1 }, "r"),
    done("r"),
  ],
);
