// Moving pages to other frames. Folios that were taken off the lists are all unmapped, then all
// moved; what is left is tried one by one. A page that cannot even be unmapped, since it is pinned,
// is tried ten times: three times with the others, seven times alone. A huge page of which a part
// is gone is split first, and its pages move by themselves.
// From: mm/migrate.c (migrate_pages, migrate_pages_batch, migrate_pages_sync, migrate_hugetlbs),
// 6.1, 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int, ref } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, set, when } from "#shared/engine/words";
import type { Kvm } from "../state/machine.ts";
import { dropQueued, enqueue, queuedAt, type Queued } from "./isolate.ts";
import {
  leaveBehind,
  migrate_folio_move,
  putback,
  State,
  try_to_migrate,
} from "./migrate-folio.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { split_folio_to_list } from "./split-folio.ts";

const ASYNC_PASSES = 3;
const SYNC_PASSES = 7;
const ONE_BY_ONE_PASSES = 10;

/** The next queued page from `at` on that is still mapped; one that no one has any more is done. */
function nextMapped(m: Kvm, from: number): number {
  for (let at = from; at !== 0; at = queuedAt(m, at).next) {
    const queued = queuedAt(m, at);
    if (queued.state !== State.mapped) continue;
    if (page.folio_mapcount(m, queued.pfn) !== 0) return at;
    queued.state = page.page_count(m, queued.pfn) === 1 ? State.moved : State.failed;
    if (queued.state === State.moved) leaveBehind(m, queued.pfn);
    else putback(m, queued.pfn);
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
    if (state === State.mapped) putback(m, pfn);
    if (state !== State.moved && state !== State.split) left += 1;
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

/**
 * Anonymous memory of which a part is gone: it waits to be split, and migration does that first.
 */
const isPartlyMapped = (m: Kvm, pfn: number): boolean =>
  page.isLarge(m, pfn) &&
  !page.isHugetlb(m, pfn) &&
  page.pfn_to_page(m, pfn)._entire_mapcount === 0 &&
  page.folio_mapcount(m, pfn) < pt.PMD_PAGES;

/**
 * The pages of a folio that was split as a queue of their own: the tails in the order in which the
 * split made them, then the head (try_split_folio).
 */
function queueSplit(m: Kvm, queued: Queued, splits: number): number {
  const { hva, pfn } = queued;
  queued.state = State.split;
  let queue = splits;
  for (let at = 1; at <= pt.PMD_PAGES; at++) {
    const n = m.kernel.host.splitsTailsForward ? at % pt.PMD_PAGES : pt.PMD_PAGES - at;
    queue = enqueue(m, queue, { pfn: pfn + n, hva: hva + n * pt.PAGE_SIZE });
  }
  return queue;
}

const batchLocals = { queue: ref, node: int, at: ref, pass: int, left: int, r: int } as const;

interface Walk {
  at: number;
}
const advance = (m: Kvm, own: Walk, from: number): void => {
  own.at = nextMapped(m, from);
};

/** Unmaps and moves folio by folio, in ten rounds: 6.1, and hugetlbfs everywhere. */
const migrate_one_by_one = routine("migrate_pages_batch", batchLocals, (own, m: Kvm) => [
  loop(
    when(() => own.pass === ONE_BY_ONE_PASSES, [leave]),
    act("J8", () => advance(m, own as unknown as Walk, own.queue)),
    loop(
      when(() => own.at === 0, [leave]),
      call(try_to_migrate, { queued: "at", node: "node" }),
      act("J9", () => {
        const queued = queuedAt(m, own.at);
        if (queued.state === State.unmapped && !migrate_folio_move(m, queued)) giveUp(m, queued);
        advance(m, own as unknown as Walk, queued.next);
      }),
      again,
    ),
    act("J8p", () => (own.pass += 1)),
    again,
  ),
  act("J7", () => (own.left = finishBatch(m, own.queue))),
  done("left"),
]);

/** A page that came back for good goes back to the lists. */
function giveUp(m: Kvm, queued: Queued): void {
  if (queued.state !== State.mapped) return;
  queued.state = State.failed;
  putback(m, queued.pfn);
}

/** The pages of split folios: one round. */
const migrate_split = routine("migrate_pages_batch", batchLocals, (own, m: Kvm) => [
  act("J2s", () => advance(m, own as unknown as Walk, own.queue)),
  loop(
    when(() => own.at === 0, [leave]),
    call(try_to_migrate, { queued: "at", node: "node" }),
    act("J3s", () => advance(m, own as unknown as Walk, queuedAt(m, own.at).next)),
    again,
  ),
  act("J5s", () => {
    moveBatch(m, own.queue);
    own.left = finishBatch(m, own.queue);
  }),
  done("left"),
]);

const syncLocals = { ...batchLocals, splits: ref } as const;

/** Three rounds for all folios, in which they are unmapped; then each that is left by itself. */
const migrate_pages_sync = routine("migrate_pages_sync", syncLocals, (own, m: Kvm) => [
  loop(
    when(() => own.pass === ASYNC_PASSES, [leave]),
    act("J2", () => advance(m, own as unknown as Walk, own.queue)),
    loop(
      when(() => own.at === 0, [leave]),
      set("r", 0),
      when(
        () => isPartlyMapped(m, queuedAt(m, own.at).pfn),
        [call(split_folio_to_list, { queued: "at" }, "r")],
      ),
      when(
        () => own.r !== 0,
        [
          act("J2q", () => {
            own.splits = queueSplit(m, queuedAt(m, own.at), own.splits) as typeof own.splits;
          }),
        ],
        [call(try_to_migrate, { queued: "at", node: "node" })],
      ),
      act("J3", () => advance(m, own as unknown as Walk, queuedAt(m, own.at).next)),
      again,
    ),
    act("J4", () => (own.pass += 1)),
    again,
  ),
  act("J5", () => {
    moveBatch(m, own.queue);
    own.pass = 0;
    advance(m, own as unknown as Walk, own.queue);
  }),
  loop(
    when(() => own.at === 0, [leave]),
    call(try_to_migrate, { queued: "at", node: "node" }),
    act("J6", () => {
      tryAgain(m, own as unknown as Alone);
      advance(m, own as unknown as Walk, own.at);
    }),
    again,
  ),
  act("J7", () => (own.left = finishBatch(m, own.queue))),
  when(
    () => own.splits !== 0,
    [
      call(migrate_split, { queue: () => queuedAt(m, own.splits), node: "node" }, "r"),
      act("J7s", () => (own.left += own.r)),
    ],
  ),
  done("left"),
]);

const isAlone = (m: Kvm, queue: number): boolean =>
  !m.kernel.host.migratesInBatches || (queue !== 0 && page.isHugetlb(m, queuedAt(m, queue).pfn));

/** migrate_pages() of a queue, which ends here: how many pages could not be moved. */
export const migrate_pages = routine(
  "migrate_pages",
  { queue: ref, node: int, left: int },
  (own, m: Kvm) => [
    when(
      () => isAlone(m, own.queue),
      [call(migrate_one_by_one, { queue: "queue", node: "node" }, "left")],
      [call(migrate_pages_sync, { queue: "queue", node: "node" }, "left")],
    ),
    done("left"),
  ],
);
