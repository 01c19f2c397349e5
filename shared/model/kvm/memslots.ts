// Memslots: made, deleted, moved, their flags changed. Deleting or moving one tears down all of
// KVM's tables. Two address spaces share a VM's generations, so every swap of the active slots adds
// 2.
// From: virt/kvm/kvm_main.c (__kvm_set_memory_region, kvm_set_memslot, kvm_invalidate_memslot,
// kvm_swap_active_memslots, kvm_free_memslots), arch/x86/kvm/mmu/mmu.c (kvm_mmu_zap_all_fast), 6.12
// and 7.2.
import { routine } from "#shared/engine/routine";
import { int, ref, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, until, when } from "#shared/engine/words";
import { LockCode, MemslotChange } from "#shared/events/own";
import { EventId } from "#shared/events/table";
import { highHalf } from "#shared/units/halves";
import { releaseLock, takeLock } from "../host/locks.ts";
import { memslotAt } from "../lookup/memslot.ts";
import * as k from "../state/kvm.ts";
import { KIND, type Kvm } from "../state/machine.ts";
import {
  allocBitmap,
  freeBitmap,
  isDirtyTracked,
  kvm_mmu_slot_remove_write_access,
  startsSet,
} from "./dirty-log.ts";
import { kvm_mmu_zap_collapsible_sptes } from "./collapsible.ts";
import { kvm_mmu_slot_try_split_huge_pages, kvm_tdp_mmu_recover_huge_pages } from "./tdp-huge.ts";
import { kvm_arch_free_memslot } from "./slot-arch.ts";
import { changeMmuPages } from "./zap-page.ts";
import { kvm_zap_obsolete_pages } from "./zap-pages.ts";
import {
  kvm_tdp_mmu_invalidate_all_roots,
  kvm_tdp_mmu_zap_invalidated_roots,
} from "./tdp-roots.ts";

const PAGE = 4096;
const EINVAL = -22;
const EEXIST = -17;

/** KVM_SET_USER_MEMORY_REGION's argument; size 0 deletes. */
export interface MemoryRegion {
  readonly slot: number;
  readonly flags: number;
  readonly gpa: number;
  readonly size: number;
  readonly hva: number;
}

/** Cell of a slot by its number; 0 when there is none. */
export function slotById(m: Kvm, id: number): number {
  let cell: number = m.kvm.memslots;
  while (cell !== 0 && memslotAt(m, cell).id !== id) cell = memslotAt(m, cell).next;
  return cell;
}

/** Whether another slot than `except` lies in the range. */
function overlaps(m: Kvm, gfn: number, pages: number, except: number): boolean {
  for (let cell: number = m.kvm.memslots; cell !== 0; cell = memslotAt(m, cell).next) {
    const { base_gfn, npages } = memslotAt(m, cell);
    if (cell !== except && gfn < base_gfn + npages && base_gfn < gfn + pages) return true;
  }
  return false;
}

function linkSlot(m: Kvm, cell: number): void {
  const slot = memslotAt(m, cell);
  let before = 0;
  let next: number = m.kvm.memslots;
  while (next !== 0 && memslotAt(m, next).base_gfn < slot.base_gfn) {
    before = next;
    next = memslotAt(m, next).next;
  }
  slot.next = next as typeof slot.next;
  if (before === 0) m.kvm.memslots = cell as typeof m.kvm.memslots;
  else memslotAt(m, before).next = cell as typeof slot.next;
}

function unlinkSlot(m: Kvm, cell: number): void {
  const { next } = memslotAt(m, cell);
  if (m.kvm.memslots === cell) m.kvm.memslots = next;
  for (let at: number = m.kvm.memslots; at !== 0; at = memslotAt(m, at).next) {
    if (memslotAt(m, at).next === cell) memslotAt(m, at).next = next;
  }
}

function recordSlot(m: Kvm, cell: number, change: number): void {
  const { id, base_gfn, npages, userspace_addr, flags } = memslotAt(m, cell);
  const words = [base_gfn, npages, userspace_addr].flatMap((value) => [value | 0, highHalf(value)]);
  m.emitList(EventId.memslot, [id, change, ...words, flags]);
}

/** Inserts a slot that has been checked. */
export function createSlot(m: Kvm, region: MemoryRegion): void {
  const cell = m.alloc(KIND.memslot);
  const slot = memslotAt(m, cell);
  slot.id = region.slot;
  slot.flags = region.flags;
  slot.base_gfn = region.gpa / PAGE;
  slot.npages = region.size / PAGE;
  slot.userspace_addr = region.hva;
  linkSlot(m, cell);
  if (isDirtyTracked(slot)) allocBitmap(m, cell);
  m.kvm.generation += 2;
  slot.placed = m.kvm.generation;
  recordSlot(m, cell, MemslotChange.create);
  changeMmuPages(m);
}

