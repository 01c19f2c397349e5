// madvise: advice for a range, mapping by mapping. What each advice does is in the file of its
// topic; here are the walk over the mappings and the advice that only marks or drops pages.
// From: mm/madvise.c (do_madvise, madvise_walk_vmas, madvise_dontneed_free), mm/huge_memory.c
// (hugepage_madvise), mm/pt_reclaim.c, 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, again, call, callOneOf, done, leave, loop, when } from "#shared/engine/words";
import { LockCode } from "#shared/events/own";
import * as pg from "../state/host.ts";
import type { Kvm } from "../state/machine.ts";
import { MADV_COLLAPSE } from "./collapse.ts";
import { MADV_MERGEABLE, MADV_UNMERGEABLE } from "./ksm.ts";
import { MADV_COLD, MADV_FREE } from "./lazy.ts";
import { releaseLock, takeLock } from "./locks.ts";
import { modifyFlags } from "./modify.ts";
import { freeEmptyTables, PAGE_SIZE, PMD_SIZE } from "./pgtable.ts";
import { MADV_PAGEOUT } from "./pageout.ts";
import { MADV_REMOVE } from "./truncate.ts";
import { isBadRange } from "./unmap.ts";
import { find_vma, isAnyMapped, vmaAt } from "./vma.ts";
import { zap_range } from "./zap.ts";

const EINVAL = -22;
const ENOMEM = -12;

/** Locals of what one mapping's part of the range is done with. */
export const adviceLocals = { start: wide, end: wide, r: int } as const;

const flagsAt = (m: Kvm, hva: number): number => vmaAt(m, find_vma(m, hva)).vm_flags;

/** Mappings whose pages may not be dropped; hugetlbfs wants whole pages. */
function mayDrop(m: Kvm, own: { start: number; end: number }): boolean {
  const flags = flagsAt(m, own.start);
  if ((flags & pg.VM_HUGETLB) === 0) return (flags & (pg.VM_PFNMAP | pg.VM_LOCKED)) === 0;
  own.end -= own.end % PMD_SIZE;
  return own.start % PMD_SIZE === 0;
}

const MADV_DONTNEED = routine("madvise_dontneed_single_vma", adviceLocals, (own, m: Kvm) => [
  when(
    act("D1", () => (mayDrop(m, own) ? 0 : 1)),
    [done(EINVAL)],
  ),
  when(() => own.start >= own.end, [done(0)]),
  call(zap_range, { start: "start", end: "end" }),
  when(
    () => m.kernel.host.reclaimsEmptyTables,
    [act("D3", () => reclaimTables(m, own.start, own.end))],
  ),
  done(0),
]);

/** CONFIG_PT_RECLAIM: level-1 tables whose whole span was dropped. */
function reclaimTables(m: Kvm, start: number, end: number): void {
  const from = Math.ceil(start / PMD_SIZE) * PMD_SIZE;
  const to = end - (end % PMD_SIZE);
  const isAbove = (at: number, until: number): boolean =>
    until - at > PMD_SIZE && isAnyMapped(m, at, until);
  if (from < to) freeEmptyTables(m, from, to, isAbove);
}

const hugepage_madvise = (flag: number, other: number) =>
  routine("hugepage_madvise", adviceLocals, () => [
    call(modifyFlags, { start: "start", end: "end", set: flag, clear: other }, "r"),
    done("r"),
  ]);
const MADV_HUGEPAGE = hugepage_madvise(pg.VM_HUGEPAGE, pg.VM_NOHUGEPAGE);
const MADV_NOHUGEPAGE = hugepage_madvise(pg.VM_NOHUGEPAGE, pg.VM_HUGEPAGE);
/** Pages of files are here already, and swapped ones are read at the first access. */
const MADV_WILLNEED = routine("madvise_willneed", adviceLocals, () => [done(0)]);

const ADVICE = {
  dontneed: MADV_DONTNEED,
  free: MADV_FREE,
  remove: MADV_REMOVE,
  cold: MADV_COLD,
  pageout: MADV_PAGEOUT,
  hugepage: MADV_HUGEPAGE,
  nohugepage: MADV_NOHUGEPAGE,
  collapse: MADV_COLLAPSE,
  mergeable: MADV_MERGEABLE,
  unmergeable: MADV_UNMERGEABLE,
  willneed: MADV_WILLNEED,
} as const;
const NAMES = Object.keys(ADVICE);

/** Number of an advice; -1 for those that populate. */
export const adviceNumber = (name: string): number => NAMES.indexOf(name);

const WRITERS = new Set(["hugepage", "nohugepage", "mergeable", "unmergeable"].map(adviceNumber));

/** The part of the next mapping that the range covers, and where to go on. */
function nextPart(
  m: Kvm,
  own: { start: number; end: number; from: number; to: number; hole: number },
): boolean {
  const cell = find_vma(m, own.start);
  if (cell === 0 || vmaAt(m, cell).vm_start >= own.end) {
    own.hole = ENOMEM;
    return false;
  }
  const vma = vmaAt(m, cell);
  if (vma.vm_start > own.start) own.hole = ENOMEM;
  own.from = Math.max(vma.vm_start, own.start);
  own.to = Math.min(vma.vm_end, own.end);
  own.start = own.to;
  return true;
}

const walkLocals = {
  start: wide,
  end: wide,
  advice: int,
  from: wide,
  to: wide,
  hole: int,
  r: int,
} as const;

const madvise_walk_vmas = routine("madvise_walk_vmas", walkLocals, (own, m: Kvm) => [
  loop(
    when(() => own.start >= own.end, [leave]),
    when(
      act("A1", () => nextPart(m, own)),
      [],
      [leave],
    ),
    callOneOf(() => own.advice, Object.values(ADVICE), { start: "from", end: "to" }, "r"),
    when(() => own.r !== 0, [done("r")]),
    again,
  ),
  done("hole"),
]);

/** madvise(): 0 or a negative errno; `advice` as adviceNumber() gives it. */
export const do_madvise = routine(
  "do_madvise",
  { start: wide, end: wide, advice: int, r: int },
  (own, m: Kvm) => [
    when(() => own.start % PAGE_SIZE !== 0, [done(EINVAL)]),
    when(() => own.start === own.end, [done(0)]),
    when(() => isBadRange(own.start, own.end - own.start), [done(EINVAL)]),
    when(
      () => WRITERS.has(own.advice),
      [takeLock(m, "U1", () => m.mm.mmap_lock, "write", LockCode.mmap_lock)],
      [takeLock(m, "U1r", () => m.mm.mmap_lock, "read", LockCode.mmap_lock)],
    ),
    call(madvise_walk_vmas, { start: "start", end: "end", advice: "advice" }, "r"),
    when(
      () => WRITERS.has(own.advice),
      [releaseLock(m, "U3", () => m.mm.mmap_lock, "write", LockCode.mmap_lock)],
      [releaseLock(m, "U3r", () => m.mm.mmap_lock, "read", LockCode.mmap_lock)],
    ),
    done("r"),
  ],
);
