// Changing the flags of a part of the mappings: cut at both
// ends, changed, merged again. From: mm/vma.c (vma_modify),
// 6.12.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, call, done, when } from "#shared/engine/words";
import type { Kvm } from "../state/machine.ts";
import { __split_vma, cutsHugePage, find_vma, mergeVmas, vmaAt } from "./vma.ts";

const EINVAL = -22;

type Range = { start: number; end: number; set: number; clear: number };

function needsChange(m: Kvm, own: Range): boolean {
  for (let cell = find_vma(m, own.start); cell !== 0; cell = vmaAt(m, cell).vm_next) {
    const { vm_start, vm_flags } = vmaAt(m, cell);
    if (vm_start >= own.end) return false;
    if (((vm_flags & ~own.clear) | own.set) !== vm_flags) return true;
  }
  return false;
}

function changeFlags(m: Kvm, own: Range): void {
  for (let cell = find_vma(m, own.start); cell !== 0; cell = vmaAt(m, cell).vm_next) {
    const vma = vmaAt(m, cell);
    if (vma.vm_start >= own.end) break;
    vma.vm_flags = (vma.vm_flags & ~own.clear) | own.set;
  }
  mergeVmas(m, own.start, own.end);
}

/**
 * Sets and clears flags of the mappings in [start, end); mmap_lock is held for writing. 0, or
 * EINVAL where hugetlbfs would be cut inside a huge page.
 */
export const modifyFlags = routine(
  "vma_modify",
  { start: wide, end: wide, set: int, clear: int },
  (own, m: Kvm) => [
    when(
      act("Y1", () => !needsChange(m, own)),
      [done()],
    ),
    when(
      act("Y1h", () => cutsHugePage(m, own.start) || cutsHugePage(m, own.end)),
      [done(EINVAL)],
    ),
    call(__split_vma, { hva: "start" }),
    call(__split_vma, { hva: "end" }),
    act("Y2", () => changeFlags(m, own)),
    done(),
  ],
);
