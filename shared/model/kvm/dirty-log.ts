// Dirty logging: which pages of a slot were written since user space last asked. Writes are caught
// by taking W away. Owns the bitmaps: 64 pages a word, in a sparse tree; pages that were never
// dirty cost nothing.
// From: virt/kvm/kvm_main.c (kvm_get_dirty_log_protect, kvm_clear_dirty_log_protect,
// mark_page_dirty_in_slot), arch/x86/kvm/mmu/mmu.c (kvm_mmu_slot_remove_write_access), tdp_mmu.c
// (clear_dirty_pt_masked, wrprot_gfn_range).
import { assertHeld } from "#shared/engine/locks";
import { routine } from "#shared/engine/routine";
import { int, local, ref, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, when } from "#shared/engine/words";
import { LockCode, TlbScope } from "#shared/events/own";
import { EventId } from "#shared/events/table";
import { frameIndex } from "#shared/units/address";
import { highHalf, type Word } from "#shared/units/halves";
import { flushTlb } from "../guest/tlb.ts";
import { releaseLock, takeLock } from "../host/locks.ts";
import { kvm_vcpu_gfn_to_memslot, memslotAt, type Memslot } from "../lookup/memslot.ts";
import { kvm_set_pfn_dirty } from "../lookup/v0-legacy.ts";
import * as k from "../state/kvm.ts";
import { tdp_iter } from "../state/kvm.ts";
import { KIND, type Kvm } from "../state/machine.ts";
import * as t from "../state/tables.ts";
import {
  kvm_mmu_slot_gfn_write_protect,
  slot_rmap_write_protect,
  writeProtectMasked,
} from "./rmap.ts";
import * as s from "./spte.ts";
import { tdp_iter_next, tdp_iter_start, type TdpIter } from "./tdp-iter.ts";
import { splitUnderWriteLock } from "./tdp-huge.ts";
import { nextValidRoot, tdpRoots } from "./tdp-roots.ts";
import { tdp_mmu_set_spte_atomic } from "./tdp-set-spte.ts";

/** Nodes from a bitmap's root to its words: enough for 2^24 pages. */
const DEPTH = 2;
const BITS = 64;

export const isDirtyTracked = (slot: Memslot): boolean =>
  (slot.flags & k.KVM_MEM_LOG_DIRTY_PAGES) !== 0;

/** Cell of the word that holds a page's bit; 0 when there is none and `isMade` is false. */
function wordCell(m: Kvm, slot: Memslot, word: number, isMade: boolean): number {
  let node: number = slot.dirty_bitmap;
  if (node === 0) return 0;
  for (let depth = DEPTH; depth > 1; depth--) {
    const cell = node + frameIndex(word, depth) * 2;
    if (m.mem[cell] === 0) {
      if (!isMade) return 0;
      m.put(cell, m.alloc(KIND.slotArray));
    }
    node = m.mem[cell] as number;
  }
  return node + frameIndex(word, 1) * 2;
}

/** mark_page_dirty_in_slot() */
export const mark_page_dirty_in_slot = routine(
  "mark_page_dirty_in_slot",
  (m: Kvm, cell: number, gfn: number): void => {
    if (cell === 0 || !isDirtyTracked(memslotAt(m, cell))) return;
    const slot = memslotAt(m, cell);
    const page = gfn - slot.base_gfn;
    const word = wordCell(m, slot, Math.floor(page / BITS), true);
    const bit = page % BITS;
    const half = word + (bit < 32 ? 0 : 1);
    if (word !== 0) m.put(half, (m.mem[half] as number) | (1 << (bit & 31)));
  },
);

/** For a store that KVM itself makes to the guest's memory. */
export const kvm_vcpu_mark_page_dirty = routine(
  "kvm_vcpu_mark_page_dirty",
  (m: Kvm, gfn: number): void => mark_page_dirty_in_slot(m, kvm_vcpu_gfn_to_memslot(m, gfn), gfn),
);

