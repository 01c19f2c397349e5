// What KVM keeps of each gfn of a memslot, by level: the head of its rmap, and a count. At level 1
// the count says how often writes are tracked, above it how often a huge page is forbidden.
// Owns the arrays only: sparse ones, in nodes of 512, since most gfns of a slot are never touched.
// From: struct kvm_arch_memory_slot (arch/x86/include/asm/kvm_host.h), gfn_to_rmap(),
// lpage_info_slot(), kvm_alloc_memslot_metadata() (arch/x86/kvm/), 6.12 and 7.2.
import {
  entryNumber,
  frameIndex,
  frameInside,
  PAGE_SIZE,
  pagesPerLevel,
} from "#shared/units/address";
import { memslotAt, type Memslot } from "../lookup/memslot.ts";
import { KIND, type Kvm } from "../state/machine.ts";

/** Nodes from an array's root to its elements: enough for 2^27 pages. */
const DEPTH = 3;
const HEAD = 0;
const COUNT = 1;

/** gfn_to_index(): which element of the level's array a gfn has. */
export const gfn_to_index = (gfn: number, base: number, level: number): number =>
  entryNumber(gfn, level) - entryNumber(base, level);

/** Cell of a gfn's element; 0 when its node does not exist and `isMade` is false. */
function elementCell(m: Kvm, slot: Memslot, gfn: number, level: number, isMade: boolean): number {
  const index = gfn_to_index(gfn, slot.base_gfn, level);
  let node: number = slot.arch.get(level - 1);
  if (node === 0) {
    if (!isMade) return 0;
    node = m.alloc(KIND.slotArray);
    slot.arch.set(level - 1, node as never);
  }
  for (let depth = DEPTH; depth > 1; depth--) {
    const cell = node + frameIndex(index, depth) * 2;
    if (m.mem[cell] === 0) {
      if (!isMade) return 0;
      m.put(cell, m.alloc(KIND.slotArray));
    }
    node = m.mem[cell] as number;
  }
  return node + frameIndex(index, 1) * 2;
}

/** gfn_to_rmap(): cell of the rmap's head; 0 when nothing was ever mapped near it. */
export function findRmap(m: Kvm, slot: Memslot, gfn: number, level: number): number {
  const cell = elementCell(m, slot, gfn, level, false);
  return cell === 0 ? 0 : cell + HEAD;
}

/** gfn_to_rmap() for adding to it. */
export const gfn_to_rmap = (m: Kvm, slot: Memslot, gfn: number, level: number): number =>
  elementCell(m, slot, gfn, level, true) + HEAD;

export function countOf(m: Kvm, slot: Memslot, gfn: number, level: number): number {
  const cell = elementCell(m, slot, gfn, level, false);
  return cell === 0 ? 0 : (m.mem[cell + COUNT] as number);
}

export function addCount(m: Kvm, slot: Memslot, gfn: number, level: number, delta: number): void {
  const cell = elementCell(m, slot, gfn, level, true) + COUNT;
  m.put(cell, (m.mem[cell] as number) + delta);
}

/** The next index from `from` to `last` whose node exists; beyond `last` when there is none. */
function nextIndex(m: Kvm, root: number, from: number, last: number): number {
  let index = from;
  while (index <= last) {
    let node = root;
    let depth = DEPTH;
    while (depth > 1 && node !== 0) {
      node = m.mem[node + frameIndex(index, depth) * 2] as number;
      depth--;
    }
    if (node !== 0) return index;
    const step = pagesPerLevel(depth + 1);
    index += step - frameInside(index, depth + 1);
  }
  return index;
}

/** Where a walk over a range of rmaps stands: fields of a thread's locals. */
export interface RmapCursor {
  slot: number;
  /** Level in hand, from 1; above `topLevel` the walk is over. */
  level: number;
  /** Index of the next rmap within the level. */
  index: number;
}

/** Rmaps of one act: the lock is held for writing, so the size changes nothing but the ticks. */
const RMAP_BATCH = 512;

/**
 * for_each_slot_rmap_range(), a part of it: visits heads that are not empty, in order of level and
 * gfn. True while there may be more. The range is gfnStart to gfnEnd, exclusive.
 */
export function visitRmaps(
  m: Kvm,
  cursor: RmapCursor,
  range: { readonly gfnStart: number; readonly gfnEnd: number; readonly topLevel: number },
  visit: (head: number) => void,
): boolean {
  const slot = memslotAt(m, cursor.slot);
  const base = slot.base_gfn;
  for (let visited = 0; cursor.level <= range.topLevel; cursor.level++, cursor.index = 0) {
    const { level } = cursor;
    const root = slot.arch.get(level - 1);
    if (root === 0) continue;
    const last = gfn_to_index(range.gfnEnd - 1, base, level);
    const first = entryNumber(base, level);
    const from = Math.max(cursor.index, gfn_to_index(range.gfnStart, base, level));
    let index = nextIndex(m, root, from, last);
    while (index <= last) {
      const head = findRmap(m, slot, (first + index) * pagesPerLevel(level), level);
      index = nextIndex(m, root, index + 1, last);
      if (head === 0 || m.mem[head] === 0) continue;
      visit(head);
      cursor.index = index;
      if (++visited >= RMAP_BATCH) return true;
    }
  }
  return false;
}

const TOP_HUGE_LEVEL = 3;

/** Where alignment forbids a huge page: kvm_alloc_memslot_metadata(). */
function isMisaligned(slot: Memslot, gfn: number, level: number): boolean {
  const base = slot.base_gfn;
  const end = base + slot.npages;
  const index = gfn_to_index(gfn, base, level);
  const isFirst = index === 0 && frameInside(base, level) !== 0;
  const isLast = index === gfn_to_index(end - 1, base, level) && frameInside(end, level) !== 0;
  return isFirst || isLast || frameInside(slot.userspace_addr / PAGE_SIZE - base, level) !== 0;
}

/** lpage_info_slot()->disallow_lpage: whether the gfn's page of a level must not be huge. */
export const isHugeForbidden = (m: Kvm, slot: Memslot, gfn: number, level: number): boolean =>
  isMisaligned(slot, gfn, level) || countOf(m, slot, gfn, level) !== 0;

/** update_gfn_disallow_lpage_count() */
export function update_gfn_disallow_lpage_count(
  m: Kvm,
  slot: Memslot,
  gfn: number,
  delta: number,
): void {
  for (let level = 2; level <= TOP_HUGE_LEVEL; level++) addCount(m, slot, gfn, level, delta);
}

function freeNode(m: Kvm, node: number, depth: number): void {
  if (depth > 1) {
    for (let index = 0; index < 512; index++) {
      const child = m.mem[node + index * 2] as number;
      if (child !== 0) freeNode(m, child, depth - 1);
    }
  }
  m.free(node as ReturnType<Kvm["alloc"]>, KIND.slotArray);
}

/** kvm_arch_free_memslot(): the arrays go with their slot; its rmaps are empty by then. */
export function kvm_arch_free_memslot(m: Kvm, slotCell: number): void {
  const slot = memslotAt(m, slotCell);
  for (let level = 1; level <= TOP_HUGE_LEVEL; level++) {
    const node = slot.arch.get(level - 1);
    if (node === 0) continue;
    freeNode(m, node, DEPTH);
    slot.arch.set(level - 1, 0 as never);
  }
}
