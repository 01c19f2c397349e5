// Reverse maps: which entries map a gfn, which entries point to a shadow page; and what is done to
// all of them. A head is 0 (none), the cell of the only entry, or minus the cell of a list.
// mmu_lock is held for writing wherever an rmap changes.
// From: struct kvm_rmap_head, pte_list_add(), pte_list_remove(), kvm_zap_all_rmap_sptes(),
// rmap_write_protect(), kvm_rmap_age_gfn_range() (arch/x86/kvm/mmu/mmu.c), 6.12 and 7.2.
import { routine, type SpineRoutine } from "#shared/engine/routine";
import { int, ref, wide } from "#shared/engine/struct";
import { act, again, done, leave, loop, when } from "#shared/engine/words";
import { hasBit, type Word } from "#shared/units/halves";
import { memslotAt } from "../lookup/memslot.ts";
import { kvm_set_pfn_accessed, kvm_set_pfn_dirty } from "../lookup/v0-legacy.ts";
import { pte_list_desc, PTE_LIST_EXT } from "../state/kvm.ts";
import { KIND, type Kvm } from "../state/machine.ts";
import * as t from "../state/tables.ts";
import { findRmap, visitRmaps, type RmapCursor } from "./slot-arch.ts";
import * as s from "./spte.ts";

const descAt = (m: Kvm, head: number): ReturnType<typeof pte_list_desc.at> =>
  pte_list_desc.at(m, -head);

function newDesc(m: Kvm): ReturnType<typeof pte_list_desc.at> {
  return pte_list_desc.at(m, m.alloc(KIND.pteListDesc));
}

/** Adds an entry to the list whose head is in `headCell`; gives how many it had. */
export const pte_list_add = routine(
  "pte_list_add",
  (m: Kvm, headCell: number, sptep: number): number => {
    const head = m.mem[headCell] as number;
    if (head === 0) {
      m.put(headCell, sptep);
      return 0;
    }
    if (head > 0) {
      const desc = newDesc(m);
      desc.sptes.set(0, head);
      desc.sptes.set(1, sptep);
      desc.spte_count = 2;
      m.put(headCell, -desc.cell);
      return 1;
    }
    let desc = descAt(m, head);
    const count = desc.tail_count + desc.spte_count;
    if (desc.spte_count === PTE_LIST_EXT) {
      // Tails are kept full: a full head becomes the first tail.
      const first = newDesc(m);
      first.more = desc.cell;
      first.tail_count = count;
      m.put(headCell, -first.cell);
      desc = first;
    }
    desc.sptes.set(desc.spte_count, sptep);
    desc.spte_count += 1;
    return count;
  },
);

/** Entries of a list: the newest block first, each in its order. */
export function* pteList(m: Kvm, headCell: number): Generator<number> {
  const head = m.mem[headCell] as number;
  if (head > 0) yield head;
  let cell = head < 0 ? -head : 0;
  while (cell !== 0) {
    const desc = pte_list_desc.at(m, cell);
    cell = desc.more;
    for (let i = 0; i < desc.spte_count; i++) yield desc.sptes.get(i);
  }
}

/** The same as they are now, for changing the list meanwhile. */
export const sptesOf = (m: Kvm, headCell: number): readonly number[] =>
  Array.from(pteList(m, headCell));

/** pte_list_desc_remove_entry(): the hole is filled from the head, so tails stay full. */
function removeAt(
  m: Kvm,
  headCell: number,
  desc: ReturnType<typeof pte_list_desc.at>,
  i: number,
): void {
  const first = descAt(m, m.mem[headCell] as number);
  const last = first.spte_count - 1;
  desc.sptes.set(i, first.sptes.get(last));
  first.sptes.set(last, 0);
  first.spte_count = last;
  if (last > 0) return;
  m.put(headCell, first.more === 0 ? 0 : -first.more);
  m.free(first.cell, KIND.pteListDesc);
}

export const pte_list_remove = routine(
  "pte_list_remove",
  (m: Kvm, headCell: number, sptep: number): void => {
    const head = m.mem[headCell] as number;
    if (head === sptep) {
      m.put(headCell, 0);
      return;
    }
    for (let cell = head < 0 ? -head : 0; cell !== 0;) {
      const desc = pte_list_desc.at(m, cell);
      for (let i = 0; i < desc.spte_count; i++) {
        if (desc.sptes.get(i) === sptep) return removeAt(m, headCell, desc, i);
      }
      cell = desc.more;
    }
    throw new RangeError(`entry ${sptep} is not in its reverse map`);
  },
);

