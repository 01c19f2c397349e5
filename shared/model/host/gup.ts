// get_user_pages(): from a host address to a page with a reference, without and with faulting it
// in. A result is a pfn, or a negative errno; a pfn comes with one reference taken.
// From: mm/gup.c (gup_fast_fallback, __get_user_pages, check_vma_flags, follow_page_pte), 6.12 and
// 7.2.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, again, call, done, loop, when } from "#shared/engine/words";
import { LockCode, LookupOutcome, LookupStep, PageRefCause } from "#shared/events/own";
import { EventId } from "#shared/events/table";
import { highHalf } from "#shared/units/halves";
import * as pg from "../state/host.ts";
import { pfn_valid } from "../state/layout.ts";
import type { Kvm } from "../state/machine.ts";
import { fileAt } from "./filemap.ts";
import { releaseLock, takeLock } from "./locks.ts";
import { handle_mm_fault, is_zero_pfn, VM_FAULT_DONE } from "./memory.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { find_vma, vma_lookup, vmaAt } from "./vma.ts";

export const EFAULT = -14;
const EAGAIN = -11;

export function recordLookup(
  m: Kvm,
  step: number,
  hva: number,
  pfn: number,
  outcome: number,
): void {
  m.emit(EventId.lookupStep, step, hva, highHalf(hva), pfn, highHalf(pfn), outcome);
}

const try_grab_folio_fast = routine(
  "try_grab_folio_fast",
  (m: Kvm, pfn: number, cause: number): boolean => page.folio_try_get(m, pfn, cause),
);

/**
 * gup_fast_folio_allowed(): a small page without mapping is refused by some kernels, and a
 * long-term pin for writing wants memory that no file system must be told of.
 */
export function gup_fast_folio_allowed(m: Kvm, pfn: number, isPin: boolean): boolean {
  const head = page.headOf(m, pfn);
  const rejectsFiles = isPin && !m.kernel.host.pinsTrackedFiles;
  const asksMapping = rejectsFiles || !(m.kernel.gupFastTakesUnmapped || page.isLarge(m, head));
  const { flags, mapping, isHugetlb } = page.pfn_to_page(m, head);
  if (!asksMapping || isHugetlb !== 0 || (flags & pg.PG_anon) !== 0) return true;
  if (mapping === 0) return false;
  return !rejectsFiles || fileAt(m, mapping).fs === pg.FileSystem.tmpfs;
}

/**
 * The lockless walk: a present, normal entry that is writable enough. Interrupts are off, so it is
 * one act.
 */
const gup_fast_fallback = routine(
  "gup_fast_fallback",
  (m: Kvm, hva: number, write: number, step: number): number => {
    const cell = pt.presentLeaf(m, hva);
    const low = cell === 0 ? 0 : pt.pteLow(m, cell);
    if ((low & pt._PAGE_PRESENT) === 0) return missed(m, step, hva, LookupOutcome.notPresent);
    if (write !== 0 && (low & pt._PAGE_RW) === 0)
      return missed(m, step, hva, LookupOutcome.notWritable);
    if ((low & pt._PAGE_SPECIAL) !== 0) return missed(m, step, hva, LookupOutcome.special);
    const pfn = pt.leafPfn(m, cell, hva);
    if (!try_grab_folio_fast(m, pfn, PageRefCause.gupFast))
      return missed(m, step, hva, LookupOutcome.countZero);
    if (!gup_fast_folio_allowed(m, pfn, false)) {
      page.put_page(m, pfn, PageRefCause.gupDrop);
      return missed(m, step, hva, LookupOutcome.noMapping);
    }
    page.setPageFlags(m, page.headOf(m, pfn), pg.PG_referenced);
    recordLookup(m, step, hva, pfn, LookupOutcome.taken);
    return pfn;
  },
);

function missed(m: Kvm, step: number, hva: number, outcome: number): number {
  recordLookup(m, step, hva, 0, outcome);
  return EFAULT;
}

/** get_user_page_fast_only(): a pfn with a reference, or EFAULT. */
export const get_user_pages_fast_only = routine(
  "get_user_pages_fast_only",
  (m: Kvm, hva: number, write: number, step: number): number =>
    gup_fast_fallback(m, hva, write, step),
);

