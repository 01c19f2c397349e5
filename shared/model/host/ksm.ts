// Merging of equal pages (KSM): marking mappings, one run of ksmd, taking merged pages apart. Of
// two equal pages found first, the later one stays: it is write-protected and becomes the shared
// page, then the earlier is write-protected and replaced. Every further equal page joins it. From:
// mm/ksm.c (cmp_and_merge_page, try_to_merge_one_page, write_protect_page, replace_page,
// unmerge_ksm_pages), 6.1, 6.12 and 7.2.

// MODEL: ksmd's scans are one pass over the VMM's marked mappings, in the plan's own thread; a page
// that cannot be merged, since it has other references, is tried once.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, when } from "#shared/engine/words";
import { LockCode, PageRefCause } from "#shared/events/own";
import * as pg from "../state/host.ts";
import { pfn_valid } from "../state/layout.ts";
import type { Kvm } from "../state/machine.ts";
import { sameContents } from "./contents.ts";
import { releaseLock, takeLock } from "./locks.ts";
import { FaultFor, handle_mm_fault } from "./memory.ts";
import { munlock_vma_folio } from "./mlock.ts";
import { modifyFlags } from "./modify.ts";
import {
  __mmu_notifier_invalidate_range_end,
  __mmu_notifier_invalidate_range_start,
} from "./notifier.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { maybeDmaPinned } from "./fork.ts";
import { canSplit, split_folio } from "./split-folio.ts";
import { find_vma, vmaAt } from "./vma.ts";

/** vma_ksm_compatible(): others are left alone without a word. */
const INCOMPATIBLE =
  pg.VM_SHARED |
  pg.VM_MAYSHARE |
  pg.VM_PFNMAP |
  pg.VM_IO |
  pg.VM_DONTEXPAND |
  pg.VM_HUGETLB |
  pg.VM_MIXEDMAP;

const adviceLocals = { start: wide, end: wide, r: int } as const;
const flagsAt = (m: Kvm, hva: number): number => vmaAt(m, find_vma(m, hva)).vm_flags;

export const MADV_MERGEABLE = routine("ksm_madvise", adviceLocals, (own, m: Kvm) => [
  when(
    act("K1", () => (flagsAt(m, own.start) & INCOMPATIBLE) !== 0),
    [done(0)],
  ),
  call(modifyFlags, { start: "start", end: "end", set: pg.VM_MERGEABLE, clear: 0 }),
  done(0),
]);

/** The small anonymous page at an address that KSM may look at, or -1. */
function mergeablePage(m: Kvm, hva: number): number {
  const cell = pt.presentLeaf(m, hva);
  if (cell === 0 || (pt.pteLow(m, cell) & pt._PAGE_SPECIAL) !== 0) return -1;
  const pfn = pt.leafPfn(m, cell, hva);
  if (!pfn_valid(pfn)) return -1;
  return (page.pageFlags(m, page.headOf(m, pfn)) & pg.PG_anon) !== 0 ? pfn : -1;
}

const isMerged = (m: Kvm, pfn: number): boolean => (page.pageFlags(m, pfn) & pg.PG_ksm) !== 0;

/** Visits the addresses of marked mappings in order until one is found. */
function findMergeable(
  m: Kvm,
  from: number,
  to: number,
  test: (hva: number, pfn: number) => boolean,
): number {
  for (let cell = find_vma(m, from); cell !== 0; cell = vmaAt(m, cell).vm_next) {
    const { vm_start, vm_end, vm_flags } = vmaAt(m, cell);
    if (vm_start >= to) break;
    if ((vm_flags & pg.VM_MERGEABLE) === 0) continue;
    for (let hva = Math.max(from, vm_start); hva < Math.min(to, vm_end); hva += pt.PAGE_SIZE) {
      const pfn = mergeablePage(m, hva);
      if (pfn >= 0 && test(hva, pfn)) return hva;
    }
  }
  return 0;
}

const EVERYWHERE = 2 ** 47;

interface Scan {
  at: number;
  /** The page that is looked at, and the equal one found. */
  hva: number;
  other: number;
  kpage: number;
  found: number;
  /** A page of a huge one is merged only after its folio is split. */
  large: number;
}
const Found = { nothing: 0, merged: 1, twin: 2 } as const;

const isLargeAt = (m: Kvm, hva: number): boolean =>
  page.isLarge(m, page.headOf(m, mergeablePage(m, hva)));

/** cmp_and_merge_page(): the next page that has an equal: a merged one, else an earlier one. */
const cmp_and_merge_page = routine("cmp_and_merge_page", (m: Kvm, own: Scan): void => {
  own.found = Found.nothing;
  own.hva = findMergeable(m, own.at, EVERYWHERE, (hva, pfn) => {
    if (isMerged(m, pfn)) return false;
    const merged = findMergeable(
      m,
      0,
      EVERYWHERE,
      (_at, other) => isMerged(m, other) && sameContents(m, other, pfn),
    );
    const twin =
      merged !== 0
        ? merged
        : findMergeable(m, 0, hva, (_at, other) => other !== pfn && sameContents(m, other, pfn));
    if (twin === 0) return false;
    own.other = twin;
    own.found = merged !== 0 ? Found.merged : Found.twin;
    return true;
  });
  if (own.found === Found.nothing) return;
  own.at = own.hva + pt.PAGE_SIZE;
  own.kpage = mergeablePage(m, own.found === Found.merged ? own.other : own.hva);
  own.large = [own.hva, own.other].find((hva) => isLargeAt(m, hva)) ?? 0;
  if (own.large === 0) page.folio_get(m, own.kpage, PageRefCause.ksm);
  else if (canSplit(m, page.headOf(m, mergeablePage(m, own.large)))) own.at = own.hva;
});

