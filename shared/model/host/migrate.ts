// Moving pages to other frames. A page that was taken off the lists is unmapped between notifier
// calls, and its entry says meanwhile that it moves; then a new page takes its place, or, where
// others hold references, the old one comes back. A page that cannot even be unmapped, since it is
// pinned, is tried ten times: three times with the others, seven times alone.
// From: mm/migrate.c (migrate_pages_batch, migrate_pages_sync, migrate_folio_unmap,
// migrate_folio_move), mm/rmap.c (try_to_migrate_one), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int, ref, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, when } from "#shared/engine/words";
import { PageRefCause } from "#shared/events/own";
import * as pg from "../state/host.ts";
import type { Kvm } from "../state/machine.ts";
import { giveContents, takeContents } from "./contents.ts";
import { __filemap_add_folio, forgetCached } from "./filemap.ts";
import { maybeDmaPinned } from "./fork.ts";
import { dropQueued, putback_lru, queuedAt, stillMapped, type Queued } from "./isolate.ts";
import {
  __mmu_notifier_invalidate_range_end,
  __mmu_notifier_invalidate_range_start,
} from "./notifier.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";

const ASYNC_PASSES = 3;
const SYNC_PASSES = 7;

/** How far a queued page got. */
const State = { mapped: 0, unmapped: 1, moved: 2, failed: 3 } as const;

function allocTarget(m: Kvm, pfn: number, node: number): number {
  const fresh = page.isLarge(m, pfn) ? page.__alloc_huge_pages(m) : page.__alloc_pages(m);
  page.pfn_to_page(m, fresh).nid = node;
  return fresh + 1;
}

/** The entry that waits for a queued page, 0 when it was cleared meanwhile. */
function migratingCell(m: Kvm, { hva, pfn }: Queued): number {
  const pmd = pt.entryCell(m, hva, 2);
  if (pmd === 0) return 0;
  const cell = pt.tableBelow(m, pmd) === 0 ? pmd : pt.entryCell(m, hva, 1);
  return pt.isMigrationEntry(pt.pteLow(m, cell)) && pt.ptePfn(m, cell) === pfn ? cell : 0;
}

/** try_to_migrate_one(): a pinned page stays mapped. */
function unmapQueued(m: Kvm, queued: Queued, node: number): void {
  const cell = stillMapped(m, queued);
  if (cell === 0) return;
  const { pfn, hva } = queued;
  const lo = pt.pteLow(m, cell);
  const hi = pt.pteHigh(m, cell);
  const isOwn = (page.pageFlags(m, pfn) & pg.PG_anonExclusive) !== 0;
  if (isOwn && maybeDmaPinned(m, pfn)) return;
  page.clearPageFlags(m, pfn, pg.PG_anonExclusive);
  if (pt.isDirty(lo, hi)) page.setPageFlags(m, pfn, pg.PG_dirty);
  const isHuge = pt.isHugeLeaf(m, cell);
  pt.setLeafAt(m, hva, cell, pt.toMigrationEntry(lo, isOwn), hi);
  if (isHuge) page.addEntireMapcount(m, pfn, -1);
  else page.addMapcount(m, pfn, -1);
  page.put_page(m, pfn, PageRefCause.migration);
  queued.target = allocTarget(m, pfn, node);
  queued.state = State.unmapped;
}

/** remove_migration_ptes(): the entry leads to a page again. */
function mapMigrated(m: Kvm, queued: Queued, pfn: number): void {
  const cell = migratingCell(m, queued);
  if (cell === 0) return;
  const { lo, isExclusive } = pt.fromMigrationEntry(pt.pteLow(m, cell));
  const hi = (pt.pteHigh(m, cell) & ~0xfffff) | pt.mk_pte_high(pfn);
  if (isExclusive) page.setPageFlags(m, pfn, pg.PG_anonExclusive);
  page.folio_get(m, pfn, PageRefCause.migration);
  if ((lo & pt._PAGE_PSE) !== 0) page.addEntireMapcount(m, pfn, 1);
  else page.addMapcount(m, pfn, 1);
  pt.setLeafAt(m, queued.hva, cell, (pt.mk_pte(pfn, 0) & ~0xfff) | (lo & 0xfff), hi);
}

/** folio_migrate_flags(), what the page holds, and its place in the page cache. */
function copyFolio(m: Kvm, from: number, to: number): void {
  const kept = ~(pg.PG_head | pg.PG_tail | pg.PG_anonExclusive);
  page.setPageFlags(m, to, page.pageFlags(m, from) & kept);
  const pages = page.isLarge(m, from) ? pt.PMD_PAGES : 1;
  for (let n = 0; n < pages; n++) giveContents(m, to + n, takeContents(m, from + n));
  const { mapping, index } = page.pfn_to_page(m, from);
  if (mapping === 0) return;
  forgetCached(m, mapping, index);
  page.folio_get(m, to, PageRefCause.migration);
  __filemap_add_folio(m, mapping, index, to);
  page.put_page(m, from, PageRefCause.migration);
}

