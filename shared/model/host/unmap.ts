// munmap: mappings are cut at the ends of the range, their entries cleared, and they are taken out
// of the list; page tables that nothing needs any more are freed.
// From: mm/vma.c (do_vmi_munmap, vms_gather_munmap_vmas, vms_complete_munmap_vmas), 6.12.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, call, done, when } from "#shared/engine/words";
import { LockCode } from "#shared/events/own";
import { TASK_SIZE } from "../state/layout.ts";
import type { Kvm } from "../state/machine.ts";
import { hugetlb_vm_op_close } from "./hugetlb-resv.ts";
import { releaseLock, takeLock } from "./locks.ts";
import { freeEmptyTables, PAGE_SIZE } from "./pgtable.ts";
import { __split_vma, cutsHugePage, find_vma, isAnyMapped, removeVma, vmaAt } from "./vma.ts";
import { zap_range } from "./zap.ts";

const EINVAL = -22;

/** Takes the mappings inside the range out of the list. */
function detachVmas(m: Kvm, start: number, end: number): void {
  for (let cell = find_vma(m, start); cell !== 0 && vmaAt(m, cell).vm_start < end;) {
    const vma = vmaAt(m, cell);
    const next = vma.vm_next;
    hugetlb_vm_op_close(m, vma);
    removeVma(m, cell);
    cell = next;
  }
}

export const isBadRange = (start: number, size: number): boolean =>
  start % PAGE_SIZE !== 0 || size <= 0 || start + size > TASK_SIZE;

export const pageAlign = (size: number): number => Math.ceil(size / PAGE_SIZE) * PAGE_SIZE;

/** The work of munmap under mmap_lock, also where a mapping goes over another: 0 or an errno. */
export const do_vmi_align_munmap = routine(
  "do_vmi_align_munmap",
  { start: wide, end: wide, r: int },
  (own, m: Kvm) => [
    when(
      act("U2", () => !isAnyMapped(m, own.start, own.end)),
      [done(0)],
    ),
    when(
      act("U2h", () => cutsHugePage(m, own.start)),
      [done(EINVAL)],
    ),
    call(__split_vma, { hva: "start" }),
    when(
      act("U2e", () => cutsHugePage(m, own.end)),
      [done(EINVAL)],
    ),
    call(__split_vma, { hva: "end" }),
    call(zap_range, { start: "start", end: "end" }),
    act("U2d", () => detachVmas(m, own.start, own.end)),
    act("U2f", () =>
      freeEmptyTables(m, own.start, own.end, (from, to) => isAnyMapped(m, from, to)),
    ),
    done(0),
  ],
);

/** munmap(): 0 or a negative errno. */
export const do_vmi_munmap = routine(
  "do_vmi_munmap",
  { start: wide, end: wide, r: int },
  (own, m: Kvm) => [
    when(() => isBadRange(own.start, own.end - own.start), [done(EINVAL)]),
    takeLock(m, "U1", () => m.mm.mmap_lock, "write", LockCode.mmap_lock),
    call(do_vmi_align_munmap, { start: "start", end: "end" }, "r"),
    releaseLock(m, "U3", () => m.mm.mmap_lock, "write", LockCode.mmap_lock),
    done("r"),
  ],
);
