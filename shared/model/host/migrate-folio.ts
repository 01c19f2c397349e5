// Moving one folio to other frames: between notifier calls its entries say that it moves, then
// those of the new pages take their place, or, where others hold references, the old ones come
// back.
// From: mm/migrate.c (migrate_folio_unmap, migrate_folio_move, unmap_and_move_huge_page), mm/rmap.c
// (try_to_migrate_one), 6.1, 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int, ref, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, set, when } from "#shared/engine/words";
import { PageRefCause } from "#shared/events/own";
import * as pg from "../state/host.ts";
import type { Kvm } from "../state/machine.ts";
import { giveContents, takeContents } from "./contents.ts";
import { __filemap_add_folio, fileAt, forgetCached } from "./filemap.ts";
import { maybeDmaPinned } from "./fork.ts";
import { alloc_hugetlb_folio_nodemask, move_hugetlb_state } from "./hugetlb.ts";
import { putback_lru, queuedAt, type Queued } from "./isolate.ts";
import {
  __mmu_notifier_invalidate_range_end,
  __mmu_notifier_invalidate_range_start,
} from "./notifier.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { nextMapping, stillMapped, type Seen } from "./rmap.ts";

/** How far a queued page got; `split` ones stand for nothing, their pages are queued alone. */
export const State = { mapped: 0, unmapped: 1, moved: 2, failed: 3, split: 4 } as const;

function allocTarget(m: Kvm, pfn: number, node: number): number {
  if (page.isHugetlb(m, pfn)) return alloc_hugetlb_folio_nodemask(m, node) + 1;
  const fresh = page.isLarge(m, pfn) ? page.__alloc_huge_pages(m) : page.__alloc_pages(m);
  page.pfn_to_page(m, fresh).nid = node;
  return fresh + 1;
}

/** The entry of `hva` that waits for the page; 0 when it was cleared meanwhile. */
function migratingCell(m: Kvm, hva: number, pfn: number): number {
  const pmd = pt.entryCell(m, hva, 2);
  if (pmd === 0) return 0;
  const cell = pt.tableBelow(m, pmd) === 0 ? pmd : pt.entryCell(m, hva, 1);
  return pt.isMigrationEntry(pt.pteLow(m, cell)) && pt.ptePfn(m, cell) === pfn ? cell : 0;
}

/** Takes one entry off its page; false for one that a pin keeps. */
function unmapOne(m: Kvm, cell: number, { hva, pfn }: Seen): boolean {
  const lo = pt.pteLow(m, cell);
  const hi = pt.pteHigh(m, cell);
  if (pt.isDirty(lo, hi)) page.setPageFlags(m, page.headOf(m, pfn), pg.PG_dirty);
  const isOwn = (page.pageFlags(m, pfn) & pg.PG_anonExclusive) !== 0;
  if (isOwn && maybeDmaPinned(m, pfn)) return false;
  page.clearPageFlags(m, pfn, pg.PG_anonExclusive);
  const isHuge = pt.isHugeLeaf(m, cell);
  pt.setLeafAt(m, hva, cell, pt.toMigrationEntry(lo, isOwn), hi);
  if (isHuge) page.addEntireMapcount(m, pfn, -1);
  else page.addMapcount(m, pfn, -1);
  page.put_page(m, pfn, PageRefCause.migration);
  return true;
}

interface Part {
  readonly start: number;
  readonly end: number;
}

/** try_to_migrate_one(): what of a folio lies in one mapping. False when a pin keeps it there. */
function unmapPart(m: Kvm, { hva, pfn }: Seen, { start, end }: Part): boolean {
  for (let at = start; at < end; at += pt.PAGE_SIZE) {
    const one = { hva: at, pfn: pfn + (at - hva) / pt.PAGE_SIZE };
    const cell = stillMapped(m, one);
    if (cell !== 0 && !unmapOne(m, cell, one)) return false;
    if (cell !== 0 && pt.isHugeLeaf(m, cell)) break;
  }
  return true;
}

/** remove_migration_ptes(): the entries lead to pages again, those of the folio at `to`. */
function mapMigrated(m: Kvm, { hva, pfn }: Seen, to: number): void {
  const pages = page.isLarge(m, pfn) ? pt.PMD_PAGES : 1;
  for (let n = 0; n < pages; n++) {
    const one = { hva: hva + n * pt.PAGE_SIZE, pfn: pfn + n };
    if (mapOneMigrated(m, one, to + n)) return;
  }
}

/** True for a huge entry, behind which there is nothing more. */
function mapOneMigrated(m: Kvm, { hva, pfn }: Seen, to: number): boolean {
  const cell = migratingCell(m, hva, pfn);
  if (cell === 0) return false;
  const { lo, isExclusive } = pt.fromMigrationEntry(pt.pteLow(m, cell));
  const hi = (pt.pteHigh(m, cell) & ~0xfffff) | pt.mk_pte_high(to);
  const isHuge = (lo & pt._PAGE_PSE) !== 0;
  if (isExclusive) page.setPageFlags(m, to, pg.PG_anonExclusive);
  page.folio_get(m, to, PageRefCause.migration);
  if (isHuge) page.addEntireMapcount(m, to, 1);
  else page.addMapcount(m, to, 1);
  pt.setLeafAt(m, hva, cell, (pt.mk_pte(to, 0) & ~0xfff) | (lo & 0xfff), hi);
  return isHuge;
}