/** V0: the page behind an entry learns what the entry's bits knew, when they go. */
function markLost(m: Kvm, oldLow: number, oldHigh: number, lo: number): void {
  if (!m.lookup.marksPagesAtZap) return;
  const pfn = s.spte_to_pfn(oldLow, oldHigh);
  if (s.is_accessed_spte(oldLow) && !s.is_accessed_spte(lo)) kvm_set_pfn_accessed(m, pfn);
  if (s.is_dirty_spte(oldLow) && !s.is_dirty_spte(lo)) kvm_set_pfn_dirty(m, pfn);
}

/** Clears a leaf. True when it was present. */
export const mmu_spte_clear_track_bits = routine(
  "mmu_spte_clear_track_bits",
  (m: Kvm, sptep: number): boolean => {
    const lo = t.readSpteLow(m, sptep);
    const hi = t.readSpteHigh(m, sptep);
    t.writeSpte(m, sptep, 0, m.kernel.nonpresentHigh);
    if (!s.is_shadow_present_pte(lo)) return false;
    markLost(m, lo, hi, 0);
    return true;
  },
);

/** Changes an entry's rights, never its pfn. True when TLBs must be flushed. */
export const mmu_spte_update = routine(
  "mmu_spte_update",
  (m: Kvm, sptep: number, lo: number, hi: number): boolean => {
    const oldLow = t.readSpteLow(m, sptep);
    const oldHigh = t.readSpteHigh(m, sptep);
    t.writeSpte(m, sptep, lo, hi);
    if (!s.is_shadow_present_pte(oldLow)) return false;
    markLost(m, oldLow, oldHigh, lo);
    const losesWrite = s.is_mmu_writable_spte(oldLow) && !s.is_writable_pte(lo);
    const losesBits =
      (s.is_accessed_spte(oldLow) && !s.is_accessed_spte(lo)) ||
      (s.is_dirty_spte(oldLow) && !s.is_dirty_spte(lo));
    if (m.kernel.flushesOnLostBits) return losesWrite || losesBits;
    return s.is_mmu_writable_spte(oldLow) && !s.is_mmu_writable_spte(lo);
  },
);

/** mmu_spte_clear_no_track(): an entry that is no leaf, or an MMIO entry. */
export const mmu_spte_clear_no_track = (m: Kvm, sptep: number): void =>
  t.writeSpte(m, sptep, 0, m.kernel.nonpresentHigh);

/** kvm_zap_all_rmap_sptes(): drops every entry of one rmap. */
export const kvm_zap_all_rmap_sptes = routine(
  "kvm_zap_all_rmap_sptes",
  (m: Kvm, headCell: number): boolean => {
    const head = m.mem[headCell] as number;
    for (const sptep of pteList(m, headCell)) mmu_spte_clear_track_bits(m, sptep);
    for (let cell = head < 0 ? -head : 0; cell !== 0;) {
      const { more } = pte_list_desc.at(m, cell);
      m.free(cell as ReturnType<Kvm["alloc"]>, KIND.pteListDesc);
      cell = more;
    }
    if (head !== 0) m.put(headCell, 0);
    return head !== 0;
  },
);

/**
 * Takes the writable bit; to shadow a table also the right to give it back. True when TLBs must be
 * flushed.
 */
function spte_write_protect(m: Kvm, sptep: number, protectsTable: boolean): boolean {
  const lo = t.readSpteLow(m, sptep);
  const isNeeded = s.is_writable_pte(lo) || (protectsTable && s.is_mmu_writable_spte(lo));
  if (!isNeeded) return false;
  const taken = s.PT_WRITABLE_MASK | (protectsTable ? s.SPTE_MMU_WRITABLE : 0);
  return mmu_spte_update(m, sptep, lo & ~taken, t.readSpteHigh(m, sptep));
}

export const rmap_write_protect = routine(
  "rmap_write_protect",
  (m: Kvm, headCell: number, protectsTable: boolean): boolean => {
    let flush = false;
    for (const sptep of pteList(m, headCell)) {
      flush = spte_write_protect(m, sptep, protectsTable) || flush;
    }
    return flush;
  },
);

