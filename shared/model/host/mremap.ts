// mremap to a fixed place: what is there goes, the entries move, the old mapping goes. The notifier
// is called twice for the old range: for the move, and for the unmapping of what is empty by then.
// From: mm/mremap.c (mremap_to, move_vma, move_page_tables, try_realign_addr), 6.12;
// remap_move(), 7.2.
// MODEL: merged pages (KSM) stay merged in the mapping that moves.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, when } from "#shared/engine/words";
import { LockCode } from "#shared/events/own";
import * as pg from "../state/host.ts";
import { TASK_SIZE } from "../state/layout.ts";
import type { Kvm } from "../state/machine.ts";
import { fileAt } from "./filemap.ts";
import { Fill, kindOf } from "./kinds.ts";
import { releaseLock, takeLock } from "./locks.ts";
import {
  __mmu_notifier_invalidate_range_end,
  __mmu_notifier_invalidate_range_start,
} from "./notifier.ts";
import * as pt from "./pgtable.ts";
import { __split_huge_pmd } from "./split-pmd.ts";
import { do_vmi_align_munmap } from "./unmap.ts";
import {
  find_vma,
  insertVma,
  isAnyMapped,
  mergeVmas,
  vma_lookup,
  vmaAt,
  type VmaView,
} from "./vma.ts";

const EFAULT = -14;
const EINVAL = -22;

const moveLocals = { from: wide, end: wide, to: wide, start: wide, at: wide, split: int } as const;
interface Move {
  from: number;
  end: number;
  to: number;
  start: number;
  at: number;
  split: number;
}

/** Whether a mapping begins at the address and nothing is mapped below it in its 2 MiB. */
function canAlignDown(m: Kvm, hva: number): boolean {
  const cell = vma_lookup(m, hva);
  return vmaAt(m, cell).vm_start === hva && !isAnyMapped(m, pt.pmdStart(hva), hva);
}

/** try_realign_addr(): a move that reaches the end of its 2 MiB may begin at their start. */
function realign(m: Kvm, { from, end, to }: Move): number {
  const within = from % pt.PMD_SIZE;
  const reaches = end - from >= pt.PMD_SIZE - within;
  if (!m.kernel.host.mremapRealigns || within === 0 || !reaches) return from;
  const isMutual = to % pt.PMD_SIZE === within;
  return isMutual && canAlignDown(m, from) && canAlignDown(m, to) ? from - within : from;
}

/** Moves one leaf to its new address. */
function moveLeaf(m: Kvm, own: Move, hva: number, cell: number): void {
  const lo = pt.pteLow(m, cell);
  const hi = pt.pteHigh(m, cell);
  const to = own.to + (hva - own.from);
  const isHuge = (lo & pt._PAGE_PSE) !== 0;
  const target = isHuge ? pt.makePmdCell(m, to) : pt.makeEntryCell(m, to);
  if (isHuge) pt.pmd_clear(m, hva, cell);
  else pt.pte_clear(m, hva, cell);
  pt.setLeafAt(m, to, target, lo, hi);
}

/** A huge leaf goes as it is only to a place of 2 MiB that has no page table. */
function canMoveHuge(m: Kvm, own: Move, stop: number): boolean {
  const to = own.to + (own.at - own.from);
  if (stop - own.at !== pt.PMD_SIZE || to % pt.PMD_SIZE !== 0) return false;
  const cell = pt.makePmdCell(m, to);
  return pt.pteLow(m, cell) === 0;
}

/** Moves the entries of up to one table. */
const move_ptes = routine("move_page_tables", (m: Kvm, own: Move): void => {
  const stop = Math.min(own.end, pt.pmdStart(own.at) + pt.PMD_SIZE);
  own.split = 0;
  const pmd = pt.entryCell(m, own.at, 2);
  if (pmd !== 0 && pt.isHuge(pt.pteLow(m, pmd))) {
    if (!canMoveHuge(m, own, stop)) {
      own.split = 1;
      return;
    }
    moveLeaf(m, own, own.at, pmd);
  } else {
    for (let hva = own.at; hva < stop; hva += pt.PAGE_SIZE) {
      const cell = pt.entryCell(m, hva, 1);
      if (cell !== 0 && pt.pteLow(m, cell) !== 0) moveLeaf(m, own, hva, cell);
    }
  }
  own.at = stop;
});

const move_page_tables = routine("move_page_tables", moveLocals, (own, m: Kvm) => [
  act("V1", () => {
    own.start = realign(m, own);
    own.at = own.from;
  }),
  call(__mmu_notifier_invalidate_range_start, { start: "start", end: "end" }),
  loop(
    act("N8", () => move_ptes(m, own)),
    when(() => own.split !== 0, [call(__split_huge_pmd, { hva: "at" })]),
    when(() => own.at >= own.end, [leave]),
    again,
  ),
  call(__mmu_notifier_invalidate_range_end, { start: "start", end: "end" }),
  done(),
]);

/**
 * copy_vma(): the mapping at its new place; one without pages counts its offset anew. Memory of
 * hugetlbfs takes its reservations along, all of them (clear_vma_resv_huge_pages()).
 */
