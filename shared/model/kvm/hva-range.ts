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

/** Whether a slot comes before another in the tree of host addresses (hva_tree). */
const isBefore = (one: Memslot, other: Memslot): boolean =>
  one.userspace_addr < other.userspace_addr ||
  (one.userspace_addr === other.userspace_addr && one.placed < other.placed);

/**
 * kvm_for_each_memslot_in_hva_range(): the next slot that the range covers, in order of host
 * address, and where that is the same, of when it was put there; 0 after the last.
 */
export function nextCovered(m: Kvm, after: number, start: number, end: number): number {
  let found = 0;
  for (let cell: number = m.kvm.memslots; cell !== 0; cell = memslotAt(m, cell).next) {
    const slot = memslotAt(m, cell);
    if (coveredGfns(slot, start, end) === null) continue;
    if (after !== 0 && !isBefore(memslotAt(m, after), slot)) continue;
    if (found === 0 || isBefore(slot, memslotAt(m, found))) found = cell;
  }
  return found;
}