/** kvm_mmu_slot_gfn_write_protect(): all entries of a gfn, from `minLevel` up. */
export const kvm_mmu_slot_gfn_write_protect = routine(
  "kvm_mmu_slot_gfn_write_protect",
  (m: Kvm, slotCell: number, gfn: number, minLevel: number): boolean => {
    const slot = memslotAt(m, slotCell);
    let isProtected = false;
    for (let level = minLevel; level <= 3; level++) {
      const head = findRmap(m, slot, gfn, level);
      if (head !== 0) isProtected = rmap_write_protect(m, head, true) || isProtected;
    }
    return isProtected;
  },
);

/**
 * kvm_mmu_write_protect_pt_masked(): 4 KiB entries of the pages of one word of a dirty bitmap lose
 * their writable bit, but not the right to get it back.
 */
export function writeProtectMasked(m: Kvm, slotCell: number, gfn: number, mask: Word): void {
  const slot = memslotAt(m, slotCell);
  for (let bit = 0; bit < 64; bit++) {
    const isAsked = hasBit(mask.lo, mask.hi, bit);
    const head = isAsked ? findRmap(m, slot, gfn + bit, 1) : 0;
    if (head !== 0) rmap_write_protect(m, head, false);
  }
}

const rangeLocals = {
  slot: ref,
  gfnStart: wide,
  gfnEnd: wide,
  level: int,
  index: wide,
  /** What came of it, or-ed over all. */
  flush: int,
} as const;

type RangeOwn = RmapCursor & { gfnStart: number; gfnEnd: number; flush: number };

/** Levels whose entries can be leafs. */
export const KVM_MAX_HUGEPAGE_LEVEL = 3;

type Visit = (head: number) => boolean;

/** One act of a walk over a range: true while there may be more. */
function walkPart(m: Kvm, own: RangeOwn, topLevel: number, visit: Visit): boolean {
  if (own.level === 0) own.level = 1;
  const { gfnStart, gfnEnd } = own;
  return visitRmaps(m, own, { gfnStart, gfnEnd, topLevel }, (head) => {
    if (visit(head)) own.flush = 1;
  });
}

/** walk_slot_rmaps() as a routine: `visit` tells whether TLBs must be flushed. */
export const walkRmaps = (
  name: string,
  topLevel: number,
  visit: (m: Kvm, head: number, slot: number) => boolean,
): SpineRoutine<typeof rangeLocals> =>
  routine(name, rangeLocals, (own, m: Kvm) => [
    loop(
      when(
        act("N5m", () => walkPart(m, own, topLevel, (head) => visit(m, head, own.slot))),
        [again],
      ),
      leave,
    ),
    done("flush"),
  ]);

/** Zaps every entry of a range of gfns. Result: 1 when there was one. */
export const __kvm_rmap_zap_gfn_range = walkRmaps(
  "__kvm_rmap_zap_gfn_range",
  KVM_MAX_HUGEPAGE_LEVEL,
  kvm_zap_all_rmap_sptes,
);

/** Takes the writable bit from every entry of a range, to see the first write to each page. */
export const slot_rmap_write_protect = walkRmaps(
  "slot_rmap_write_protect",
  KVM_MAX_HUGEPAGE_LEVEL,
  (m, head) => rmap_write_protect(m, head, false),
);

/** Whether one rmap was used; clears the marks. */
function age(m: Kvm, head: number): boolean {
  let isYoung = false;
  for (const sptep of pteList(m, head)) {
    const lo = t.readSpteLow(m, sptep);
    if (!s.is_accessed_spte(lo)) continue;
    m.put(sptep, lo & ~s.shadow_accessed_mask);
    isYoung = true;
  }
  return isYoung;
}

/** Result: 1 when an entry of the range was used since the last time. */
export const kvm_rmap_age_gfn_range = walkRmaps(
  "kvm_rmap_age_gfn_range",
  KVM_MAX_HUGEPAGE_LEVEL,
  age,
);

/** The same, changing nothing. */
export const kvm_rmap_test_age_gfn_range = walkRmaps(
  "kvm_rmap_test_age_gfn_range",
  KVM_MAX_HUGEPAGE_LEVEL,
  (m, head) => [...pteList(m, head)].some((sptep) => s.is_accessed_spte(t.readSpteLow(m, sptep))),
);