/** kvm_alloc_dirty_bitmap(); all ones when the VM protects by hand and starts so. */
export function allocBitmap(m: Kvm, cell: number): void {
  const slot = memslotAt(m, cell);
  if (slot.dirty_bitmap !== 0) return;
  slot.dirty_bitmap = m.alloc(KIND.slotArray);
  if (!startsSet(m)) return;
  for (let page = 0; page < slot.npages; page++)
    mark_page_dirty_in_slot(m, cell, slot.base_gfn + page);
}

export function freeBitmap(m: Kvm, cell: number): void {
  const slot = memslotAt(m, cell);
  if (slot.dirty_bitmap === 0) return;
  for (let i = 0; i < 512; i++) {
    const node = m.mem[slot.dirty_bitmap + i * 2] as number;
    if (node !== 0) m.free(node as ReturnType<Kvm["alloc"]>, KIND.slotArray);
  }
  m.free(slot.dirty_bitmap, KIND.slotArray);
  slot.dirty_bitmap = 0 as typeof slot.dirty_bitmap;
}

/** KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2: enabled, and with all bits set from the start. */
const MANUAL = 1;
const INITIALLY_SET = 2;
export const protectsByHand = (m: Kvm): boolean => (m.kvm.manual_dirty_log_protect & MANUAL) !== 0;
export const startsSet = (m: Kvm): boolean =>
  (m.kvm.manual_dirty_log_protect & INITIALLY_SET) !== 0;

/** tdp_mmu_clear_spte_bits(): takes W away and records the change. */
function recordChange(m: Kvm, iter: TdpIter, lo: number, hi: number): void {
  const { gfn, level, old_spte } = iter;
  m.emit(
    EventId.kvm_tdp_mmu_spte_changed,
    0,
    gfn,
    highHalf(gfn),
    level,
    old_spte.lo,
    old_spte.hi,
    lo,
    hi,
  );
}

/** clear_dirty_pt_masked(): the entries of one word's pages. mmu_lock is held for writing. */
function clear_dirty_pt_masked(
  m: Kvm,
  iter: TdpIter,
  root: number,
  first: number,
  lo: number,
  hi: number,
): void {
  assertHeld(m, m.kvm.mmu_lock, "write");
  tdp_iter_start(m, iter, root, 1, first);
  for (; iter.valid && iter.gfn < first + BITS; tdp_iter_next(m, iter)) {
    const { lo: old, hi: oldHigh } = iter.old_spte;
    const bit = iter.gfn - first;
    const isLeaf = s.is_shadow_present_pte(old) && s.is_last_spte(old, iter.level);
    if (!isLeaf || iter.level > 1 || bit < 0) continue;
    const isAsked = (((bit < 32 ? lo : hi) >>> (bit & 31)) & 1) === 1;
    if (!isAsked || !s.is_writable_pte(old)) continue;
    t.writeSpte(m, iter.sptep, old & ~s.PT_WRITABLE_MASK, oldHigh);
    recordChange(m, iter, old & ~s.PT_WRITABLE_MASK, oldHigh);
    if (m.lookup.marksPagesAtZap && m.kernel.marksDirtyAtLogClear)
      kvm_set_pfn_dirty(m, s.spte_to_pfn(old, oldHigh));
  }
}

const lowestBit = ({ lo, hi }: Word): number =>
  lo !== 0 ? 31 - Math.clz32(lo & -lo) : 63 - Math.clz32(hi & -hi);
const highestBit = ({ lo, hi }: Word): number =>
  hi !== 0 ? 63 - Math.clz32(hi) : 31 - Math.clz32(lo);

