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
import { is_zero_pfn } from "./anon.ts";
import { folio_isolate_lru, queuedAt } from "./isolate.ts";
import { Fill, kindOf } from "./kinds.ts";
import { releaseLock, takeLock } from "./locks.ts";
import { freeLeftBehind } from "./migrate-folio.ts";
import { migrate_pages } from "./migrate.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { isMappedShared } from "./sharers.ts";
import { isHugeZero } from "./split-pmd.ts";
import { vma_lookup, vmaAt, type VmaView } from "./vma.ts";

const ENOENT = -2;
const EACCES = -13;
const EFAULT = -14;
const EBUSY = -16;
/** What the VMM puts into each status before the call. */
const UNTOUCHED = -999;
/** A page was queued: not a status. */
const QUEUED = 1_000;

/**
 * The leaf at an address; of memory without access it counts as none where the kernel looks like
 * get_user_pages(), but follow_huge_pmd() of hugetlbfs asks for no access.
 */
function followedLeaf(m: Kvm, vma: VmaView, hva: number): number {
  const leaf = pt.presentLeaf(m, hva);
  const isHidden = leaf !== 0 && (pt.pteLow(m, leaf) & pt._PAGE_PRESENT) === 0;
  const isAsked = m.kernel.host.movesByFollowPage && (vma.vm_flags & pg.VM_HUGETLB) === 0;
  return isHidden && isAsked ? 0 : leaf;
}

/** no_page_table() with FOLL_DUMP: a hole that no file fills is an error. */
function statusOfNone(m: Kvm, vma: VmaView, hva: number): number {
  if (!m.kernel.host.movesByFollowPage) return ENOENT;
  const pmd = pt.entryCell(m, hva, 2);
  const low = pmd === 0 ? 0 : pt.pteLow(m, pmd);
  const isSmall = low !== 0 && !pt.isHuge(low);
  if (isSmall && pt.pteLow(m, pt.entryCell(m, hva, 1)) !== 0) return ENOENT;
  const { fill } = kindOf(vma.kind);
  return fill === Fill.file || fill === Fill.hugetlb ? ENOENT : EFAULT;
}

function isQueued(m: Kvm, queue: number, pfn: number): boolean {
  for (let at = queue; at !== 0; at = queuedAt(m, at).next)
    if (queuedAt(m, at).pfn === pfn) return true;
  return false;
}

/** folio_isolate_lru(), isolate_hugetlb(): 0, or why the folio is not to be had. */
function whyNotIsolated(m: Kvm, queue: number, head: number, pfn: number): number {
  const { isHugetlb, flags } = page.pfn_to_page(m, head);
  if (isHugetlb === 0) return (flags & pg.PG_lru) === 0 ? EBUSY : 0;
  if (pfn !== head && m.kernel.host.movesByFollowPage) return EACCES;
  return isQueued(m, queue, head) ? EBUSY : 0;
}

/** The head of the folio at an address, if it can be moved; else -1 and a status. */
function movableFolio(m: Kvm, own: Adding): { head: number; status: number } {
  const { at: hva, node } = own;
  const refused = (status: number) => ({ head: -1, status });
  const cell = vma_lookup(m, hva);
  if (cell === 0 || (vmaAt(m, cell).vm_flags & (pg.VM_IO | pg.VM_PFNMAP)) !== 0)
    return refused(EFAULT);
  const leaf = followedLeaf(m, vmaAt(m, cell), hva);
  if (leaf === 0) return refused(statusOfNone(m, vmaAt(m, cell), hva));
  const pfn = pt.leafPfn(m, leaf, hva);
  const head = page.headOf(m, pfn);
  if (is_zero_pfn(pfn) || isHugeZero(m, head)) return refused(EFAULT);
  if (page.pfn_to_page(m, head).nid === node) return refused(node);
  if (isMappedShared(m, pfn, hva)) return refused(EACCES);
  const why = whyNotIsolated(m, own.queue, head, pfn);
  return why === 0 ? { head, status: QUEUED } : refused(why);
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
  const { head, status } = movableFolio(m, own);
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
  at: number;
  end: number;
  status: number;
  moved: number;
  last: number;
  node: number;
}

/** Stores `count` equal statuses. */
function store_status(own: Statuses, status: number, count: number): void {
  if (count === 0) return;
  if (status === own.node) own.moved += count;
  else own.last = status;
}

/**
 * Pages without a status keep what the VMM put there: those that were to move, and all behind the
 * one that ended the batch, whose own status is stored before.
 */
function leaveUntouched(own: Statuses): void {
  if (own.at < own.end || own.status === own.node) own.last = UNTOUCHED;
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
  moved: int,
  last: int,
} as const;

/**
 * move_pages(): result is how many pages have the node as their status; `last` is told through
 * migrateStatus, the last status that is another.
 */
export const do_pages_move = routine("do_pages_move", moveLocals, (own, m: Kvm) => [
  act("J10", () => {
    page.lru_add_drain(m);
    own.at = own.start;
  }),
  loop(
    when(() => own.at >= own.end, [leave]),
    takeLock(m, "U1", () => m.mm.mmap_lock, "read", LockCode.mmap_lock),
    act("J11", () => add_folio_for_migration(m, own as unknown as Adding)),
    releaseLock(m, "U3", () => m.mm.mmap_lock, "read", LockCode.mmap_lock),
    when(() => own.status === QUEUED, [again]),
    act("J12", () => store_status(own, own.status, 1)),
    call(migrate_pages, { queue: () => queuedAt(m, own.queue), node: "node" }, "left"),
    act("J13", () => {
      own.queue = 0 as typeof own.queue;
      if (own.left !== 0) leaveUntouched(own);
      else store_status(own, own.node, own.queued);
      own.queued = 0;
    }),
    when(() => own.left !== 0, [leave]),
    again,
  ),
  when(
    () => own.left === 0,
    [
      call(migrate_pages, { queue: () => queuedAt(m, own.queue), node: "node" }, "left"),
      act("J14", () => {
        if (own.left !== 0) own.last = UNTOUCHED;
        else store_status(own, own.node, own.queued);
      }),
    ],
  ),
  act("J15", () => {
    freeLeftBehind(m);
    m.host.migrateStatus = own.last;
  }),
  done("moved"),
]);
