// MADV_COLLAPSE: 512 small pages become one huge page. The notifier is called while the page table
// is taken away; nothing is mapped until the huge page is in place.
// From: mm/khugepaged.c (madvise_collapse, hpage_collapse_scan_pmd, collapse_huge_page), 6.12.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, when } from "#shared/engine/words";
import { LockCode, PageRefCause } from "#shared/events/own";
import * as pg from "../state/host.ts";
import { KIND, type Kvm } from "../state/machine.ts";
import { notSimulated } from "../state/not-simulated.ts";
import { is_zero_pfn, writeBits } from "./anon.ts";
import { copyHandle, giveContents, takeContents } from "./contents.ts";
import { fileAt } from "./filemap.ts";
import { Fill, kindOf } from "./kinds.ts";
import { releaseLock, takeLock } from "./locks.ts";
import {
  __mmu_notifier_invalidate_range_end,
  __mmu_notifier_invalidate_range_start,
} from "./notifier.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { isSuitable, newAnonHugePage, setHugeLeaf } from "./thp.ts";
import { find_vma, vmaAt } from "./vma.ts";

const EAGAIN = -11;
const EINVAL = -22;

/** What a look at 2 MiB found: they can be collapsed, they are huge already, or an errno. */
const CAN_COLLAPSE = 1;

/**
 * thp_vma_allowable_order(): a mapping with room for 2 MiB at its end, and with pages of its own.
 */
function mayHaveHuge(m: Kvm, hva: number): boolean {
  const vma = vmaAt(m, find_vma(m, hva));
  const isRefused = (vma.vm_flags & (pg.VM_NOHUGEPAGE | pg.VM_SPECIAL | pg.VM_HUGETLB)) !== 0;
  if (isRefused || !isSuitable(vma, vma.vm_end - pt.PMD_SIZE)) return false;
  const { fill } = kindOf(vma.kind);
  if (fill !== Fill.file) return fill === Fill.anonymous && vma.anon_vma !== 0;
  if (fileAt(m, vma.vm_file).fs === pg.FileSystem.ramfs) return false;
  const isAligned = (vma.vm_start / pt.PAGE_SIZE - vma.vm_pgoff) % pt.PMD_PAGES === 0;
  return isAligned;
}

/** One entry: 0 fine, or why it hinders. */
function scanEntry(m: Kvm, lo: number, pfn: number): number {
  if (lo === 0 || is_zero_pfn(pfn)) return 0;
  if (!pt.isPresent(lo)) notSimulated("MADV_COLLAPSE of swapped pages");
  if ((lo & pt._PAGE_PRESENT) === 0) return EINVAL;
  const flags = page.pageFlags(m, page.headOf(m, pfn));
  if ((flags & pg.PG_anon) === 0) return EINVAL;
  if ((flags & pg.PG_lru) === 0) return EAGAIN;
  return page.page_count(m, pfn) === page.folio_mapcount(m, pfn) ? 0 : EAGAIN;
}

/** hpage_collapse_scan_pmd() */
const hpage_collapse_scan_pmd = routine("hpage_collapse_scan_pmd", (m: Kvm, hva: number) => {
  const { kind } = vmaAt(m, find_vma(m, hva));
  if (kindOf(kind).fill === Fill.file) notSimulated("MADV_COLLAPSE of a file");
  const pmd = pt.entryCell(m, hva, 2);
  if (pmd === 0 || pt.pteLow(m, pmd) === 0) return EINVAL;
  if (pt.isHuge(pt.pteLow(m, pmd))) return 0;
  if (!isSuitable(vmaAt(m, find_vma(m, hva)), hva)) return EINVAL;
  let isWritable = false;
  const table = pt.tableBelow(m, pmd);
  for (let cell = table; cell < table + 1024; cell += 2) {
    const lo = pt.pteLow(m, cell);
    const error = scanEntry(m, lo, pt.ptePfn(m, cell));
    if (error !== 0) return error;
    isWritable ||= pt.isPresent(lo) && (lo & pt._PAGE_RW) !== 0;
  }
  return isWritable || !m.kernel.host.collapsesWritableOnly ? CAN_COLLAPSE : EINVAL;
});

