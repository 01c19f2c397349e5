// Faulting a range in without an access: MADV_POPULATE_READ, MADV_POPULATE_WRITE, and what mlock
// does after it has marked the mappings.
// From: mm/gup.c (faultin_page_range, populate_vma_page_range), mm/mlock.c (do_mlock,
// mlock_fixup, mlock_pte_range), mm/madvise.c (madvise_populate), 6.12.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, when } from "#shared/engine/words";
import { LockCode } from "#shared/events/own";
import * as pg from "../state/host.ts";
import { pfn_valid } from "../state/layout.ts";
import type { Kvm } from "../state/machine.ts";
import { touch } from "./gup.ts";
import { releaseLock, takeLock } from "./locks.ts";
import { handle_mm_fault, VM_FAULT_DONE } from "./memory.ts";
import { modifyFlags } from "./modify.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { isHugeZero } from "./split-pmd.ts";
import { find_vma, vma_lookup, vmaAt } from "./vma.ts";

const EFAULT = -14;
const EINVAL = -22;
const ENOMEM = -12;
const EAGAIN = -11;

/** Who populates: madvise names the access, mlock takes it from the mapping. */
export const PopulateFor = { read: 0, write: 1, lock: 2 } as const;

interface Populate {
  at: number;
  end: number;
  mode: number;
  write: number;
  /** ENOMEM once there was a hole. */
  hole: number;
  r: number;
}

/** mlock writes to private writable memory, so that nothing is copied later. */
const lockWrites = (flags: number): boolean =>
  (flags & (pg.VM_WRITE | pg.VM_SHARED)) === pg.VM_WRITE;

/** A hole ends it at once; before 6.9 madvise went on behind it and told at the end. */
function passHole(m: Kvm, own: Populate): void {
  const next = m.kernel.host.populatesPastHoles ? find_vma(m, own.at) : 0;
  own.at = next === 0 ? own.end : vmaAt(m, next).vm_start;
  own.hole = ENOMEM;
}

/** What an access of the mapping needs: mlock only reads what it need not write, at any right. */
function rightFor(own: Populate): number {
  if (own.write !== 0) return pg.VM_WRITE;
  const { VM_READ, VM_WRITE, VM_EXEC } = pg;
  return own.mode === PopulateFor.lock ? VM_READ | VM_WRITE | VM_EXEC : VM_READ;
}

/** check_vma_flags() for the page at `at`; false when it passes over what is not populated. */
function checkMapping(m: Kvm, own: Populate): boolean {
  const cell = vma_lookup(m, own.at);
  own.r = 0;
  if (cell === 0) {
    passHole(m, own);
    return false;
  }
  const { vm_flags, vm_end } = vmaAt(m, cell);
  const isLock = own.mode === PopulateFor.lock;
  const isDriver = (vm_flags & (pg.VM_IO | pg.VM_PFNMAP)) !== 0;
  if (isLock && isDriver) {
    own.at = vm_end;
    return false;
  }
  own.write = isLock ? (lockWrites(vm_flags) ? 1 : 0) : own.mode;
  if (isDriver || (vm_flags & rightFor(own)) === 0) own.r = isLock ? EFAULT : EINVAL;
  return true;
}

/** Whether the page is there with the right asked for; then the walk goes on behind it. */
function isThere(m: Kvm, own: Populate): boolean {
  const cell = own.at >= own.end ? 0 : pt.presentLeaf(m, own.at);
  if (own.at >= own.end) return true;
  if (cell === 0) return false;
  if (own.write !== 0 && (pt.pteLow(m, cell) & pt._PAGE_RW) === 0) return false;
  const pfn = pt.leafPfn(m, cell, own.at);
  const isPage = (pt.pteLow(m, cell) & pt._PAGE_SPECIAL) === 0 && pfn_valid(pfn);
  if (isPage && !isHugeZero(m, pfn)) touch(m, cell, pfn, own.write !== 0);
  const size = pt.isHugeLeaf(m, cell) ? pt.PMD_SIZE : pt.PAGE_SIZE;
  own.at += size - (own.at % size);
  return true;
}

/** Faults [at, end) in; mmap_lock is held. 0 or a negative errno. */
const faultin_page_range = routine(
  "faultin_page_range",
  { at: wide, end: wide, mode: int, write: int, hole: int, r: int },
  (own, m: Kvm) => [
    loop(
      when(() => own.at >= own.end, [leave]),
      when(
        act("P1", () => checkMapping(m, own)),
        [],
        [again],
      ),
      when(() => own.r !== 0, [done("r")]),
      when(
        act("P2", () => isThere(m, own)),
        [again],
      ),
      call(handle_mm_fault, { hva: "at", write: "write" }, "r"),
      when(() => own.r !== VM_FAULT_DONE, [done(EFAULT)]),
      again,
    ),
    done("hole"),
  ],
);

