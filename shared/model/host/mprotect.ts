// mprotect: the mappings get other rights, their entries lose what is no longer allowed and gain
// what may be given without a fault. The notifier is called from the first part of the range that
// has a page table, once for each table of 512 GiB.
// From: mm/mprotect.c (mprotect_fixup, change_pud_range, change_pte_range, change_huge_pmd),
// mm/hugetlb.c (hugetlb_change_protection), 6.12.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, when } from "#shared/engine/words";
import { LockCode } from "#shared/events/own";
import * as pg from "../state/host.ts";
import { pfn_valid } from "../state/layout.ts";
import type { Kvm } from "../state/machine.ts";
import { Fill, kindOf, vm_ops_needs_writenotify } from "./kinds.ts";
import { releaseLock, takeLock } from "./locks.ts";
import { modifyFlags } from "./modify.ts";
import {
  __mmu_notifier_invalidate_range_end,
  __mmu_notifier_invalidate_range_start,
} from "./notifier.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { __split_huge_pmd, isHugeZero } from "./split-pmd.ts";
import { isBadRange } from "./unmap.ts";
import { find_vma, vmaAt, type VmaView } from "./vma.ts";

const EACCES = -13;
const EINVAL = -22;
const ENOMEM = -12;
const PUD_SIZE = 2 ** 30;
const RIGHTS = pg.VM_READ | pg.VM_WRITE | pg.VM_EXEC;

/** Whether the mapping's protection itself has the write bit. */
const isWritableAtOnce = (vma: VmaView): boolean =>
  (vma.vm_flags & (pg.VM_SHARED | pg.VM_WRITE)) === (pg.VM_SHARED | pg.VM_WRITE) &&
  !vm_ops_needs_writenotify(kindOf(vma.kind));

/**
 * can_change_pte_writable(): a private page that belongs to this mapping alone, or a shared one
 * that is dirty. 6.1 wants both dirty, and leaves huge entries as they are; hugetlbfs never gives
 * the right back.
 */
function mayUpgrade(m: Kvm, vma: VmaView, cell: number): boolean {
  if ((vma.vm_flags & pg.VM_WRITE) === 0 || (vma.vm_flags & pg.VM_HUGETLB) !== 0) return false;
  const lo = pt.pteLow(m, cell);
  const pfn = pt.ptePfn(m, cell);
  const isDirty = pt.isDirty(lo, pt.pteHigh(m, cell));
  if ((vma.vm_flags & pg.VM_SHARED) !== 0) return isDirty;
  if (m.kernel.host.upgradesDirtyPagesOnly && (!isDirty || pt.isHugeLeaf(m, cell))) return false;
  if ((lo & pt._PAGE_SPECIAL) !== 0 || !pfn_valid(pfn) || isHugeZero(m, pfn)) return false;
  const isAnon = (page.pageFlags(m, page.headOf(m, pfn)) & pg.PG_anon) !== 0;
  return isAnon && (page.pageFlags(m, pfn) & pg.PG_anonExclusive) !== 0;
}

/** pte_modify() and the upgrade, for one leaf of either level. */
function changeLeaf(m: Kvm, vma: VmaView, hva: number, cell: number): void {
  const old = { lo: pt.pteLow(m, cell), hi: pt.pteHigh(m, cell) };
  const isNone = (vma.vm_flags & RIGHTS) === 0;
  let value = isWritableAtOnce(vma)
    ? pt.pte_mkwrite(old.lo, old.hi)
    : pt.pte_wrprotect(m, old.lo, old.hi);
  if (!isWritableAtOnce(vma) && mayUpgrade(m, vma, cell))
    value = pt.pte_mkwrite(value.lo, value.hi);
  const present = isNone ? pt._PAGE_PROTNONE : pt._PAGE_PRESENT;
  const lo = (value.lo & ~(pt._PAGE_PRESENT | pt._PAGE_PROTNONE)) | present;
  if (lo !== old.lo || value.hi !== old.hi) pt.setLeafAt(m, hva, cell, lo, value.hi);
}

interface Change {
  at: number;
  end: number;
  split: number;
}

/** Changes up to one table of entries; stops at a huge entry that is changed in part. */
const change_pmd_range = routine("change_protection", (m: Kvm, own: Change): void => {
  const vma = vmaAt(m, find_vma(m, own.at));
  const stop = Math.min(own.end, pt.pmdStart(own.at) + pt.PMD_SIZE);
  own.split = 0;
  const pmd = pt.entryCell(m, own.at, 2);
  if (pmd !== 0 && pt.isHuge(pt.pteLow(m, pmd))) {
    if (stop - own.at !== pt.PMD_SIZE) {
      own.split = 1;
      return;
    }
    changeLeaf(m, vma, own.at, pmd);
  } else {
    for (let hva = own.at; hva < stop; hva += pt.PAGE_SIZE) {
      const cell = pt.presentPte(m, hva);
      if (cell !== 0) changeLeaf(m, vma, hva, cell);
    }
  }
  own.at = stop;
});

