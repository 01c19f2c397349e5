// MADV_PAGEOUT: pages that only this mapping has are made old, taken off the lists and reclaimed:
// unmapped between notifier calls, written to the swap device, freed. Without a swap device
// anonymous pages stay, but what MADV_FREE gave up is dropped.
// From: mm/madvise.c (madvise_cold_or_pageout_pte_range), mm/vmscan.c (reclaim_pages,
// shrink_folio_list), mm/rmap.c (try_to_unmap_one), mm/swapfile.c (try_to_unuse), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int, ref, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, when } from "#shared/engine/words";
import { LockCode, PageRefCause } from "#shared/events/own";
import * as pg from "../state/host.ts";
import { KIND, type Kvm } from "../state/machine.ts";
import { notSimulated } from "../state/not-simulated.ts";
import { cachedPage, fileAt, forgetCached, setSlot, usedSlots } from "./filemap.ts";
import { maybeDmaPinned } from "./fork.ts";
import { dropQueued, folio_isolate_lru, putback_lru, queuedAt } from "./isolate.ts";
import { makeOld, mayReclaim, passOver, visitOwnLeaves, type Leaf } from "./lazy.ts";
import { releaseLock, takeLock } from "./locks.ts";
import {
  __mmu_notifier_clear_flush_young,
  __mmu_notifier_invalidate_range_end,
  __mmu_notifier_invalidate_range_start,
} from "./notifier.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { stillMapped } from "./rmap.ts";
import { split_folio } from "./split-folio.ts";
import { split_huge_pmd_locked } from "./split-pmd.ts";
import { swapInPage } from "./swap-fault.ts";
import { swapInCached, writeToSwap } from "./swap-slots.ts";
import { vmaAt } from "./vma.ts";

const EINVAL = -22;

const isAnon = (m: Kvm, pfn: number): boolean => (page.pageFlags(m, pfn) & pg.PG_anon) !== 0;

/** A page of MADV_FREE: what it holds is not needed unless it was written since. */
const isLazyFree = (m: Kvm, pfn: number): boolean =>
  isAnon(m, pfn) && (page.pageFlags(m, pfn) & pg.PG_swapbacked) === 0;

/** Marks of use of a page without those in its entries. */
const USED = pg.PG_referenced | pg.PG_active;

interface Reclaim {
  queue: number;
  hva: number;
  end: number;
  pfn: number;
  /** The page stays where it is mapped. */
  kept: number;
}

/**
 * Takes a page off the lists; one that cannot be evicted stays. Where reclaim asks for its use, the
 * page is made old first.
 */
function isolate(m: Kvm, own: Reclaim, leaf: Leaf): void {
  if (m.kernel.host.pageoutTakesYoung) page.clearPageFlags(m, leaf.pfn, USED);
  else makeOld(m, leaf);
  const { pfn, hva } = leaf;
  if ((page.pageFlags(m, pfn) & pg.PG_unevictable) !== 0) return;
  own.queue = folio_isolate_lru(m, own.queue, { pfn, hva, cause: PageRefCause.swap });
}

/** The next page of the queue that can go; those that cannot are put back. */
function nextIsolated(m: Kvm, own: Reclaim): boolean {
  while (own.queue !== 0) {
    const queued = queuedAt(m, own.queue);
    const { hva, pfn, next } = queued;
    const isMapped = stillMapped(m, queued) !== 0;
    dropQueued(m, own.queue);
    own.queue = next;
    own.hva = hva;
    own.end = hva + (page.isLarge(m, pfn) ? pt.PMD_SIZE : pt.PAGE_SIZE);
    own.pfn = pfn;
    own.kept = 0;
    // shrink_folio_list() looks for references first, for pins and room to swap after that.
    if (isMapped && (!m.kernel.host.pageoutTakesYoung || canLeave(m, pfn))) return true;
    putback_lru(m, pfn, PageRefCause.swap);
  }
  return false;
}

function canReclaim(m: Kvm, pfn: number): boolean {
  if (isLazyFree(m, pfn)) return true;
  if (isAnon(m, pfn) && (!m.host.isSwapOn || maybeDmaPinned(m, pfn))) return false;
  const owners = isAnon(m, pfn) ? 0 : 1;
  if (page.page_count(m, pfn) > page.folio_mapcount(m, pfn) + owners + 1)
    notSimulated("Reclaim of a page with further references");
  return true;
}

/** A huge page that finds no room to swap is split; its small pages find none either and stay. */
const findsNoRoom = (m: Kvm, pfn: number): boolean =>
  !m.host.isSwapOn && page.isLarge(m, pfn) && isAnon(m, pfn) && !isLazyFree(m, pfn);