/** What a call asks for: a change, nothing, or a negative errno. */
const NOTHING = -1000;

function classify(m: Kvm, region: MemoryRegion): number {
  const { gpa, size, hva } = region;
  if (gpa % PAGE !== 0 || size % PAGE !== 0 || hva % PAGE !== 0) return EINVAL;
  const cell = slotById(m, region.slot);
  if (size === 0) return cell === 0 ? EINVAL : MemslotChange.delete;
  const gfn = gpa / PAGE;
  if (cell === 0) return overlaps(m, gfn, size / PAGE, 0) ? EEXIST : MemslotChange.create;
  const old = memslotAt(m, cell);
  const isFixed =
    old.userspace_addr === hva &&
    old.npages === size / PAGE &&
    ((old.flags ^ region.flags) & k.KVM_MEM_READONLY) === 0;
  if (!isFixed) return EINVAL;
  if (old.base_gfn !== gfn)
    return overlaps(m, gfn, size / PAGE, cell) ? EEXIST : MemslotChange.move;
  return old.flags === region.flags ? NOTHING : MemslotChange.flags;
}

/** Front half of a fast zap: from here on no fault maps into the present roots. */
function zapFront(m: Kvm): void {
  m.emit(EventId.kvm_mmu_zap_all_fast, m.kvm.mmu_valid_gen, m.kvm.n_used_mmu_pages);
  m.kvm.mmu_valid_gen ^= 1;
  if (m.mode === "tdp") kvm_tdp_mmu_invalidate_all_roots(m);
  for (const vcpu of m.vcpus) {
    if (vcpu.created !== 0) vcpu.requests |= k.KVM_REQ_MMU_FREE_OBSOLETE_ROOTS;
  }
}

