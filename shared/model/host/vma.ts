// The VMM's mappings: a list ordered by address. Finding, making, merging, cutting.
// Owns the list; entries of the page tables belong to those who map and zap.
// From: mm/mmap.c, mm/vma.c (find_vma, __split_vma, can_vma_merge_*,
// find_mergeable_anon_vma), 6.12; a list stands for the maple tree.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, call, done, when } from "#shared/engine/words";
import { KIND, type Kvm } from "../state/machine.ts";
import {
  VM_EXEC,
  VM_HUGETLB,
  VM_READ,
  VM_SPECIAL,
  VM_WRITE,
  vm_area_struct,
} from "../state/host.ts";
import { Fill, kindOf } from "./kinds.ts";
import { entryCell, PMD_SIZE, pmdStart } from "./pgtable.ts";
import { __split_huge_pmd } from "./split-pmd.ts";

export type VmaView = ReturnType<typeof vm_area_struct.at>;

export const vmaAt = (m: Kvm, cell: number): VmaView => vm_area_struct.at(m, cell);

/** find_vma(): the first mapping that ends above the address, or cell 0. */
export const find_vma = routine("find_vma", (m: Kvm, hva: number): number => {
  let cell: number = m.mm.mmap;
  while (cell !== 0 && vmaAt(m, cell).vm_end <= hva) cell = vmaAt(m, cell).vm_next;
  return cell;
});

/** vma_lookup(): the mapping that contains the address, or cell 0. */
export function vma_lookup(m: Kvm, hva: number): number {
  const cell = find_vma(m, hva);
  return cell !== 0 && vmaAt(m, cell).vm_start <= hva ? cell : 0;
}

/** Whether any mapping lies in the range. */
export function isAnyMapped(m: Kvm, start: number, end: number): boolean {
  const cell = find_vma(m, start);
  return cell !== 0 && vmaAt(m, cell).vm_start < end;
}

export interface NewVma {
  readonly start: number;
  readonly end: number;
  readonly flags: number;
  readonly kind: number;
  readonly pgoff: number;
  readonly file: number;
}

/** Inserts a mapping where nothing is mapped. */
export function insertVma(m: Kvm, made: NewVma): number {
  const cell = m.alloc(KIND.vma);
  const vma = vmaAt(m, cell);
  vma.vm_start = made.start;
  vma.vm_end = made.end;
  vma.vm_flags = made.flags;
  vma.kind = made.kind;
  vma.vm_pgoff = made.pgoff;
  vma.vm_file = made.file as typeof vma.vm_file;
  let before = 0;
  let next: number = m.mm.mmap;
  while (next !== 0 && vmaAt(m, next).vm_start < made.start) {
    before = next;
    next = vmaAt(m, next).vm_next;
  }
  vma.vm_next = next as typeof vma.vm_next;
  if (before === 0) m.mm.mmap = cell;
  else vmaAt(m, before).vm_next = cell;
  return cell;
}

/** The cut of __split_vma(): two mappings of one; gives the upper. */
function cutVma(m: Kvm, cell: number, at: number): number {
  const vma = vmaAt(m, cell);
  const { vm_start, vm_end, vm_flags, kind, vm_pgoff, vm_file, anon_vma, hugetlbResv } = vma;
  vma.vm_end = at;
  const pgoff = vm_pgoff + (at - vm_start) / 4096;
  const upper = insertVma(m, {
    start: at,
    end: vm_end,
    flags: vm_flags,
    kind,
    pgoff,
    file: vm_file,
  });
  vmaAt(m, upper).anon_vma = anon_vma;
  vmaAt(m, upper).hugetlbResv = hugetlbResv;
  return upper;
}

/**
 * vma_adjust_trans_huge(): a mapping that is cut inside 2 MiB may have a huge entry there. It is
 * split, and the notifier called, whether there is one or not.
 */
function mayHoldHuge(m: Kvm, hva: number): boolean {
  const cell = vma_lookup(m, hva);
  if (cell === 0 || hva % PMD_SIZE === 0) return false;
  const start = pmdStart(hva);
  const { vm_start, vm_end } = vmaAt(m, cell);
  const isInside = vm_start <= start && vm_end >= start + PMD_SIZE;
  return isInside && entryCell(m, hva, 2) !== 0;
}

/** hugetlb_vm_op_split(): memory of hugetlbfs is cut at 2 MiB only. */
export function cutsHugePage(m: Kvm, at: number): boolean {
  const cell = vma_lookup(m, at);
  const flags = cell === 0 ? 0 : vmaAt(m, cell).vm_flags;
  return (flags & VM_HUGETLB) !== 0 && at % PMD_SIZE !== 0;
}

