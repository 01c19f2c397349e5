// The page-fault handler of the host: fills an absent entry, brings a swapped page back, or makes a
// page writable. The caller holds mmap_lock for reading; a copy or a split calls the MMU notifier,
// so other threads may run in between.
// From: mm/memory.c (handle_mm_fault, __handle_mm_fault, handle_pte_fault), 6.12.
// MODEL: mmap_lock alone guards mappings; there are no per-VMA locks.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, again, call, done, loop, set, until, when } from "#shared/engine/words";
import type { Kvm } from "../state/machine.ts";
import * as pg from "../state/host.ts";
import { do_anonymous_page } from "./anon.ts";
import { lab_fault } from "./driver.ts";
import { do_fault } from "./file-fault.ts";
import { hugetlb_fault, hugetlb_wp, HugetlbFault } from "./hugetlb.ts";
import { Fill, kindOf } from "./kinds.ts";
import * as pt from "./pgtable.ts";
import { __split_huge_pmd } from "./split-pmd.ts";
import { do_swap_page } from "./swap-fault.ts";
import { create_huge_pmd, do_huge_pmd_wp_page, do_huge_zero_wp_pmd, HugeWrite } from "./thp.ts";
import { find_vma, vmaAt, type VmaView } from "./vma.ts";
import { do_wp_page, wp_page_copy } from "./wp.ts";

export { is_zero_pfn } from "./anon.ts";

/** What handle_mm_fault() returns: 0, or the bits that matter here (include/linux/mm_types.h). */
export const VM_FAULT_DONE = 0;
export const VM_FAULT_SIGBUS = 2;

/** What a fault is for: FAULT_FLAG_WRITE, or FAULT_FLAG_UNSHARE (a page of its own, to read). */
export const FaultFor = { read: 0, write: 1, unshare: 2 } as const;

/** What an act found: what the rest of the handler must do. */
const Next = {
  done: 0,
  sigbus: 1,
  copy: 2,
  split: 3,
  replaceZero: 4,
  copyHuge: 5,
  again: 6,
  wait: 7,
} as const;

/** The page is on its way to another frame; `pmd` is the cell of the level-2 entry, or 0. */
function isMigrating(m: Kvm, pmd: number, hva: number): boolean {
  if (pmd === 0) return false;
  const pte = pt.pteBelow(m, pmd, hva);
  return pt.isMigrationEntry(pt.pteLow(m, pte === 0 ? pmd : pte));
}

/** Fills an absent entry by the mapping's kind. */
function do_pte_missing(m: Kvm, vma: VmaView, hva: number, write: number): number {
  const { fill } = kindOf(vma.kind);
  if (fill === Fill.anonymous) {
    do_anonymous_page(m, vma, hva, write);
    return Next.done;
  }
  const isFilled = fill === Fill.file ? do_fault(m, vma, hva, write) : lab_fault(m, vma, hva);
  return isFilled ? Next.done : Next.sigbus;
}

function handle_pte_fault(m: Kvm, vma: VmaView, hva: number, write: number, pmd: number): number {
  const cell = pt.pteBelow(m, pmd, hva);
  const low = cell === 0 ? 0 : pt.pteLow(m, cell);
  if (low === 0) return do_pte_missing(m, vma, hva, write);
  if (pt.isSwapEntry(low)) {
    do_swap_page(m, vma, hva, write);
    return write === FaultFor.read ? Next.done : Next.again;
  }
  if (write === FaultFor.read || (low & pt._PAGE_RW) !== 0) return Next.done;
  return do_wp_page(m, vma, hva, write) ? Next.copy : Next.done;
}

const HUGE_NEXT = {
  [HugeWrite.done]: Next.done,
  [HugeWrite.split]: Next.split,
  [HugeWrite.replaceZero]: Next.replaceZero,
} as const;

/**
 * One look at the tables, of which those above the last are made; also how mmap populates, where
 * nothing can need a copy.
 */
export function faultOnce(m: Kvm, hva: number, write: number): number {
  const vma = vmaAt(m, find_vma(m, hva));
  const pmd = pt.makePmdCell(m, hva);
  if ((vma.vm_flags & pg.VM_HUGETLB) !== 0) {
    const found = hugetlb_fault(m, vma, hva, write);
    if (found === HugetlbFault.copy) return Next.copyHuge;
    return found === HugetlbFault.done ? Next.done : Next.sigbus;
  }
  if (isMigrating(m, pmd, hva)) return Next.wait;
  const low = pt.pteLow(m, pmd);
  if (low === 0 && create_huge_pmd(m, vma, hva, write)) return Next.done;
  if (!pt.isHuge(low)) return handle_pte_fault(m, vma, hva, write, pmd);
  if (write === FaultFor.read || (low & pt._PAGE_RW) !== 0) return Next.done;
  const found = do_huge_pmd_wp_page(m, vma, hva, write) as keyof typeof HUGE_NEXT;
  return HUGE_NEXT[found];
}

const __handle_mm_fault = routine(
  "__handle_mm_fault",
  { hva: wide, write: int, r: int },
  (own, m: Kvm) => [
    loop(
      act("H1", () => (own.r = faultOnce(m, own.hva, own.write))),
      when(() => own.r === Next.done, [done(VM_FAULT_DONE)]),
      when(() => own.r === Next.sigbus, [done(VM_FAULT_SIGBUS)]),
      when(
        () => own.r === Next.copy,
        [call(wp_page_copy, { hva: "hva", write: "write" }), done(VM_FAULT_DONE)],
      ),
      when(
        () => own.r === Next.replaceZero,
        [call(do_huge_zero_wp_pmd, { hva: "hva" }), done(VM_FAULT_DONE)],
      ),
      when(
        () => own.r === Next.copyHuge,
        [
          call(hugetlb_wp, { hva: "hva" }, "r"),
          done(() => (own.r !== 0 ? VM_FAULT_DONE : VM_FAULT_SIGBUS)),
        ],
      ),
      when(
        () => own.r === Next.wait,
        [until("H2", () => !isMigrating(m, pt.entryCell(m, own.hva, 2), own.hva)), again],
      ),
      when(() => own.r === Next.split, [call(__split_huge_pmd, { hva: "hva" })]),
      again,
    ),
  ],
);

/** `write` is a FaultFor. Result: VM_FAULT_DONE or VM_FAULT_SIGBUS. */
export const handle_mm_fault = routine("handle_mm_fault", { hva: wide, write: int, r: int }, () => [
  call(__handle_mm_fault, { hva: "hva", write: "write" }, "r"),
  set("hva", 0),
  done("r"),
]);