/** Makes an entry read-only and clean; false when others hold the page. */
function protectPage(m: Kvm, hva: number, kpage: number): boolean {
  const cell = pt.presentPte(m, hva);
  if (cell === 0) return false;
  const pfn = pt.ptePfn(m, cell);
  const owners = page.folio_mapcount(m, pfn) + (pfn === kpage ? 1 : 0);
  if (page.page_count(m, pfn) !== owners || maybeDmaPinned(m, pfn)) return false;
  const lo = pt.pteLow(m, cell);
  const hi = pt.pteHigh(m, cell);
  if (pt.isDirty(lo, hi)) page.SetPageDirty(m, pfn);
  const clean = pt.pte_mkclean(lo, hi);
  pt.set_pte_at(m, hva, cell, clean.lo & ~pt._PAGE_RW, clean.hi);
  page.clearPageFlags(m, pfn, pg.PG_anonExclusive);
  return true;
}

const pageLocals = { start: wide, end: wide, kpage: int, r: int } as const;

const write_protect_page = routine("write_protect_page", pageLocals, (own, m: Kvm) => [
  act("K2", () => (own.end = own.start + pt.PAGE_SIZE)),
  call(__mmu_notifier_invalidate_range_start, { start: "start", end: "end" }),
  act("N8", () => (own.r = protectPage(m, own.start, own.kpage) ? 1 : 0)),
  call(__mmu_notifier_invalidate_range_end, { start: "start", end: "end" }),
  done("r"),
]);

/** Puts the merged page in the place of an equal one, unless that has changed meanwhile. */
function putMerged(m: Kvm, hva: number, kpage: number): void {
  const cell = pt.presentPte(m, hva);
  const old = mergeablePage(m, hva);
  const isWritable = cell !== 0 && (pt.pteLow(m, cell) & pt._PAGE_RW) !== 0;
  if (old < 0 || old === kpage || isWritable || !sameContents(m, old, kpage)) return;
  page.folio_get(m, kpage, PageRefCause.ksm);
  page.addMapcount(m, kpage, 1);
  pt.set_pte_at(m, hva, cell, pt.mk_pte(kpage, 0), pt.mk_pte_high(kpage));
  page.addMapcount(m, old, -1);
  munlock_vma_folio(m, hva, old);
  page.put_page(m, old, PageRefCause.ksm);
}

const replace_page = routine("replace_page", pageLocals, (own, m: Kvm) => [
  act("K3", () => (own.end = own.start + pt.PAGE_SIZE)),
  call(__mmu_notifier_invalidate_range_start, { start: "start", end: "end" }),
  act("N8", () => putMerged(m, own.start, own.kpage)),
  call(__mmu_notifier_invalidate_range_end, { start: "start", end: "end" }),
  done(),
]);

const scanLocals = {
  at: wide,
  hva: wide,
  other: wide,
  kpage: int,
  found: int,
  large: wide,
  joiner: wide,
  r: int,
} as const;

/** ksmd: every page of the marked mappings that has an equal is merged with it. */
export const ksm_do_scan = routine("ksm_do_scan", scanLocals, (own, m: Kvm) => [
  takeLock(m, "K4", () => m.mm.mmap_lock, "read", LockCode.mmap_lock),
  loop(
    act("K5", () => cmp_and_merge_page(m, own)),
    when(() => own.found === Found.nothing, [leave]),
    when(
      () => own.large !== 0,
      [
        call(split_folio, { hva: "large" }, "r"),
        act("K14", () => {
          if (own.r === 0) own.at = own.hva + pt.PAGE_SIZE;
        }),
        again,
      ],
    ),
    call(write_protect_page, { start: "hva", kpage: "kpage" }, "r"),
    when(
      () => own.r !== 0 && own.found === Found.twin,
      [
        act("K6", () => page.setPageFlags(m, own.kpage, pg.PG_ksm | pg.PG_dirty)),
        call(write_protect_page, { start: "other", kpage: "kpage" }, "r"),
      ],
    ),
    act("K7", () => (own.joiner = own.found === Found.twin ? own.other : own.hva)),
    when(() => own.r !== 0, [call(replace_page, { start: "joiner", kpage: "kpage" })]),
    act("K13", () => page.put_page(m, own.kpage, PageRefCause.ksm)),
    again,
  ),
  releaseLock(m, "K8", () => m.mm.mmap_lock, "read", LockCode.mmap_lock),
  done(),
]);

/** The next merged page of a range, 0 after the last. */
function nextMerged(m: Kvm, from: number, to: number): number {
  for (let hva = from; hva < to; hva += pt.PAGE_SIZE) {
    const pfn = mergeablePage(m, hva);
    if (pfn >= 0 && isMerged(m, pfn)) return hva;
  }
  return 0;
}

export const MADV_UNMERGEABLE = routine(
  "unmerge_ksm_pages",
  { ...adviceLocals, hva: wide, flag: int },
  (own, m: Kvm) => [
    when(
      act("K9", () => (flagsAt(m, own.start) & pg.VM_MERGEABLE) === 0),
      [done(0)],
    ),
    act("K10", () => (own.hva = nextMerged(m, own.start, own.end))),
    loop(
      when(() => own.hva === 0, [leave]),
      act("K11", () => {
        own.flag = m.kernel.host.breaksKsmByWrite ? FaultFor.write : FaultFor.unshare;
      }),
      call(handle_mm_fault, { hva: "hva", write: "flag" }),
      act("K12", () => (own.hva = nextMerged(m, own.hva + pt.PAGE_SIZE, own.end))),
      again,
    ),
    call(modifyFlags, { start: "start", end: "end", set: 0, clear: pg.VM_MERGEABLE }),
    done(0),
  ],
);
