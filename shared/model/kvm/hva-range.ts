// Which guest frames a range of the VMM's addresses shows, slot by slot: the common part of all
// notifier callbacks.
// From: __kvm_handle_hva_range() and hva_to_gfn_memslot() (virt/kvm/kvm_main.c,
// include/linux/kvm_host.h), 6.12; kvm_handle_hva_range(), 7.2.
import { memslotAt, type Memslot } from "../lookup/memslot.ts";
import type { Kvm } from "../state/machine.ts";

const PAGE = 4096;

/**
 * First and one-past-last gfn of a slot that a range of host addresses covers; null when it covers
 * none.
 */
export function coveredGfns(
  slot: Memslot,
  start: number,
  end: number,
): { from: number; to: number } | null {
  const base = slot.userspace_addr;
  const from = Math.max(start, base);
  const to = Math.min(end, base + slot.npages * PAGE);
  if (from >= to) return null;
  const gfnOf = (hva: number): number => slot.base_gfn + Math.floor((hva - base) / PAGE);
  return { from: gfnOf(from), to: gfnOf(to + PAGE - 1) };
}

/** The next slot, in order of gfn, that the range covers; 0 after the last. */
export function nextCovered(m: Kvm, after: number, start: number, end: number): number {
  let cell: number = after === 0 ? m.kvm.memslots : memslotAt(m, after).next;
  while (cell !== 0 && coveredGfns(memslotAt(m, cell), start, end) === null)
    cell = memslotAt(m, cell).next;
  return cell;
}
