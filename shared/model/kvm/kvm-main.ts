// The VM as a whole: memslots, and KVM's side of the MMU notifier. The notifier raises in_progress
// and zaps before the host changes a mapping, and moves the sequence afterwards.
// From: virt/kvm/kvm_main.c (kvm_mmu_notifier_invalidate_range_start and _end,
// kvm_set_memory_region), arch/x86/kvm/mmu/mmu.c (kvm_unmap_gfn_range), 6.12 and 7.2.
import { assertHeld } from "#shared/engine/locks";
import { routine } from "#shared/engine/routine";
import { int, ref, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, set, when } from "#shared/engine/words";
import { LockCode, MemslotChange, TlbScope } from "#shared/events/own";
import { EventId } from "#shared/events/table";
import { highHalf } from "#shared/units/halves";
import { flushTlb } from "../guest/tlb.ts";
import { releaseLock, takeLock } from "../host/locks.ts";
import { memslotAt, type Memslot } from "../lookup/memslot.ts";
import { kvm_mmu_page } from "../state/kvm.ts";
import { KIND, type Kvm, type MmuNotifierOps } from "../state/machine.ts";
import { tdp_mmu_zap_leafs } from "./tdp-mmu.ts";

const PAGE = 4096;
const EINVAL = -22;
const EEXIST = -17;

/**
 * First and one-past-last gfn of a slot that a range of host addresses covers; null when it covers
 * none.
 */