const kvm_mmu_zap_all_fast = routine("kvm_mmu_zap_all_fast", {}, (_own, m: Kvm) => [
  takeLock(m, "Z1", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
  act("Z2", () => zapFront(m)),
  call(kvm_zap_obsolete_pages),
  releaseLock(m, "Z5", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
  when(() => m.mode === "tdp", [call(kvm_tdp_mmu_zap_invalidated_roots)]),
  done(),
]);

const kvm_arch_flush_shadow_memslot = routine("kvm_arch_flush_shadow_memslot", {}, () => [
  call(kvm_mmu_zap_all_fast),
  done(),
]);

export const regionLocals = { slot: int, flags: int, gpa: wide, size: wide, hva: wide } as const;
const locals = { ...regionLocals, change: int, at: ref, before: int } as const;

/**
 * kvm_invalidate_memslot(): faults see the slot as gone from here on; it waits for running
 * invalidations.
 */
function invalidate(m: Kvm, cell: number): void {
  memslotAt(m, cell).flags |= k.KVM_MEMSLOT_INVALID;
  m.kvm.generation += 2;
  memslotAt(m, cell).placed = m.kvm.generation;
  m.kvm.srcu_period += 1;
}

/**
 * synchronize_srcu_expedited(): whether a vCPU still goes by the slots as they were published last.
 */
const hasOldReaders = (m: Kvm): boolean =>
  m.vcpus.some(({ srcu_read }) => srcu_read !== 0 && srcu_read <= m.kvm.srcu_period);

/** kvm_prepare_memory_region(): a slot that logs has a bitmap, another has none. */
function changeFlags(m: Kvm, cell: number, flags: number): void {
  memslotAt(m, cell).flags = flags;
  if (isDirtyTracked(memslotAt(m, cell))) allocBitmap(m, cell);
  else freeBitmap(m, cell);
}

/** kvm_mmu_slot_apply_flags() has nothing to do where the guest cannot write. */
const mayBeWritten = (m: Kvm, at: number): boolean =>
  (memslotAt(m, at).flags & k.KVM_MEM_READONLY) === 0;

/** Logging was switched on, and not by hand from the start. */
const startsLogging = (m: Kvm, own: { readonly at: number; readonly before: number }): boolean =>
  (own.before & k.KVM_MEM_LOG_DIRTY_PAGES) === 0 &&
  isDirtyTracked(memslotAt(m, own.at)) &&
  mayBeWritten(m, own.at) &&
  !startsSet(m);

const stopsLogging = (m: Kvm, own: { readonly at: number; readonly before: number }): boolean =>
  (own.before & k.KVM_MEM_LOG_DIRTY_PAGES) !== 0 &&
  !isDirtyTracked(memslotAt(m, own.at)) &&
  mayBeWritten(m, own.at);

function commit(
  m: Kvm,
  own: MemoryRegion & { readonly change: number; readonly at: number },
): void {
  if (own.change === MemslotChange.flags) changeFlags(m, own.at, own.flags);
  else unlinkSlot(m, own.at);
  const now = own.change === MemslotChange.move ? moved(m, own) : own.at;
  m.kvm.generation += 2;
  memslotAt(m, now).placed = m.kvm.generation;
  m.kvm.srcu_period += 1;
  recordSlot(m, now, own.change);
  if (own.change === MemslotChange.delete) changeMmuPages(m);
}

/** The slot at its new place. The old one goes when no fault can have it any more. */
function moved(m: Kvm, own: MemoryRegion & { readonly at: number }): number {
  const cell = m.alloc(KIND.memslot);
  const slot = memslotAt(m, cell);
  const old = memslotAt(m, own.at);
  slot.id = old.id;
  slot.base_gfn = own.gpa / PAGE;
  slot.npages = old.npages;
  slot.userspace_addr = old.userspace_addr;
  slot.dirty_bitmap = old.dirty_bitmap;
  old.dirty_bitmap = 0 as typeof old.dirty_bitmap;
  changeFlags(m, cell, own.flags);
  linkSlot(m, cell);
  return cell;
}

/** kvm_free_memslot(): what DELETE and MOVE have replaced. */
function freeSlot(m: Kvm, cell: number): void {
  freeBitmap(m, cell);
  kvm_arch_free_memslot(m, cell);
  m.free(cell as ReturnType<Kvm["alloc"]>, KIND.memslot);
}

/** kvm_free_memslot(): the first one goes; false when there is none. */
function freeFirstSlot(m: Kvm): boolean {
  const cell = m.kvm.memslots;
  if (cell === 0) return false;
  unlinkSlot(m, cell);
  recordSlot(m, cell, MemslotChange.delete);
  freeSlot(m, cell);
  return true;
}

/** The VM is closed: its slots go, one an act, without a change of generation. */
export const kvm_free_memslots = routine("kvm_free_memslots", {}, (_own, m: Kvm) => [
  loop(
    when(
      act("M9", () => freeFirstSlot(m)),
      [again],
    ),
    leave,
  ),
  done(),
]);

/** Result: 0, or a negative errno. */
export const kvm_set_memory_region = routine("kvm_set_memory_region", locals, (own, m: Kvm) => [
  takeLock(m, "M0", () => m.kvm.slots_lock, "write", LockCode.slots_lock),
  act("M0c", () => {
    own.change = classify(m, own);
    own.at = slotById(m, own.slot) as typeof own.at;
  }),
  when(() => own.change === MemslotChange.create, [act("M1", () => createSlot(m, own))]),
  when(
    () => own.change === MemslotChange.delete || own.change === MemslotChange.move,
    [
      act("M1i", () => invalidate(m, own.at)),
      until("M1w", () => m.kvm.mn_active_invalidate_count === 0 && !hasOldReaders(m)),
      call(kvm_arch_flush_shadow_memslot),
    ],
  ),
  when(
    () => own.change >= 0 && own.change !== MemslotChange.create,
    [
      act("M7", () => {
        own.before = memslotAt(m, own.at).flags;
        commit(m, own);
      }),
    ],
  ),
  when(
    () => own.change === MemslotChange.delete || own.change === MemslotChange.move,
    [until("M7w", () => !hasOldReaders(m)), act("M7x", () => freeSlot(m, own.at))],
  ),
  when(
    () => own.change === MemslotChange.flags,
    [
      when(
        act("M7f", () => startsLogging(m, own)),
        [
          when(() => m.mode === "tdp", [call(kvm_mmu_slot_try_split_huge_pages, { slot: "at" })]),
          call(kvm_mmu_slot_remove_write_access, { slot: "at" }),
        ],
      ),
      when(
        act("M7e", () => stopsLogging(m, own)),
        [
          when(
            () => m.mode === "tdp",
            [call(kvm_tdp_mmu_recover_huge_pages, { slot: "at" })],
            [call(kvm_mmu_zap_collapsible_sptes, { slot: "at" })],
          ),
        ],
      ),
    ],
  ),
  releaseLock(m, "M8", () => m.kvm.slots_lock, "write", LockCode.slots_lock),
  done(() => (own.change < 0 && own.change !== NOTHING ? own.change : 0)),
]);