const canLeave = (m: Kvm, pfn: number): boolean =>
  findsNoRoom(m, pfn) ? !maybeDmaPinned(m, pfn) : canReclaim(m, pfn);

/** folio_check_references(): a page that the guest used stays, marked for the next look. */
function keepYoung(m: Kvm, pfn: number): void {
  page.setPageFlags(m, pfn, pg.PG_referenced);
  putback_lru(m, pfn, PageRefCause.swap);
}

/** Takes one small page's entry away; an anonymous page leaves the way to its slot there. */
function unmapPage(m: Kvm, hva: number): number {
  const cell = pt.presentPte(m, hva);
  const pfn = pt.ptePfn(m, cell);
  const lo = pt.pteLow(m, cell);
  if (pt.isDirty(lo, pt.pteHigh(m, cell))) page.setPageFlags(m, page.headOf(m, pfn), pg.PG_dirty);
  page.addMapcount(m, pfn, -1);
  const head = page.headOf(m, pfn);
  if (!isAnon(m, head) || isLazyFree(m, head)) pt.pte_clear(m, hva, cell);
  else {
    const isOwn = (page.pageFlags(m, pfn) & pg.PG_anonExclusive) !== 0;
    const slot = writeToSwap(m, pfn);
    pt.set_pte_at(m, hva, cell, pt.swapEntryLow(slot, isOwn), 0);
  }
  page.put_page(m, pfn, PageRefCause.unmapped);
  return pfn;
}

/** A page of MADV_FREE that was written since is an ordinary one again; one that is held stays. */
function isKeptLazyFree(m: Kvm, pfn: number, leaf: number): boolean {
  if (pt.isDirty(pt.pteLow(m, leaf), pt.pteHigh(m, leaf))) page.setPageFlags(m, pfn, pg.PG_dirty);
  const isHeld = page.page_count(m, pfn) !== page.folio_mapcount(m, pfn) + 1;
  const isWritten = (page.pageFlags(m, pfn) & pg.PG_dirty) !== 0;
  if (isWritten || (isHeld && !m.kernel.host.heldStaysLazyFree))
    page.setPageFlags(m, pfn, pg.PG_swapbacked);
  return isHeld || isWritten;
}

function keepMapped(m: Kvm, own: Reclaim): void {
  putback_lru(m, own.pfn, PageRefCause.swap);
  own.kept = 1;
}

/** try_to_unmap_one() for the whole folio; one that was copied elsewhere meanwhile is left. */
const try_to_unmap_one = routine("try_to_unmap_one", (m: Kvm, own: Reclaim): void => {
  const leaf = pt.presentLeaf(m, own.hva);
  if (leaf === 0 || pt.ptePfn(m, leaf) !== own.pfn) {
    keepMapped(m, own);
    return;
  }
  if (isLazyFree(m, own.pfn) && isKeptLazyFree(m, own.pfn, leaf)) {
    keepMapped(m, own);
    return;
  }
  if (page.isLarge(m, own.pfn)) split_huge_pmd_locked(m, own.hva, 0);
  const pages = (own.end - own.hva) / pt.PAGE_SIZE;
  if (isAnon(m, own.pfn) && !isLazyFree(m, own.pfn))
    page.folio_ref_add(m, own.pfn, pages, PageRefCause.swap);
  for (let hva = own.hva; hva < own.end; hva += pt.PAGE_SIZE) unmapPage(m, hva);
});

/**
 * __remove_mapping(): the last references go. A dirty page of a file is written out first, or stays
 * where there is no swap device (shmem_writeout()).
 */
function removeMapping(m: Kvm, own: Reclaim): void {
  const { pfn } = own;
  if (own.kept !== 0) return;
  const isFileDirty = !isAnon(m, pfn) && (page.pageFlags(m, pfn) & pg.PG_dirty) !== 0;
  if (isFileDirty && !m.host.isSwapOn) {
    putback_lru(m, pfn, PageRefCause.swap);
    return;
  }
  if (isLazyFree(m, pfn)) page.put_page(m, pfn, PageRefCause.swap);
  else if (isAnon(m, pfn)) {
    const pages = (own.end - own.hva) / pt.PAGE_SIZE;
    page.folio_put_refs(m, pfn, pages + 1, PageRefCause.swap);
  } else {
    const { mapping, index } = page.pfn_to_page(m, pfn);
    const slot = isFileDirty ? writeToSwap(m, pfn) : -1;
    forgetCached(m, mapping, index);
    if (isFileDirty) setSlot(m, mapping, index, -slot - 1);
    page.folio_put_refs(m, pfn, 2, PageRefCause.swap);
  }
}

