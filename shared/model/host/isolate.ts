// Pages that were taken off the lists, in queues: reclaim and migration work on them one after the
// other, while they may be unmapped or copied elsewhere.
// From: mm/vmscan.c (folio_isolate_lru, folio_putback_lru), 6.12.
import * as pg from "../state/host.ts";
import { KIND, type Kvm } from "../state/machine.ts";
import * as page from "./page.ts";

export type Queued = ReturnType<typeof pg.queuedFolio.at>;
export const queuedAt = (m: Kvm, cell: number): Queued => pg.queuedFolio.at(m, cell);

/** Takes a page off the lists and puts it at the end of a queue; gives the queue. */
export function folio_isolate_lru(
  m: Kvm,
  queue: number,
  at: { pfn: number; hva: number; cause: number },
): number {
  page.folio_get(m, at.pfn, at.cause);
  page.clearPageFlags(m, at.pfn, pg.PG_lru);
  return enqueue(m, queue, at);
}

/** Puts a page that is on no list at the end of a queue; gives the queue. */
export function enqueue(m: Kvm, queue: number, at: { pfn: number; hva: number }): number {
  const cell = m.alloc(KIND.queuedFolio);
  queuedAt(m, cell).pfn = at.pfn;
  queuedAt(m, cell).hva = at.hva;
  if (queue === 0) return cell;
  let last = queue;
  while (queuedAt(m, last).next !== 0) last = queuedAt(m, last).next;
  queuedAt(m, last).next = cell;
  return queue;
}

/** The other way round; a page that no one has any more is freed by it. */
export function putback_lru(m: Kvm, pfn: number, cause: number): void {
  page.setPageFlags(m, pfn, pg.PG_lru);
  page.put_page(m, pfn, cause);
}

/** Frees a queue's node. */
export const dropQueued = (m: Kvm, cell: number): void =>
  m.free(cell as ReturnType<Kvm["alloc"]>, KIND.queuedFolio);