/** kvm_arch_mmu_enable_log_dirty_pt_masked(), for one word of the bitmap. */
function protectWord(m: Kvm, iter: TdpIter, first: number, mask: Word): void {
  const start = first + lowestBit(mask);
  const end = first + highestBit(mask) + 1;
  for (const root of tdpRoots(m)) {
    if (root.isInvalid !== 0) continue;
    // With all bits set from the start, huge pages were left whole until now.
    if (startsSet(m)) splitUnderWriteLock(m, iter, root.cell, start, end);
    clear_dirty_pt_masked(m, iter, root.cell, first, mask.lo, mask.hi);
  }
}

/** The first boundary of a huge page that is not below a gfn. */
const alignedUp = (gfn: number): number => Math.ceil(gfn / PAGES_PER_HUGE);
const PAGES_PER_HUGE = 512;

/**
 * The same where entries have rmaps; with all bits set from the start, huge entries were not
 * protected yet.
 */
function protectByRmaps(m: Kvm, slot: number, first: number, mask: Word): void {
  if (startsSet(m)) {
    const start = first + lowestBit(mask);
    const end = first + highestBit(mask);
    kvm_mmu_slot_gfn_write_protect(m, slot, start, 2);
    // The kernel's test, which takes a page right on the boundary for one before it.
    if (alignedUp(start) !== alignedUp(end)) kvm_mmu_slot_gfn_write_protect(m, slot, end, 2);
  }
  writeProtectMasked(m, slot, first, mask);
}

/** Pages and words of one call: cell of the slot, next word, one past the last, pages seen. */
const logLocals = {
  slot: ref,
  word: int,
  end: int,
  count: int,
  protect: int,
  first: int,
  iter: local(tdp_iter),
} as const;
interface LogOwn {
  slot: number;
  word: number;
  end: number;
  count: number;
  protect: number;
  iter: TdpIter;
}

/** As many pages as the lab prints. */
const SHOWN = 40;

function recordPages(m: Kvm, own: LogOwn, lo: number, hi: number): void {
  const { id } = memslotAt(m, own.slot);
  for (let bit = 0; bit < BITS; bit++) {
    if ((((bit < 32 ? lo : hi) >>> (bit & 31)) & 1) === 0) continue;
    const page = own.word * BITS + bit;
    if (own.count < SHOWN) m.emit(EventId.dirtyPage, id, page, highHalf(page));
    own.count += 1;
  }
}

/**
 * One word: reads it for user space, and unless that is left to it, clears it and protects its
 * pages.
 */
function getWord(m: Kvm, own: LogOwn): void {
  const slot = memslotAt(m, own.slot);
  const cell = wordCell(m, slot, own.word, false);
  const lo = cell === 0 ? 0 : (m.mem[cell] as number);
  const hi = cell === 0 ? 0 : (m.mem[cell + 1] as number);
  if ((lo | hi) !== 0) {
    recordPages(m, own, lo, hi);
    if (own.protect !== 0) clearWord(m, own, slot, cell, lo, hi);
  }
  own.word += 1;
}

function clearWord(m: Kvm, own: LogOwn, slot: Memslot, cell: number, lo: number, hi: number): void {
  m.put(cell, 0);
  m.put(cell + 1, 0);
  const first = slot.base_gfn + own.word * BITS;
  if (m.mode === "tdp") protectWord(m, own.iter, first, { lo, hi });
  else protectByRmaps(m, own.slot, first, { lo, hi });
}

function flushAll(m: Kvm): void {
  for (const [id, vcpu] of m.vcpus.entries()) if (vcpu.created !== 0) flushTlb(m, id, TlbScope.all);
}