/** Moves one small page's contents over and drops the page. */
function copySmall(m: Kvm, from: number, to: number): void {
  if (page.page_mapcount(m, from) === 1) giveContents(m, to, takeContents(m, from));
  else {
    const handle = takeContents(m, from);
    giveContents(m, to, copyHandle(m, handle));
    giveContents(m, from, handle);
  }
  page.addMapcount(m, from, -1);
  page.put_page(m, from, PageRefCause.collapse);
}

/** __collapse_huge_page_copy() and the new entry; `table` is the page table that was taken away. */
function installHuge(m: Kvm, hva: number, table: number): void {
  const vma = vmaAt(m, find_vma(m, hva));
  const head = newAnonHugePage(m, vma);
  for (let n = 0; n < pt.PMD_PAGES; n++) {
    const cell = table + n * 2;
    const pfn = pt.ptePfn(m, cell);
    if (pt.pteLow(m, cell) === 0) continue;
    pt.pte_clear(m, hva + n * pt.PAGE_SIZE, cell);
    if (!is_zero_pfn(pfn)) copySmall(m, pfn, head + n);
  }
  m.free(table as ReturnType<Kvm["alloc"]>, KIND.hostTable);
  setHugeLeaf(m, hva, head, writeBits(vma));
}

/** pmdp_collapse_flush(): the table leaves the tree with its entries. */
function takeTable(m: Kvm, hva: number): number {
  const pmd = pt.entryCell(m, hva, 2);
  const table = pt.tableBelow(m, pmd);
  m.put(pmd, 0);
  m.put(pmd + 1, 0);
  return table;
}

/** mmap_lock is held for reading at begin and end, in between for writing. */
const collapse_huge_page = routine(
  "collapse_huge_page",
  { start: wide, end: wide, table: int, r: int },
  (own, m: Kvm) => [
    releaseLock(m, "B1", () => m.mm.mmap_lock, "read", LockCode.mmap_lock),
    takeLock(m, "B2", () => m.mm.mmap_lock, "write", LockCode.mmap_lock),
    act("B3", () => (own.r = hpage_collapse_scan_pmd(m, own.start))),
    when(
      () => own.r === CAN_COLLAPSE,
      [
        call(__mmu_notifier_invalidate_range_start, { start: "start", end: "end" }),
        act("N8", () => (own.table = takeTable(m, own.start))),
        call(__mmu_notifier_invalidate_range_end, { start: "start", end: "end" }),
        act("B4", () => {
          installHuge(m, own.start, own.table);
          own.r = 0;
        }),
      ],
    ),
    releaseLock(m, "B5", () => m.mm.mmap_lock, "write", LockCode.mmap_lock),
    takeLock(m, "B6", () => m.mm.mmap_lock, "read", LockCode.mmap_lock),
    done("r"),
  ],
);

export const MADV_COLLAPSE = routine(
  "madvise_collapse",
  { start: wide, end: wide, r: int, at: wide, next: wide, one: int },
  (own, m: Kvm) => [
    when(
      act("B7", () => !mayHaveHuge(m, own.start)),
      [done(EINVAL)],
    ),
    act("B8", () => {
      own.at = Math.ceil(own.start / pt.PMD_SIZE) * pt.PMD_SIZE;
      own.end = pt.pmdStart(own.end);
    }),
    // What 6.x counts as wanted is less than nothing here, so it was not reached.
    when(() => own.end < own.at && !m.kernel.host.collapsesNothing, [done(EINVAL)]),
    loop(
      when(() => own.at >= own.end, [leave]),
      act("B9", () => {
        own.next = own.at + pt.PMD_SIZE;
        own.one = hpage_collapse_scan_pmd(m, own.at);
      }),
      when(
        () => own.one === CAN_COLLAPSE,
        [call(collapse_huge_page, { start: "at", end: "next" }, "one")],
      ),
      act("B10", () => {
        if (own.one < 0) own.r = own.one;
        own.at = own.next;
      }),
      again,
    ),
    done("r"),
  ],
);