/** Moves an unmapped page, or brings it back where its count tells of others. */
const migrate_folio_move = routine("migrate_folio_move", (m: Kvm, queued: Queued): void => {
  const { pfn } = queued;
  const fresh = queued.target - 1;
  queued.target = 0;
  const { mapping } = page.pfn_to_page(m, pfn);
  if (page.page_count(m, pfn) !== (mapping === 0 ? 1 : 2)) {
    page.put_page(m, fresh, PageRefCause.migration);
    mapMigrated(m, queued, pfn);
    queued.state = State.mapped;
    return;
  }
  copyFolio(m, pfn, fresh);
  mapMigrated(m, queued, fresh);
  putback_lru(m, fresh, PageRefCause.migration);
  page.put_page(m, pfn, PageRefCause.migration);
  queued.state = State.moved;
});

const unmapLocals = { queued: ref, node: int, start: wide, end: wide } as const;

/** One try to unmap one page: one pair of notifier calls. */
const try_to_migrate_one = routine("try_to_migrate_one", unmapLocals, (own, m: Kvm) => [
  act("J1", () => {
    const queued = queuedAt(m, own.queued);
    own.start = queued.hva;
    own.end = own.start + (page.isLarge(m, queued.pfn) ? pt.PMD_SIZE : pt.PAGE_SIZE);
  }),
  call(__mmu_notifier_invalidate_range_start, { start: "start", end: "end" }),
  act("N8", () => unmapQueued(m, queuedAt(m, own.queued), own.node)),
  call(__mmu_notifier_invalidate_range_end, { start: "start", end: "end" }),
  done(),
]);

/** The next queued page from `at` on that is still mapped; one that no one has any more is done. */
function nextMapped(m: Kvm, from: number): number {
  for (let at = from; at !== 0; at = queuedAt(m, at).next) {
    const queued = queuedAt(m, at);
    if (queued.state !== State.mapped) continue;
    if (stillMapped(m, queued) !== 0) return at;
    queued.state = page.page_count(m, queued.pfn) === 1 ? State.moved : State.failed;
    putback_lru(m, queued.pfn, PageRefCause.migration);
  }
  return 0;
}

/** Moves all that is unmapped. */
function moveBatch(m: Kvm, queue: number): void {
  for (let at = queue; at !== 0; at = queuedAt(m, at).next)
    if (queuedAt(m, at).state === State.unmapped) migrate_folio_move(m, queuedAt(m, at));
}

/** Ends the queue: how many pages could not be moved. */
function finishBatch(m: Kvm, queue: number): number {
  let left = 0;
  for (let at = queue; at !== 0;) {
    const { state, pfn, next } = queuedAt(m, at);
    if (state === State.mapped) putback_lru(m, pfn, PageRefCause.migration);
    if (state !== State.moved) left += 1;
    dropQueued(m, at);
    at = next;
  }
  return left;
}

interface Alone {
  at: number;
  pass: number;
}

/** One by one: a page that came off its mapping is moved or brought back, and that is all. */
function tryAgain(m: Kvm, own: Alone): void {
  own.pass += 1;
  const queued = queuedAt(m, own.at);
  const isUnmapped = queued.state === State.unmapped;
  if (isUnmapped) migrate_folio_move(m, queued);
  if (!isUnmapped && own.pass < SYNC_PASSES) return;
  own.at = queued.next;
  own.pass = 0;
}

const batchLocals = { queue: ref, node: int, at: ref, pass: int, left: int } as const;

/** migrate_pages() of a queue, which ends here: how many pages could not be moved. */
export const migrate_pages = routine("migrate_pages", batchLocals, (own, m: Kvm) => {
  const advance = (from: number): void => {
    own.at = nextMapped(m, from) as typeof own.at;
  };
  return [
    loop(
      when(() => own.pass === ASYNC_PASSES, [leave]),
      act("J2", () => advance(own.queue)),
      loop(
        when(() => own.at === 0, [leave]),
        call(try_to_migrate_one, { queued: "at", node: "node" }),
        act("J3", () => advance(queuedAt(m, own.at).next)),
        again,
      ),
      act("J4", () => (own.pass += 1)),
      again,
    ),
    act("J5", () => {
      moveBatch(m, own.queue);
      own.pass = 0;
      advance(own.queue);
    }),
    loop(
      when(() => own.at === 0, [leave]),
      call(try_to_migrate_one, { queued: "at", node: "node" }),
      act("J6", () => {
        tryAgain(m, own as unknown as Alone);
        advance(own.at);
      }),
      again,
    ),
    act("J7", () => (own.left = finishBatch(m, own.queue))),
    done("left"),
  ];
});