/** __split_vma() at an address, if a mapping goes across it. */
export const __split_vma = routine("__split_vma", { hva: wide, needed: int }, (own, m: Kvm) => [
  act("W1", () => {
    const cell = vma_lookup(m, own.hva);
    own.needed = cell === 0 || vmaAt(m, cell).vm_start === own.hva ? 0 : 1;
    if (own.needed !== 0 && mayHoldHuge(m, own.hva)) own.needed = 2;
  }),
  when(() => own.needed === 0, [done()]),
  when(() => own.needed === 2, [call(__split_huge_pmd, { hva: "hva" })]),
  act("W2", () => cutVma(m, vma_lookup(m, own.hva), own.hva)),
  done(),
]);

/** Takes a mapping out of the list and frees it. */
export function removeVma(m: Kvm, cell: number): void {
  const next = vmaAt(m, cell).vm_next;
  if (m.mm.mmap === cell) m.mm.mmap = next;
  else {
    let before: number = m.mm.mmap;
    while (vmaAt(m, before).vm_next !== cell) before = vmaAt(m, before).vm_next;
    vmaAt(m, before).vm_next = next;
  }
  m.free(cell as ReturnType<Kvm["alloc"]>, KIND.vma);
}

const isAnonymous = (vma: VmaView): boolean => kindOf(vma.kind).fill === Fill.anonymous;

/**
 * Whether the mapping that changed may merge into its neighbour: before 7.x not with an anon_vma
 * into one without, whose chain is not singular.
 * MODEL: a mapping has one anon_vma only. In the kernel those that a process got by fork have more
 * and do not merge so; the VMM's own parent has none of its mappings.
 */
function is_mergeable_anon_vma(m: Kvm, changed: VmaView, neighbour: VmaView): boolean {
  if (changed.anon_vma === neighbour.anon_vma || changed.anon_vma === 0) return true;
  return neighbour.anon_vma === 0 && m.kernel.host.mergesIntoBareMapping;
}

const VM_ACCESS_FLAGS = VM_READ | VM_WRITE | VM_EXEC;

/** anon_vma_compatible(): neighbours that differ in rights only. */
const anon_vma_compatible = (lower: VmaView, upper: VmaView): boolean =>
  lower.vm_end === upper.vm_start &&
  lower.vm_file === upper.vm_file &&
  ((lower.vm_flags ^ upper.vm_flags) & ~VM_ACCESS_FLAGS) === 0 &&
  upper.vm_pgoff === lower.vm_pgoff + (lower.vm_end - lower.vm_start) / 4096;

/** find_mergeable_anon_vma(): that of the mapping above, or of the one below; 0 for none. */
function find_mergeable_anon_vma(m: Kvm, vma: VmaView): number {
  const next: number = vma.vm_next;
  if (next !== 0 && anon_vma_compatible(vma, vmaAt(m, next)) && vmaAt(m, next).anon_vma !== 0)
    return vmaAt(m, next).anon_vma;
  const before = vma_lookup(m, vma.vm_start - 1);
  if (before === 0 || !anon_vma_compatible(vmaAt(m, before), vma)) return 0;
  return vmaAt(m, before).anon_vma;
}

/** anon_vma_prepare(): before the first page of its own, a mapping gets an anon_vma. */
export function anon_vma_prepare(m: Kvm, vma: VmaView): void {
  if (vma.anon_vma !== 0) return;
  const reused = find_mergeable_anon_vma(m, vma);
  if (reused === 0) m.host.anonVmas += 1;
  vma.anon_vma = reused === 0 ? m.host.anonVmas : reused;
}

/**
 * can_vma_merge_after(): neighbours that differ in nothing but their place. At the changed range's
 * end the lower one changed, else the upper.
 */
function canMerge(m: Kvm, lower: VmaView, upper: VmaView, end: number): boolean {
  const [changed, neighbour] = lower.vm_end === end ? [lower, upper] : [upper, lower];
  const pages = (lower.vm_end - lower.vm_start) / 4096;
  return (
    lower.vm_end === upper.vm_start &&
    lower.vm_flags === upper.vm_flags &&
    (lower.vm_flags & (VM_SPECIAL | VM_HUGETLB)) === 0 &&
    lower.vm_file === upper.vm_file &&
    (lower.kind === upper.kind || (isAnonymous(lower) && isAnonymous(upper))) &&
    is_mergeable_anon_vma(m, changed, neighbour) &&
    upper.vm_pgoff === lower.vm_pgoff + pages
  );
}

/** vma_merge(): neighbours in [start, end] that have become alike are one mapping again. */
export function mergeVmas(m: Kvm, start: number, end: number): void {
  let cell: number = m.mm.mmap;
  while (cell !== 0 && vmaAt(m, cell).vm_end <= end) {
    const vma = vmaAt(m, cell);
    const next: number = vma.vm_next;
    if (next !== 0 && vma.vm_end >= start && canMerge(m, vma, vmaAt(m, next), end)) {
      const upper = vmaAt(m, next);
      if (vma.anon_vma === 0) vma.anon_vma = upper.anon_vma;
      vma.vm_end = upper.vm_end;
      removeVma(m, next);
    } else cell = next;
  }
}
