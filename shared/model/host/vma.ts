// The VMM's mappings: a list ordered by address. Finding, making, cutting.
// Owns the list; entries of the page tables belong to those who map and zap.
// From: mm/mmap.c, mm/vma.c (find_vma, __split_vma), 6.12; a list stands for the maple tree.
import { routine } from "#shared/engine/routine";
import { KIND, type Kvm } from "../state/machine.ts";
import { vm_area_struct } from "../state/host.ts";

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

export interface NewVma {
  readonly start: number;
  readonly end: number;
  readonly flags: number;
  readonly kind: number;
  readonly pgoff: number;
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

/** __split_vma(): two mappings of one; gives the upper. */
export function splitVma(m: Kvm, cell: number, at: number): number {
  const vma = vmaAt(m, cell);
  const { vm_start, vm_end, vm_flags, kind, vm_pgoff } = vma;
  vma.vm_end = at;
  const pgoff = vm_pgoff + (at - vm_start) / 4096;
  return insertVma(m, { start: at, end: vm_end, flags: vm_flags, kind, pgoff });
}

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