/**
 * Start of the first part of the range that has a table of 1 GiB, or an entry for 2 MiB; `end` when
 * none has.
 */
function firstPopulated(m: Kvm, start: number, end: number): number {
  const { vm_flags } = vmaAt(m, find_vma(m, start));
  if ((vm_flags & pg.VM_HUGETLB) !== 0) return start;
  const { notifiesFromPmd } = m.kernel.host;
  const size = notifiesFromPmd ? pt.PMD_SIZE : PUD_SIZE;
  for (let at = start; at < end; at += size - (at % size)) {
    const pmd = pt.entryCell(m, at, 2);
    if (pmd !== 0 && !(notifiesFromPmd && pt.pteLow(m, pmd) === 0)) return at;
  }
  return end;
}

const changeLocals = { start: wide, end: wide, at: wide, split: int } as const;

/** The entries of one mapping's part. */
const change_protection = routine("change_protection", changeLocals, (own, m: Kvm) => [
  act("G1", () => {
    own.start = firstPopulated(m, own.start, own.end);
    own.at = own.start;
  }),
  when(() => own.start >= own.end, [done()]),
  call(__mmu_notifier_invalidate_range_start, { start: "start", end: "end" }),
  loop(
    act("N8", () => change_pmd_range(m, own)),
    when(() => own.split !== 0, [call(__split_huge_pmd, { hva: "at" })]),
    when(() => own.at >= own.end, [leave]),
    again,
  ),
  call(__mmu_notifier_invalidate_range_end, { start: "start", end: "end" }),
  done(),
]);

/** mprotect_fixup(): private memory counts for the commit limit once it may be written. */
function newlyAccounted({ vm_flags }: VmaView, rights: number): number {
  const counted = pg.VM_ACCOUNT | pg.VM_WRITE | pg.VM_HUGETLB | pg.VM_SHARED;
  return (rights & pg.VM_WRITE) !== 0 && (vm_flags & counted) === 0 ? pg.VM_ACCOUNT : 0;
}

/** Anonymous memory that has no pages yet counts no more once it may not be written. */
function noLongerAccounted(m: Kvm, vma: VmaView, rights: number): number {
  const isBare = kindOf(vma.kind).fill === Fill.anonymous && vma.anon_vma === 0;
  const isDropped = m.kernel.host.dropsAccountOfBare && (rights & pg.VM_WRITE) === 0;
  return isBare && isDropped ? pg.VM_ACCOUNT : 0;
}

interface Part {
  start: number;
  end: number;
  from: number;
  to: number;
  rights: number;
  set: number;
  clear: number;
  same: number;
  r: number;
}

/** The next mapping of the range: 0 to go on, 1 when all is done or an error ends it. */
function nextPart(m: Kvm, own: Part): boolean {
  if (own.start >= own.end) return false;
  const cell = find_vma(m, own.start);
  if (cell === 0 || vmaAt(m, cell).vm_start > own.start) {
    own.r = ENOMEM;
    return false;
  }
  const vma = vmaAt(m, cell);
  own.from = own.start;
  own.to = Math.min(vma.vm_end, own.end);
  own.start = own.to;
  // VM_MAYREAD … are VM_READ … four bits up.
  own.set = own.rights | newlyAccounted(vma, own.rights);
  own.clear = (RIGHTS & ~own.rights) | noLongerAccounted(m, vma, own.rights);
  own.same = (vma.vm_flags & RIGHTS) === own.rights ? 1 : 0;
  const isCut = own.from % pt.PMD_SIZE !== 0 || own.to % pt.PMD_SIZE !== 0;
  if ((own.rights & ~(vma.vm_flags >> 4) & RIGHTS) !== 0) own.r = EACCES;
  else if (own.same === 0 && (vma.vm_flags & pg.VM_HUGETLB) !== 0 && isCut) own.r = EINVAL;
  return own.r === 0;
}

/** mprotect(): `rights` are VM_READ, VM_WRITE, VM_EXEC. 0 or a negative errno. */
export const do_mprotect_pkey = routine(
  "do_mprotect_pkey",
  {
    start: wide,
    end: wide,
    rights: int,
    from: wide,
    to: wide,
    set: int,
    clear: int,
    same: int,
    r: int,
  },
  (own, m: Kvm) => [
    when(() => own.start % pt.PAGE_SIZE !== 0, [done(EINVAL)]),
    when(() => own.start === own.end, [done(0)]),
    when(() => isBadRange(own.start, own.end - own.start), [done(ENOMEM)]),
    takeLock(m, "U1", () => m.mm.mmap_lock, "write", LockCode.mmap_lock),
    loop(
      when(
        act("U2", () => nextPart(m, own)),
        [],
        [leave],
      ),
      when(() => own.same !== 0, [again]),
      call(modifyFlags, { start: "from", end: "to", set: "set", clear: "clear" }),
      call(change_protection, { start: "from", end: "to" }),
      again,
    ),
    releaseLock(m, "U3", () => m.mm.mmap_lock, "write", LockCode.mmap_lock),
    done("r"),
  ],
);