/** KVM_GET_DIRTY_LOG. Result: how many pages are dirty. */
export const kvm_get_dirty_log_protect = routine(
  "kvm_get_dirty_log_protect",
  logLocals,
  (own, m: Kvm) => [
    act("D0", () => {
      own.end = Math.ceil(memslotAt(m, own.slot).npages / BITS);
      own.protect = protectsByHand(m) ? 0 : 1;
    }),
    takeLock(m, "D1", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
    loop(
      when(() => own.word >= own.end, [leave]),
      act("D2", () => getWord(m, own)),
      again,
    ),
    releaseLock(m, "D2u", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
    act("D3", () => flushAll(m)),
    done("count"),
  ],
);

/** One word of a clear, all of whose bits are given. */
function clearGivenWord(m: Kvm, own: LogOwn): void {
  const slot = memslotAt(m, own.slot);
  const cell = wordCell(m, slot, own.word, false);
  const lo = cell === 0 ? 0 : (m.mem[cell] as number);
  const hi = cell === 0 ? 0 : (m.mem[cell + 1] as number);
  if ((lo | hi) !== 0) clearWord(m, own, slot, cell, lo, hi);
  own.word += 1;
}

/** KVM_CLEAR_DIRTY_LOG for words [word, end). */
export const kvm_clear_dirty_log_protect = routine(
  "kvm_clear_dirty_log_protect",
  logLocals,
  (own, m: Kvm) => [
    takeLock(m, "D1", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
    loop(
      when(() => own.word >= own.end, [leave]),
      act("D2", () => clearGivenWord(m, own)),
      again,
    ),
    releaseLock(m, "D2u", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
    act("D3", () => flushAll(m)),
    done(0),
  ],
);

const rangeLocals = { root: ref, start: wide, end: wide, iter: local(tdp_iter) } as const;

/**
 * wrprot_gfn_range(): every leaf that is writable loses W; an exchange that is lost is tried again.
 */
function wrprotEntry(m: Kvm, own: { iter: TdpIter }): void {
  const { iter } = own;
  const { lo, hi } = iter.old_spte;
  const isWanted =
    s.is_shadow_present_pte(lo) && s.is_last_spte(lo, iter.level) && s.is_writable_pte(lo);
  if (isWanted && !tdp_mmu_set_spte_atomic(m, iter, lo & ~s.PT_WRITABLE_MASK, hi)) return;
  tdp_iter_next(m, iter);
}

const wrprot_gfn_range = routine("wrprot_gfn_range", rangeLocals, (own, m: Kvm) => [
  act("W1", () => {
    m.kvm.rcu.enter();
    tdp_iter_start(m, own.iter, own.root, 1, own.start);
  }),
  loop(
    when(() => !own.iter.valid || own.iter.gfn >= own.end, [leave]),
    act("W2", () => wrprotEntry(m, own)),
    again,
  ),
  act("W3", () => m.kvm.rcu.leave()),
  done(),
]);

/**
 * kvm_mmu_slot_remove_write_access(): from here on every first write to a page of the slot is seen.
 */
export const kvm_mmu_slot_remove_write_access = routine(
  "kvm_mmu_slot_remove_write_access",
  { slot: ref, root: ref, start: wide, end: wide },
  (own, m: Kvm) => [
    when(
      () => m.mode !== "tdp",
      [
        takeLock(m, "W6", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
        act("W7s", () => {
          own.start = memslotAt(m, own.slot).base_gfn;
          own.end = own.start + memslotAt(m, own.slot).npages;
        }),
        call(slot_rmap_write_protect, { slot: "slot", gfnStart: "start", gfnEnd: "end" }),
        releaseLock(m, "W8", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
        act("W9", () => flushAll(m)),
        done(),
      ],
    ),
    takeLock(m, "W0", () => m.kvm.mmu_lock, "read", LockCode.mmu_lock),
    loop(
      act("W0r", () => {
        const slot = memslotAt(m, own.slot);
        own.start = slot.base_gfn;
        own.end = slot.base_gfn + slot.npages;
        own.root = nextValidRoot(m, own.root) as typeof own.root;
      }),
      when(() => own.root === 0, [leave]),
      call(wrprot_gfn_range, { root: "root", start: "start", end: "end" }),
      again,
    ),
    releaseLock(m, "W4", () => m.kvm.mmu_lock, "read", LockCode.mmu_lock),
    act("W5", () => flushAll(m)),
    done(),
  ],
);