/** madvise(MADV_POPULATE_*): 0 or a negative errno. */
export const madvise_populate = routine(
  "madvise_populate",
  { start: wide, end: wide, mode: int, r: int },
  (own, m: Kvm) => [
    when(() => own.start % pt.PAGE_SIZE !== 0, [done(EINVAL)]),
    takeLock(m, "U1", () => m.mm.mmap_lock, "read", LockCode.mmap_lock),
    call(faultin_page_range, { at: "start", end: "end", mode: "mode" }, "r"),
    releaseLock(m, "U3", () => m.mm.mmap_lock, "read", LockCode.mmap_lock),
    done("r"),
  ],
);

/** Mappings that mlock leaves as they are. */
const isUnlockable = (flags: number): boolean => (flags & (pg.VM_SPECIAL | pg.VM_HUGETLB)) !== 0;

/** mlock_pte_range(): pages of up to one table that are here already; gives where to go on. */
function markPages(m: Kvm, from: number, to: number, isLocked: boolean): number {
  const stop = Math.min(to, pt.pmdStart(from) + pt.PMD_SIZE);
  for (let hva = from; hva < stop; hva += pt.PAGE_SIZE) {
    const cell = pt.presentLeaf(m, hva);
    if (cell === 0 || (pt.pteLow(m, cell) & pt._PAGE_SPECIAL) !== 0) continue;
    const pfn = pt.ptePfn(m, cell);
    const head = page.headOf(m, pfn);
    const isPart = page.isLarge(m, head) && !pt.isHugeLeaf(m, cell);
    if (!pfn_valid(pfn) || isHugeZero(m, pfn) || isPart) continue;
    const isEvictable = page.pfn_to_page(m, head).mapping === 0 || isSwapBacked(m, head);
    if (isLocked) page.setPageFlags(m, head, pg.PG_unevictable);
    else if (isEvictable) page.clearPageFlags(m, head, pg.PG_unevictable);
  }
  return stop;
}

const isSwapBacked = (m: Kvm, head: number): boolean =>
  (page.pageFlags(m, head) & pg.PG_swapbacked) !== 0;

interface Lock {
  start: number;
  end: number;
  from: number;
  to: number;
  skip: number;
  r: number;
}

/** The next mapping of the range; a hole ends it with ENOMEM. */
function nextPart(m: Kvm, own: Lock): boolean {
  if (own.from >= own.end) return false;
  const cell = find_vma(m, own.from);
  if (cell === 0 || vmaAt(m, cell).vm_start > own.from) {
    own.r = ENOMEM;
    return false;
  }
  const { vm_end, vm_flags } = vmaAt(m, cell);
  own.to = Math.min(vm_end, own.end);
  own.skip = isUnlockable(vm_flags) ? 1 : 0;
  return true;
}

const lockLocals = {
  start: wide,
  end: wide,
  isLocked: int,
  from: wide,
  to: wide,
  skip: int,
  set: int,
  clear: int,
  r: int,
} as const;

/** apply_vma_lock_flags(): marks the mappings and the pages they have. */
const apply_vma_lock_flags = routine("apply_vma_lock_flags", lockLocals, (own, m: Kvm) => [
  act("K1", () => {
    own.from = own.start;
    own.set = own.isLocked !== 0 ? pg.VM_LOCKED : 0;
    own.clear = pg.VM_LOCKED & ~own.set;
  }),
  loop(
    when(
      act("K2", () => nextPart(m, own)),
      [],
      [leave],
    ),
    when(
      () => own.skip === 0,
      [
        call(modifyFlags, { start: "from", end: "to", set: "set", clear: "clear" }),
        loop(
          act("K3", () => {
            own.from = markPages(m, own.from, own.to, own.isLocked !== 0);
          }),
          when(() => own.from >= own.to, [leave]),
          again,
        ),
      ],
    ),
    act("K4", () => (own.from = own.to)),
    again,
  ),
  done("r"),
]);

/** __mlock_posix_error_return() */
const posixError = (r: number): number => (r === EFAULT ? ENOMEM : r === ENOMEM ? EAGAIN : r);

/** mlock() and munlock() of [start, end), both on page boundaries: 0 or a negative errno. */
export const do_mlock = routine(
  "do_mlock",
  { start: wide, end: wide, isLocked: int, r: int },
  (own, m: Kvm) => [
    takeLock(m, "U1", () => m.mm.mmap_lock, "write", LockCode.mmap_lock),
    call(apply_vma_lock_flags, { start: "start", end: "end", isLocked: "isLocked" }, "r"),
    releaseLock(m, "U3", () => m.mm.mmap_lock, "write", LockCode.mmap_lock),
    when(() => own.r !== 0 || own.isLocked === 0, [done("r")]),
    takeLock(m, "U4", () => m.mm.mmap_lock, "read", LockCode.mmap_lock),
    call(faultin_page_range, { at: "start", end: "end", mode: PopulateFor.lock }, "r"),
    releaseLock(m, "U5", () => m.mm.mmap_lock, "read", LockCode.mmap_lock),
    done(() => posixError(own.r)),
  ],
);