const reclaimLocals = {
  start: wide,
  end: wide,
  r: int,
  at: wide,
  split: int,
  queue: ref,
  young: int,
  hva: wide,
  last: wide,
  pfn: int,
  kept: int,
} as const;

export const MADV_PAGEOUT = routine("madvise_pageout", reclaimLocals, (own, m: Kvm) => [
  when(
    act("O1", () => !mayReclaim(m, own.start)),
    [done(EINVAL)],
  ),
  act("O2", () => {
    page.lru_add_drain(m);
    own.last = own.end;
    own.at = own.start;
  }),
  loop(
    when(() => own.at >= own.last && own.queue === 0, [leave]),
    act("O3", () => {
      const visit = (leaf: Leaf): void => isolate(m, own as unknown as Reclaim, leaf);
      visitOwnLeaves(m, own, own.last, visit);
    }),
    when(
      () => own.split !== 0,
      [call(split_folio, { hva: "at" }, "split"), act("L3", () => passOver(own)), again],
    ),
    loop(
      when(
        act("O4", () => nextIsolated(m, own as unknown as Reclaim)),
        [],
        [leave],
      ),
      when(
        () => !m.kernel.host.pageoutTakesYoung,
        [
          call(__mmu_notifier_clear_flush_young, { start: "hva", end: "end" }, "young"),
          when(() => own.young !== 0, [act("O10", () => keepYoung(m, own.pfn)), again]),
          when(
            () => !canLeave(m, own.pfn),
            [act("O11", () => putback_lru(m, own.pfn, PageRefCause.swap)), again],
          ),
        ],
      ),
      when(
        () => findsNoRoom(m, own.pfn),
        [
          act("O12", () => putback_lru(m, own.pfn, PageRefCause.swap)),
          call(split_folio, { hva: "hva" }),
          again,
        ],
      ),
      call(__mmu_notifier_invalidate_range_start, { start: "hva", end: "end" }),
      act("N8", () => try_to_unmap_one(m, own)),
      call(__mmu_notifier_invalidate_range_end, { start: "hva", end: "end" }),
      act("O5", () => removeMapping(m, own)),
      again,
    ),
    again,
  ),
  done(0),
]);

/** Pages that one act reads back. */
const BATCH = 256;

/** unuse_vma(): swapped pages of the address space come back, read-only and old; how many did. */
function unuseMappings(m: Kvm): number {
  let count = 0;
  for (let cell: number = m.mm.mmap; cell !== 0; cell = vmaAt(m, cell).vm_next) {
    const vma = vmaAt(m, cell);
    let hva = vma.vm_start;
    while (hva < vma.vm_end && count < BATCH) {
      const pte = pt.entryCell(m, hva, 1);
      if (pte !== 0 && pt.isSwapEntry(pt.pteLow(m, pte))) {
        const pfn = swapInPage(m, vma, pte);
        page.setPageFlags(m, pfn, pg.PG_dirty);
        pt.set_pte_at(m, hva, pte, pt.mk_pte(pfn, 0) & ~pt._PAGE_ACCESSED, pt.mk_pte_high(pfn));
        count += 1;
      }
      hva = pte === 0 ? pt.pmdStart(hva) + pt.PMD_SIZE : hva + pt.PAGE_SIZE;
    }
  }
  return count;
}

/** shmem_unuse(): the same for pages of files. */
function unuseFiles(m: Kvm, budget: number): number {
  let count = 0;
  for (const file of m.arena(KIND.address_space).live(m)) {
    for (const index of usedSlots(m, file, 0, Math.ceil(fileAt(m, file).i_size / pt.PAGE_SIZE))) {
      if (count >= budget || cachedPage(m, file, index) >= 0) continue;
      page.put_page(m, swapInCached(m, file, index), PageRefCause.swap);
      count += 1;
    }
  }
  return count;
}

/** swapoff(): 0 or EINVAL when the device is not in use. */
export const try_to_unuse = routine("try_to_unuse", { count: int }, (own, m: Kvm) => [
  when(
    act("O6", () => !m.host.isSwapOn),
    [done(EINVAL)],
  ),
  takeLock(m, "O7", () => m.mm.mmap_lock, "read", LockCode.mmap_lock),
  loop(
    act("O8", () => {
      m.host.isSwapOn = false;
      own.count = unuseMappings(m);
      own.count += unuseFiles(m, BATCH - own.count);
    }),
    when(() => own.count < BATCH, [leave]),
    again,
  ),
  releaseLock(m, "O9", () => m.mm.mmap_lock, "read", LockCode.mmap_lock),
  done(0),
]);