function copyVma(m: Kvm, from: number, size: number, to: number): void {
  const old = vmaAt(m, vma_lookup(m, from));
  const { vm_start, vm_flags, kind, vm_file, vm_pgoff, anon_vma, hugetlbResv } = old;
  const isFresh = kindOf(kind).fill === Fill.anonymous && anon_vma === 0;
  const cell = insertVma(m, {
    start: to,
    end: to + size,
    flags: vm_flags,
    kind,
    pgoff: isFresh ? to / pt.PAGE_SIZE : vm_pgoff + (from - vm_start) / pt.PAGE_SIZE,
    file: vm_file,
  });
  vmaAt(m, cell).anon_vma = anon_vma;
  vmaAt(m, cell).hugetlbResv = hugetlbResv;
  old.hugetlbResv = 0;
}

/** What is wrong with the addresses themselves. */
function badPlace(from: number, end: number, to: number): number {
  const toEnd = to + (end - from);
  const overlaps = end > to && toEnd > from;
  return to % pt.PAGE_SIZE !== 0 || toEnd > TASK_SIZE || overlaps ? EINVAL : 0;
}

/** Memory of hugetlbfs moves in whole huge pages, between addresses of such. */
function align_hugetlb(m: Kvm, own: { from: number; end: number; to: number }): number {
  const cell = vma_lookup(m, own.from);
  if (cell === 0) return EFAULT;
  if ((vmaAt(m, cell).vm_flags & pg.VM_HUGETLB) === 0) return 0;
  own.end = own.from + Math.ceil((own.end - own.from) / pt.PMD_SIZE) * pt.PMD_SIZE;
  return own.from % pt.PMD_SIZE !== 0 || own.to % pt.PMD_SIZE !== 0 ? EINVAL : 0;
}

const isAcross = (m: Kvm, from: number, end: number): boolean => {
  const cell = vma_lookup(m, from);
  return cell === 0 || vmaAt(m, cell).vm_end < end;
};

/** vma_multi_allowed(): files that choose their addresses themselves move alone. */
function vma_multi_allowed(m: Kvm, vma: VmaView): boolean {
  const isRamfs = vma.vm_file !== 0 && fileAt(m, vma.vm_file).fs === pg.FileSystem.ramfs;
  return !isRamfs;
}

interface Parts {
  /** Of the whole call: what is left of it, and how far it moves. */
  next: number;
  last: number;
  shift: number;
  isLater: number;
  /** The part that moves now. */
  from: number;
  end: number;
  to: number;
  toEnd: number;
  r: number;
}

/** remap_move(): what the next mapping has of the range; false at its end or with an errno. */
function takeMapping(m: Kvm, own: Parts): boolean {
  const cell = own.next < own.last ? find_vma(m, own.next) : 0;
  const isNone = cell === 0 || vmaAt(m, cell).vm_start >= own.last;
  if (isNone || (own.isLater === 0 && vmaAt(m, cell).vm_start > own.next)) {
    if (own.isLater === 0) own.r = EFAULT;
    return false;
  }
  const vma = vmaAt(m, cell);
  if (!vma_multi_allowed(m, vma) && (own.isLater !== 0 || vma.vm_end < own.last)) {
    own.r = EFAULT;
    return false;
  }
  own.from = Math.max(vma.vm_start, own.next);
  own.end = Math.min(vma.vm_end, own.last);
  return true;
}

/** The next part that moves, checked; false when there is none or an errno ends the call. */
function nextPart(m: Kvm, own: Parts): boolean {
  const isMany = m.kernel.host.mremapMovesMany;
  if (!isMany && own.isLater !== 0) return false;
  if (isMany && own.isLater === 0) own.r = badPlace(own.from, own.end, own.to);
  if (own.r !== 0 || (isMany && !takeMapping(m, own))) return false;
  own.to = own.from + own.shift;
  own.next = own.end;
  own.r = align_hugetlb(m, own);
  own.toEnd = own.end + own.shift;
  if (own.r === 0 && !isMany) own.r = badPlace(own.from, own.end, own.to);
  own.isLater = 1;
  return own.r === 0;
}

const remapLocals = {
  from: wide,
  end: wide,
  to: wide,
  toEnd: wide,
  next: wide,
  last: wide,
  shift: wide,
  isLater: int,
  r: int,
} as const;

/** mremap() with MREMAP_FIXED, size unchanged: 0 or a negative errno. */
export const mremap_to = routine("mremap_to", remapLocals, (own, m: Kvm) => [
  when(() => own.from % pt.PAGE_SIZE !== 0 || own.end <= own.from, [done(EINVAL)]),
  takeLock(m, "U1", () => m.mm.mmap_lock, "write", LockCode.mmap_lock),
  act("V2", () => {
    own.next = own.from;
    own.last = own.end;
    own.shift = own.to - own.from;
  }),
  loop(
    when(
      act("V2n", () => nextPart(m, own)),
      [],
      [leave],
    ),
    call(do_vmi_align_munmap, { start: "to", end: "toEnd" }, "r"),
    when(
      () => own.r === 0,
      [act("V3", () => (own.r = isAcross(m, own.from, own.end) ? EFAULT : 0))],
    ),
    when(() => own.r !== 0, [leave]),
    act("V4", () => copyVma(m, own.from, own.end - own.from, own.to)),
    call(move_page_tables, { from: "from", end: "end", to: "to" }),
    call(do_vmi_align_munmap, { start: "from", end: "end" }, "r"),
    act("V5", () => mergeVmas(m, own.to, own.toEnd)),
    when(() => own.r !== 0, [leave]),
    again,
  ),
  releaseLock(m, "U3", () => m.mm.mmap_lock, "write", LockCode.mmap_lock),
  done("r"),
]);
