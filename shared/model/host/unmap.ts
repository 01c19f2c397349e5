// Taking mappings away: munmap and MADV_DONTNEED. The notifier brackets the clearing of entries;
// the pages' references are dropped after it, when the CPU's own translations are gone.
// From: mm/memory.c (unmap_vmas, zap_page_range_single, zap_present_ptes), mm/vma.c
// (do_vmi_munmap), mm/mmu_gather.c.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, when } from "#shared/engine/words";
import { LockCode, PageRefCause } from "#shared/events/own";
import * as pg from "../state/host.ts";
import { pfn_valid, TASK_SIZE } from "../state/layout.ts";
import type { Kvm } from "../state/machine.ts";
import { releaseLock, takeLock } from "./locks.ts";
import {
  __mmu_notifier_invalidate_range_end,
  __mmu_notifier_invalidate_range_start,
} from "./notifier.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { find_vma, removeVma, splitVma, vmaAt } from "./vma.ts";

const EINVAL = -22;
const ENOMEM = -12;
const PAGE = 4096;
/** Pages one act clears: the kernel too drops its page-table lock between tables. */
const BATCH = 512 * PAGE;

const NEXT = pg.page.offsets.gathered;

/** zap_present_ptes(): clears one entry and gives its page, or -1 when no page loses an owner. */
function zapPte(m: Kvm, hva: number): number {
  const cell = pt.presentPte(m, hva);
  if (cell === 0) return -1;
  const isSpecial = (pt.pteLow(m, cell) & pt._PAGE_SPECIAL) !== 0;
  const pfn = pt.ptePfn(m, cell);
  pt.pte_clear(m, hva, cell);
  if (isSpecial || !pfn_valid(pfn)) return -1;
  page.addMapcount(m, pfn, -1);
  return pfn;
}

/** What is left to do of a range; `first` and `last` are the gathered pages, as pfn + 1. */
interface Gather {
  at: number;
  first: number;
  last: number;
}

const unmap_page_range = routine(
  "unmap_page_range",
  (m: Kvm, gather: Gather, end: number): void => {
    const stop = Math.min(end, gather.at + BATCH);
    for (let hva = gather.at; hva < stop; hva += PAGE) {
      const pfn = zapPte(m, hva);
      if (pfn < 0) continue;
      if (gather.first === 0) gather.first = pfn + 1;
      else m.put(page.pageCell(m, gather.last - 1) + NEXT, pfn + 1);
      gather.last = pfn + 1;
    }
    gather.at = stop;
  },
);

/**
 * tlb_finish_mmu(): drops the mapping's reference of the gathered pages, oldest first; at most 512
 * an act.
 */
const tlb_finish_mmu = routine("tlb_finish_mmu", (m: Kvm, gather: Gather): void => {
  for (let n = 0; n < 512 && gather.first !== 0; n++) {
    const pfn = gather.first - 1;
    const next = page.pageCell(m, pfn) + NEXT;
    gather.first = m.mem[next] as number;
    m.put(next, 0);
    page.put_page(m, pfn, PageRefCause.unmapped);
  }
  if (gather.first === 0) gather.last = 0;
});

/** Clears [start, end) between the two notifier calls; `at`, `first`, `last` are its gather. */
const unmap_vmas = routine(
  "unmap_vmas",
  { start: wide, end: wide, at: wide, first: int, last: int },
  (own, m: Kvm) => [
    call(__mmu_notifier_invalidate_range_start, { start: "start", end: "end" }),
    loop(
      act("N8", () => {
        if (own.at === 0) own.at = own.start;
        unmap_page_range(m, own, own.end);
      }),
      when(() => own.at >= own.end, [leave]),
      again,
    ),
    call(__mmu_notifier_invalidate_range_end, { start: "start", end: "end" }),
    loop(
      act("N9", () => tlb_finish_mmu(m, own)),
      when(() => own.first === 0, [leave]),
      again,
    ),
    done(),
  ],
);

/** Cuts the mappings at the ends of the range and takes those inside out of the list. */
function detachVmas(m: Kvm, start: number, end: number): void {
  for (let cell = find_vma(m, start); cell !== 0 && vmaAt(m, cell).vm_start < end;) {
    if (vmaAt(m, cell).vm_start < start) cell = splitVma(m, cell, start);
    if (vmaAt(m, cell).vm_end > end) splitVma(m, cell, end);
    const next = vmaAt(m, cell).vm_next;
    removeVma(m, cell);
    cell = next;
  }
}

const isMapped = (m: Kvm, start: number, end: number): boolean => {
  const cell = find_vma(m, start);
  return cell !== 0 && vmaAt(m, cell).vm_start < end;
};

const isBadRange = (start: number, size: number): boolean =>
  start % PAGE !== 0 || size <= 0 || start + size > TASK_SIZE;

export const pageAlign = (size: number): number => Math.ceil(size / PAGE) * PAGE;

/** munmap(): 0 or a negative errno. */
export const do_vmi_munmap = routine(
  "do_vmi_munmap",
  { start: wide, end: wide, r: int },
  (own, m: Kvm) => [
    when(() => isBadRange(own.start, own.end - own.start), [done(EINVAL)]),
    takeLock(m, "U1", () => m.mm.mmap_lock, "write", LockCode.mmap_lock),
    when(
      act("U2", () => {
        if (!isMapped(m, own.start, own.end)) return 0;
        detachVmas(m, own.start, own.end);
        return 1;
      }),
      [call(unmap_vmas, { start: "start", end: "end" })],
    ),
    releaseLock(m, "U3", () => m.mm.mmap_lock, "write", LockCode.mmap_lock),
    done(0),
  ],
);

/**
 * The part of one mapping that a range covers, and where to go on: what madvise does one after the
 * other.
 */
function nextPart(
  m: Kvm,
  own: { start: number; end: number; from: number; to: number; r: number },
): number {
  const cell = find_vma(m, own.start);
  if (cell === 0 || vmaAt(m, cell).vm_start >= own.end) {
    own.r = ENOMEM;
    return 0;
  }
  const vma = vmaAt(m, cell);
  if (vma.vm_start > own.start) own.r = ENOMEM;
  own.from = Math.max(vma.vm_start, own.start);
  own.to = Math.min(vma.vm_end, own.end);
  own.start = own.to;
  if ((vma.vm_flags & (pg.VM_PFNMAP | pg.VM_IO)) === 0) return 1;
  own.r = EINVAL;
  own.start = own.end;
  return 0;
}

/** madvise(MADV_DONTNEED): one notifier pair a mapping; a driver's mapping is refused. */
export const madvise_dontneed = routine(
  "madvise_dontneed_single_vma",
  { start: wide, end: wide, from: wide, to: wide, r: int },
  (own, m: Kvm) => [
    when(() => isBadRange(own.start, own.end - own.start), [done(EINVAL)]),
    takeLock(m, "U1", () => m.mm.mmap_lock, "read", LockCode.mmap_lock),
    loop(
      when(() => own.start >= own.end, [leave]),
      when(
        act("U2", () => nextPart(m, own)),
        [call(unmap_vmas, { start: "from", end: "to" })],
        [leave],
      ),
    ),
    releaseLock(m, "U3", () => m.mm.mmap_lock, "read", LockCode.mmap_lock),
    done("r"),
  ],
);