function coveredGfns(
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
function nextCovered(m: Kvm, after: number, start: number, end: number): number {
  let cell: number = after === 0 ? m.kvm.memslots : memslotAt(m, after).next;
  while (cell !== 0 && coveredGfns(memslotAt(m, cell), start, end) === null)
    cell = memslotAt(m, cell).next;
  return cell;
}

/** kvm_mmu_invalidate_begin() and range_add(): lookups that start now must not be mapped. */
function beginInvalidation(m: Kvm, isFirst: boolean, from: number, to: number): void {
  assertHeld(m, m.kvm.mmu_lock, "write");
  const { kvm } = m;
  if (isFirst) kvm.mmu_invalidate_in_progress += 1;
  const isOnly = isFirst && kvm.mmu_invalidate_in_progress === 1;
  kvm.mmu_invalidate_range_start = isOnly ? from : Math.min(kvm.mmu_invalidate_range_start, from);
  kvm.mmu_invalidate_range_end = isOnly ? to : Math.max(kvm.mmu_invalidate_range_end, to);
}

const kvm_make_all_cpus_request = routine("kvm_make_all_cpus_request", (m: Kvm): void => {
  for (const [id, vcpu] of m.vcpus.entries()) if (vcpu.created !== 0) flushTlb(m, id, TlbScope.all);
});

export const kvm_flush_remote_tlbs = routine("kvm_flush_remote_tlbs", (m: Kvm): void =>
  kvm_make_all_cpus_request(m),
);

const unmapLocals = { from: wide, to: wide, flush: int, root: ref } as const;

/** Every root, newest first. */
const kvm_tdp_mmu_unmap_gfn_range = routine(
  "kvm_tdp_mmu_unmap_gfn_range",
  unmapLocals,
  (own, m: Kvm) => [
    act("N5r", () => (own.root = m.kvm.tdp_mmu_roots)),
    loop(
      when(() => own.root === 0, [leave]),
      call(tdp_mmu_zap_leafs, { root: "root", start: "from", end: "to", flush: "flush" }, "flush"),
      act("N5n", () => (own.root = kvm_mmu_page.at(m, own.root).nextRoot)),
      again,
    ),
    done("flush"),
  ],
);

const kvm_unmap_gfn_range = routine("kvm_unmap_gfn_range", unmapLocals, () => [
  call(kvm_tdp_mmu_unmap_gfn_range, { from: "from", to: "to", flush: "flush" }, "flush"),
  done("flush"),
]);

const rangeLocals = { start: wide, end: wide } as const;
const startLocals = {
  ...rangeLocals,
  slot: ref,
  from: wide,
  to: wide,
  flush: int,
  locked: int,
} as const;
type StartOwn = {
  start: number;
  end: number;
  slot: number;
  from: number;
  to: number;
  locked: number;
};

function recordNotifier(m: Kvm, event: number, own: { start: number; end: number }): void {
  const { start, end } = own;
  const { mmu_invalidate_in_progress, mmu_invalidate_seq } = m.kvm;
  m.emit(
    event,
    start,
    highHalf(start),
    end,
    highHalf(end),
    mmu_invalidate_in_progress,
    mmu_invalidate_seq,
  );
}

function beginSlot(m: Kvm, own: StartOwn): void {
  const gfns = coveredGfns(memslotAt(m, own.slot), own.start, own.end);
  if (gfns === null) return;
  own.from = gfns.from;
  own.to = gfns.to;
  beginInvalidation(m, own.locked === 0, own.from, own.to);
  own.locked = 1;
  recordNotifier(m, EventId.notifierStart, own);
}

const kvm_mmu_notifier_invalidate_range_start = routine(
  "kvm_mmu_notifier_invalidate_range_start",
  startLocals,
  (own, m: Kvm) => [
    act("N1", () => {
      const { start, end } = own;
      m.emit(EventId.kvm_unmap_hva_range, start, highHalf(start), end, highHalf(end));
      m.kvm.mn_active_invalidate_count += 1;
      own.slot = nextCovered(m, 0, start, end) as typeof own.slot;
    }),
    when(() => own.slot === 0, [done()]),
    takeLock(m, "N3", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
    loop(
      act("N4", () => beginSlot(m, own)),
      call(kvm_unmap_gfn_range, { from: "from", to: "to", flush: "flush" }, "flush"),
      act(
        "N5x",
        () => (own.slot = nextCovered(m, own.slot, own.start, own.end) as typeof own.slot),
      ),
      when(() => own.slot === 0, [leave]),
      again,
    ),
    when(() => own.flush !== 0, [act("N6", () => kvm_flush_remote_tlbs(m))]),
    releaseLock(m, "N7", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
    done(),
  ],
);

const kvm_mmu_invalidate_end = routine("kvm_mmu_invalidate_end", (m: Kvm): void => {
  assertHeld(m, m.kvm.mmu_lock, "write");
  m.kvm.mmu_invalidate_seq += 1;
});

const kvm_mmu_notifier_invalidate_range_end = routine(
  "kvm_mmu_notifier_invalidate_range_end",
  { ...rangeLocals, hit: int },
  (own, m: Kvm) => [
    act("N10s", () => (own.hit = nextCovered(m, 0, own.start, own.end))),
    when(
      () => own.hit !== 0,
      [
        takeLock(m, "N10", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
        act("N11", () => kvm_mmu_invalidate_end(m)),
        act("N12", () => {
          m.kvm.mmu_invalidate_in_progress -= 1;
          recordNotifier(m, EventId.notifierEnd, own);
        }),
        releaseLock(m, "N13", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
      ],
    ),
    act("N14", () => (m.kvm.mn_active_invalidate_count -= 1)),
    set("hit", 0),
    done(),
  ],
);

export const KVM_NOTIFIER_OPS: MmuNotifierOps = {
  invalidate_range_start:
    kvm_mmu_notifier_invalidate_range_start as unknown as MmuNotifierOps["invalidate_range_start"],
  invalidate_range_end:
    kvm_mmu_notifier_invalidate_range_end as unknown as MmuNotifierOps["invalidate_range_end"],
};

/** KVM_SET_USER_MEMORY_REGION's argument. */
export interface MemoryRegion {
  readonly slot: number;
  readonly flags: number;
  readonly gpa: number;
  readonly size: number;
  readonly hva: number;
}

function checkRegion(m: Kvm, region: MemoryRegion): number {
  const { gpa, size, hva } = region;
  if (size <= 0 || (gpa | 0) % PAGE !== 0 || size % PAGE !== 0 || hva % PAGE !== 0) return EINVAL;
  for (let cell: number = m.kvm.memslots; cell !== 0; cell = memslotAt(m, cell).next) {
    const slot = memslotAt(m, cell);
    if (slot.id === region.slot) return EEXIST;
    const from = slot.base_gfn * PAGE;
    if (gpa < from + slot.npages * PAGE && from < gpa + size) return EEXIST;
  }
  return 0;
}

function insertSlot(m: Kvm, region: MemoryRegion): void {
  const cell = m.alloc(KIND.memslot);
  const slot = memslotAt(m, cell);
  slot.id = region.slot;
  slot.flags = region.flags;
  slot.base_gfn = region.gpa / PAGE;
  slot.npages = region.size / PAGE;
  slot.userspace_addr = region.hva;
  let before = 0;
  let next: number = m.kvm.memslots;
  while (next !== 0 && memslotAt(m, next).base_gfn < slot.base_gfn) {
    before = next;
    next = memslotAt(m, next).next;
  }
  slot.next = next as typeof slot.next;
  if (before === 0) m.kvm.memslots = cell;
  else memslotAt(m, before).next = cell;
}

/** Creates a slot: 0 or a negative errno. */
export const kvm_set_memory_region = routine(
  "kvm_set_memory_region",
  (m: Kvm, region: MemoryRegion): number => {
    const error = checkRegion(m, region);
    if (error !== 0) return error;
    insertSlot(m, region);
    m.kvm.generation += 2;
    const gfn = region.gpa / PAGE;
    const pages = region.size / PAGE;
    m.emit(
      EventId.memslot,
      region.slot,
      MemslotChange.create,
      gfn,
      highHalf(gfn),
      pages,
      highHalf(pages),
      region.hva,
      highHalf(region.hva),
      region.flags,
    );
    return 0;
  },
);
