// The VM as a whole: memslots, and KVM's side of the MMU notifier. The notifier raises in_progress
// and zaps before the host changes a mapping, and moves the sequence afterwards.
// From: virt/kvm/kvm_main.c (kvm_mmu_notifier_invalidate_range_start and _end,
// kvm_set_memory_region), arch/x86/kvm/mmu/mmu.c (kvm_unmap_gfn_range), 6.12 and 7.2.
import { assertHeld } from "#shared/engine/locks";
import { routine } from "#shared/engine/routine";
import { int, ref, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, set, when } from "#shared/engine/words";
import { LockCode } from "#shared/events/own";
import { EventId } from "#shared/events/table";
import { highHalf } from "#shared/units/halves";
import { releaseLock, takeLock } from "../host/locks.ts";
import { memslotAt } from "../lookup/memslot.ts";
import { kvm_mmu_page } from "../state/kvm.ts";
import type { Kvm, MmuNotifierOps } from "../state/machine.ts";
import { kvm_mmu_notifier_release } from "./destroy.ts";
import { kvm_flush_remote_tlbs } from "./flush.ts";
import { coveredGfns, nextCovered } from "./hva-range.ts";
import {
  kvm_mmu_notifier_clear_flush_young,
  kvm_mmu_notifier_clear_young,
  kvm_mmu_notifier_test_young,
} from "./notifier-young.ts";
import { __kvm_rmap_zap_gfn_range } from "./rmap.ts";
import { tdp_mmu_zap_leafs } from "./tdp-mmu.ts";

/** kvm_mmu_invalidate_begin() and range_add(): lookups that start now must not be mapped. */
function beginInvalidation(m: Kvm, isFirst: boolean, from: number, to: number): void {
  assertHeld(m, m.kvm.mmu_lock, "write");
  const { kvm } = m;
  if (isFirst) kvm.mmu_invalidate_in_progress += 1;
  const isOnly = isFirst && kvm.mmu_invalidate_in_progress === 1;
  kvm.mmu_invalidate_range_start = isOnly ? from : Math.min(kvm.mmu_invalidate_range_start, from);
  kvm.mmu_invalidate_range_end = isOnly ? to : Math.max(kvm.mmu_invalidate_range_end, to);
}

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

/** Entries are found by the tables in mode tdp, by their rmaps in the others. */
const kvm_unmap_gfn_range = routine(
  "kvm_unmap_gfn_range",
  { ...unmapLocals, slot: ref },
  (_own, m: Kvm) => [
    when(
      () => m.mode === "tdp",
      [call(kvm_tdp_mmu_unmap_gfn_range, { from: "from", to: "to", flush: "flush" }, "flush")],
      [
        call(
          __kvm_rmap_zap_gfn_range,
          { slot: "slot", gfnStart: "from", gfnEnd: "to", flush: "flush" },
          "flush",
        ),
      ],
    ),
    done("flush"),
  ],
);

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
  if (!m.kernel.invalidatesByAddress) beginInvalidation(m, own.locked === 0, own.from, own.to);
  else if (own.locked === 0) beginInvalidation(m, true, own.start, own.end);
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
      call(kvm_unmap_gfn_range, { slot: "slot", from: "from", to: "to", flush: "flush" }, "flush"),
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
  clear_flush_young: kvm_mmu_notifier_clear_flush_young,
  clear_young: kvm_mmu_notifier_clear_young,
  test_young: kvm_mmu_notifier_test_young,
  release: kvm_mmu_notifier_release,
};