/** check_vma_flags(): which mappings GUP refuses. */
function check_vma_flags(m: Kvm, vma: number, write: number): boolean {
  const flags = vmaAt(m, vma).vm_flags;
  if ((flags & (pg.VM_IO | pg.VM_PFNMAP)) !== 0) return false;
  return (flags & (write !== 0 ? pg.VM_WRITE : pg.VM_READ)) !== 0;
}

const try_grab_folio = routine("try_grab_folio", (m: Kvm, pfn: number): void =>
  page.folio_get(m, pfn, PageRefCause.gupSlow),
);

/**
 * FOLL_TOUCH: a small page is marked as used, and dirty if its clean entry allows a write; a huge
 * entry gets its own bits, as touch_pmd() sets them.
 */
export function touch(m: Kvm, cell: number, pfn: number, write: boolean): void {
  const low = pt.pteLow(m, cell);
  if (pt.isHugeLeaf(m, cell)) {
    m.put(cell, low | pt._PAGE_ACCESSED | (write ? pt._PAGE_DIRTY : 0));
    return;
  }
  const isWrittenClean = write && !pt.isDirty(low, pt.pteHigh(m, cell));
  const flags = page.pageFlags(m, page.headOf(m, pfn));
  if (isWrittenClean && (flags & pg.PG_dirty) === 0) page.SetPageDirty(m, pfn);
  page.mark_page_accessed(m, pfn);
}

/** Takes the page behind a present entry, or says with EAGAIN that it must be faulted in. */
const follow_page_pte = routine("follow_page_pte", (m: Kvm, hva: number, write: number): number => {
  const cell = pt.presentLeaf(m, hva);
  if (cell === 0) return EAGAIN;
  const low = pt.pteLow(m, cell);
  if (write !== 0 && (low & pt._PAGE_RW) === 0) return EAGAIN;
  const pfn = pt.leafPfn(m, cell, hva);
  if (((low & pt._PAGE_SPECIAL) !== 0 && !is_zero_pfn(pfn)) || !pfn_valid(pfn)) return EFAULT;
  try_grab_folio(m, pfn);
  touch(m, cell, pfn, write !== 0);
  recordLookup(m, LookupStep.gupSlow, hva, pfn, LookupOutcome.taken);
  return pfn;
});

function refused(m: Kvm, hva: number): number {
  const vma = find_vma(m, hva);
  const isMapped = vma !== 0 && vmaAt(m, vma).vm_start <= hva;
  return missed(
    m,
    LookupStep.gupSlow,
    hva,
    isMapped ? LookupOutcome.forbidden : LookupOutcome.noVma,
  );
}

/** One page; mmap_lock is held for reading. */
const __get_user_pages = routine(
  "__get_user_pages",
  { hva: wide, write: int, r: int },
  (own, m: Kvm) => [
    loop(
      act("G1", () => {
        const vma = vma_lookup(m, own.hva);
        const isAllowed = vma !== 0 && check_vma_flags(m, vma, own.write);
        own.r = isAllowed ? follow_page_pte(m, own.hva, own.write) : refused(m, own.hva);
      }),
      when(() => own.r !== EAGAIN, [done("r")]),
      call(handle_mm_fault, { hva: "hva", write: "write" }, "r"),
      when(() => own.r !== VM_FAULT_DONE, [done(EFAULT)]),
      again,
    ),
  ],
);

/** May sleep; `write` 1 for FOLL_WRITE. Result: a pfn with a reference, or a negative errno. */
export const get_user_pages_unlocked = routine(
  "get_user_pages_unlocked",
  { hva: wide, write: int, r: int },
  (own, m: Kvm) => [
    takeLock(m, "F3b", () => m.mm.mmap_lock, "read", LockCode.mmap_lock),
    call(__get_user_pages, { hva: "hva", write: "write" }, "r"),
    releaseLock(m, "F3b.u", () => m.mm.mmap_lock, "read", LockCode.mmap_lock),
    done("r"),
  ],
);