/** References of the page cache to a folio. */
const cacheReferences = (m: Kvm, pfn: number): number =>
  page.isHugetlb(m, pfn) ? m.kernel.host.hugetlbCacheReferences : 1;

/** folio_migrate_flags(), what the page holds, and its place in the page cache. */
function copyFolio(m: Kvm, from: number, to: number): void {
  const kept = ~(pg.PG_head | pg.PG_tail | pg.PG_anonExclusive);
  page.setPageFlags(m, to, page.pageFlags(m, from) & kept);
  const pages = page.isLarge(m, from) ? pt.PMD_PAGES : 1;
  for (let n = 0; n < pages; n++) giveContents(m, to + n, takeContents(m, from + n));
  const { mapping, index } = page.pfn_to_page(m, from);
  if (mapping === 0) return;
  const references = cacheReferences(m, from);
  forgetCached(m, mapping, index);
  page.folio_ref_add(m, to, references, PageRefCause.migration);
  __filemap_add_folio(m, mapping, index, to);
  page.folio_put_refs(m, from, references, PageRefCause.migration);
}

/** fallback_migrate_folio(): ramfs has no way to write a dirty page out, nor one to move it. */
function isUnmovable(m: Kvm, pfn: number): boolean {
  const { mapping, flags } = page.pfn_to_page(m, pfn);
  const isRamfs = mapping !== 0 && fileAt(m, mapping).fs === pg.FileSystem.ramfs;
  return isRamfs && (flags & pg.PG_dirty) !== 0;
}

/** folio_putback_lru(); hugetlbfs has lists of its own. */
export function putback(m: Kvm, pfn: number): void {
  if (page.isHugetlb(m, pfn)) page.put_page(m, pfn, PageRefCause.migration);
  else putback_lru(m, pfn, PageRefCause.migration);
}

/**
 * The old page is free; the pool of huge pages, which knows its nodes, has it at once.
 * MODEL: others are given back when the call ends, since new pages come from another node and never
 * take an old one's frame.
 */
export function leaveBehind(m: Kvm, pfn: number): void {
  if (page.isHugetlb(m, pfn) && (page.pageFlags(m, pfn) & pg.PG_temporary) === 0) {
    page.put_page(m, pfn, PageRefCause.migration);
    return;
  }
  page.pfn_to_page(m, pfn).gathered = m.host.leftBehind;
  m.host.leftBehind = pfn + 1;
}

/** Gives back what migration left behind. */
export function freeLeftBehind(m: Kvm): void {
  for (let at: number = m.host.leftBehind; at !== 0;) {
    const view = page.pfn_to_page(m, at - 1);
    const next: number = view.gathered;
    view.gathered = 0;
    page.put_page(m, at - 1, PageRefCause.migration);
    at = next;
  }
  m.host.leftBehind = 0;
}

/**
 * Moves an unmapped page, or brings it back where its count tells of others. Result: whether
 * another try makes sense.
 */
export const migrate_folio_move = routine(
  "migrate_folio_move",
  (m: Kvm, queued: Queued): boolean => {
    const { pfn } = queued;
    const fresh = queued.target - 1;
    queued.target = 0;
    const { mapping } = page.pfn_to_page(m, pfn);
    const expected = mapping === 0 ? 1 : 1 + cacheReferences(m, pfn);
    const isBusy = page.page_count(m, pfn) !== expected;
    if (isBusy || isUnmovable(m, pfn)) {
      page.put_page(m, fresh, PageRefCause.migration);
      mapMigrated(m, queued, pfn);
      queued.state = State.mapped;
      return isBusy;
    }
    copyFolio(m, pfn, fresh);
    move_hugetlb_state(m, pfn, fresh);
    mapMigrated(m, queued, fresh);
    putback(m, fresh);
    leaveBehind(m, pfn);
    queued.state = State.moved;
    return false;
  },
);

/** One mapping's part of a folio: one pair of notifier calls. Result: whether the walk goes on. */
const try_to_migrate_one = routine(
  "try_to_migrate_one",
  { queued: ref, start: wide, end: wide, r: int },
  (own, m: Kvm) => [
    call(__mmu_notifier_invalidate_range_start, { start: "start", end: "end" }),
    act("N8", () => (own.r = unmapPart(m, queuedAt(m, own.queued), own) ? 1 : 0)),
    call(__mmu_notifier_invalidate_range_end, { start: "start", end: "end" }),
    done("r"),
  ],
);

function prepareTarget(m: Kvm, queued: Queued, node: number): void {
  if (page.folio_mapcount(m, queued.pfn) !== 0) {
    mapMigrated(m, queued, queued.pfn);
    return;
  }
  queued.target = allocTarget(m, queued.pfn, node);
  queued.state = State.unmapped;
}

/** One try to unmap a folio, mapping by mapping. */
export const try_to_migrate = routine(
  "try_to_migrate",
  { queued: ref, node: int, start: wide, end: wide, anon: int, r: int },
  (own, m: Kvm) => [
    set("r", 1),
    loop(
      when(() => own.r === 0, [leave]),
      when(
        act("J1", () => nextMapping(m, queuedAt(m, own.queued), own)),
        [],
        [leave],
      ),
      call(try_to_migrate_one, { queued: "queued", start: "start", end: "end" }, "r"),
      again,
    ),
    act("J1t", () => prepareTarget(m, queuedAt(m, own.queued), own.node)),
    done(),
  ],
);
