// move_pages: which pages of a range go to a NUMA node, and what their statuses are. Pages are
// queued until one cannot be; then the queue moves.
// From: mm/migrate.c (do_pages_move, add_folio_for_migration, store_status), 6.12 and 7.2.
// MODEL: a frame belongs to the node it was allocated for.
import { routine } from "#shared/engine/routine";
import { int, ref, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, when } from "#shared/engine/words";
import { LockCode, PageRefCause } from "#shared/events/own";
import * as pg from "../state/host.ts";
import type { Kvm } from "../state/machine.ts";
import { notSimulated } from "../state/not-simulated.ts";
import { is_zero_pfn } from "./anon.ts";
import { fileAt } from "./filemap.ts";
import { folio_isolate_lru, queuedAt } from "./isolate.ts";
import { releaseLock, takeLock } from "./locks.ts";
import { migrate_pages } from "./migrate.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { isHugeZero } from "./split-pmd.ts";
import { vma_lookup, vmaAt } from "./vma.ts";

const ENOENT = -2;
const EACCES = -13;
const EFAULT = -14;
const EBUSY = -16;
/** What the VMM puts into each status before the call. */
const UNTOUCHED = -999;
/** A page was queued: not a status. */
const QUEUED = 1_000;

/** The head of the folio at an address, if it can be moved; else -1 less a status. */
function movableFolio(m: Kvm, hva: number, node: number): { head: number; status: number } {
  const refused = (status: number) => ({ head: -1, status });
  const cell = vma_lookup(m, hva);
  const flags = cell === 0 ? pg.VM_IO : vmaAt(m, cell).vm_flags;
  if ((flags & (pg.VM_IO | pg.VM_PFNMAP)) !== 0) return refused(EFAULT);
  const leaf = pt.presentLeaf(m, hva);
  if (leaf === 0) return refused(ENOENT);
  const pfn = pt.leafPfn(m, leaf, hva);
  const head = page.headOf(m, pfn);
  if (is_zero_pfn(pfn) || isHugeZero(m, head)) return refused(EFAULT);
  const view = page.pfn_to_page(m, head);
  if (view.nid === node) return refused(node);
  if (page.folio_mapcount(m, head) > 1) return refused(EACCES);
  if (view.isHugetlb !== 0) notSimulated("Migration of hugetlb pages");
  if (view.mapping !== 0 && fileAt(m, view.mapping).fs === pg.FileSystem.ramfs)
    notSimulated("Migration of ramfs pages");
  if ((view.flags & pg.PG_lru) === 0) return refused(EBUSY);
  if (page.isLarge(m, head) && !pt.isHugeLeaf(m, leaf))
    notSimulated("Migration of a split huge page");
  return { head, status: QUEUED };
}

interface Adding {
  at: number;
  node: number;
  queue: number;
  queued: number;
  status: number;
}

/** Queues the page at `at`, or says what its status is; goes on to the next address. */
const add_folio_for_migration = routine("add_folio_for_migration", (m: Kvm, own: Adding): void => {
  const { head, status } = movableFolio(m, own.at, own.node);
  own.status = status;
  if (head >= 0) {
    const start = page.isLarge(m, head) ? pt.pmdStart(own.at) : pt.pageStart(own.at);
    const found = { pfn: head, hva: start, cause: PageRefCause.migration };
    own.queue = folio_isolate_lru(m, own.queue, found);
    own.queued += 1;
  }
  own.at += pt.PAGE_SIZE;
});

interface Statuses {
  status: number;
  moved: number;
  last: number;
  node: number;
  pages: number;
}

/** Stores `count` equal statuses. */
function store_status(own: Statuses, status: number, count: number): void {
  own.pages += count;
  if (count === 0) return;
  if (status === own.node) own.moved += count;
  else own.last = status;
}

const moveLocals = {
  start: wide,
  end: wide,
  node: int,
  at: wide,
  queue: ref,
  queued: int,
  status: int,
  left: int,
  pages: int,
  moved: int,
  last: int,
} as const;

/**
 * move_pages(): result is how many pages have the node as their status; `last` is told through
 * migrateStatus, the last status that is another.
 */
export const do_pages_move = routine("do_pages_move", moveLocals, (own, m: Kvm) => [
  act("J10", () => (own.at = own.start)),
  loop(
    when(() => own.at >= own.end, [leave]),
    takeLock(m, "U1", () => m.mm.mmap_lock, "read", LockCode.mmap_lock),
    act("J11", () => add_folio_for_migration(m, own as unknown as Adding)),
    releaseLock(m, "U3", () => m.mm.mmap_lock, "read", LockCode.mmap_lock),
    when(() => own.status === QUEUED, [again]),
    call(migrate_pages, { queue: () => queuedAt(m, own.queue), node: "node" }, "left"),
    act("J12", () => (own.queue = 0 as typeof own.queue)),
    when(() => own.left !== 0, [leave]),
    act("J13", () => {
      store_status(own, own.node, own.queued);
      store_status(own, own.status, 1);
      own.queued = 0;
    }),
    again,
  ),
  when(
    () => own.left === 0,
    [
      call(migrate_pages, { queue: () => queuedAt(m, own.queue), node: "node" }, "left"),
      when(() => own.left === 0, [act("J14", () => store_status(own, own.node, own.queued))]),
    ],
  ),
  act("J15", () => {
    finishMove(own);
    m.host.migrateStatus = own.last;
  }),
  done("moved"),
]);

/** Pages without a status keep what the VMM put there. */
function finishMove(own: Statuses & { start: number; end: number }): void {
  const asked = (own.end - own.start) / pt.PAGE_SIZE;
  if (own.pages < asked) own.last = UNTOUCHED;
}
