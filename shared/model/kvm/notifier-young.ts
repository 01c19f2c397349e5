// KVM's answer to the host's question whether memory was used: accessed bits of all entries of a
// range of addresses, read or cleared. 6.12 takes mmu_lock for writing once a slot is in the range;
// 7.x takes none and never flushes TLBs.
// From: virt/kvm/kvm_main.c (kvm_mmu_notifier_clear_flush_young, kvm_mmu_notifier_clear_young,
// kvm_mmu_notifier_test_young), arch/x86/kvm/mmu/mmu.c (kvm_age_gfn, kvm_test_age_gfn), 6.12 and
// 7.2.
import { routine, type SpineRoutine } from "#shared/engine/routine";
import { int, ref, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, set, when } from "#shared/engine/words";
import { LockCode } from "#shared/events/own";
import { EventId } from "#shared/events/table";
import { highHalf } from "#shared/units/halves";
import { releaseLock, takeLock } from "../host/locks.ts";
import { memslotAt } from "../lookup/memslot.ts";
import type { Kvm, RangeLocals } from "../state/machine.ts";
import { kvm_flush_remote_tlbs } from "./flush.ts";
import { coveredGfns, nextCovered } from "./hva-range.ts";
import { kvm_rmap_age_gfn_range, kvm_rmap_test_age_gfn_range } from "./rmap.ts";
import { kvm_tdp_mmu_age_gfn_range, kvm_tdp_mmu_test_age_gfn } from "./tdp-age.ts";

const gfnLocals = { slot: ref, from: wide, to: wide, young: int } as const;
type AgeGfn = SpineRoutine<typeof gfnLocals>;

/** Entries are found by the tables in mode tdp, by their rmaps in the others. */
const ageGfn = (
  name: string,
  inTables: typeof kvm_tdp_mmu_age_gfn_range,
  byRmaps: typeof kvm_rmap_age_gfn_range,
): AgeGfn =>
  routine(name, gfnLocals, (_own, m: Kvm) => [
    when(
      () => m.mode === "tdp",
      [call(inTables, { from: "from", to: "to" }, "young")],
      [call(byRmaps, { slot: "slot", gfnStart: "from", gfnEnd: "to" }, "young")],
    ),
    done("young"),
  ]);

const kvm_age_gfn = ageGfn("kvm_age_gfn", kvm_tdp_mmu_age_gfn_range, kvm_rmap_age_gfn_range);
const kvm_test_age_gfn = ageGfn(
  "kvm_test_age_gfn",
  kvm_tdp_mmu_test_age_gfn,
  kvm_rmap_test_age_gfn_range,
);

const youngLocals = { start: wide, end: wide, ...gfnLocals, r: int } as const;
type YoungOwn = { start: number; end: number; slot: number; from: number; to: number };

/** The gfns of the slot that the walk has come to. */
function setGfns(m: Kvm, own: YoungOwn): void {
  const gfns = coveredGfns(memslotAt(m, own.slot), own.start, own.end);
  own.from = gfns?.from ?? 0;
  own.to = gfns?.to ?? 0;
}

/** How one callback goes about it. */
interface Callback {
  readonly record: (m: Kvm, start: number, end: number) => void;
  readonly ageSlot: AgeGfn;
  /** Old kernels flush TLBs when something was young. */
  readonly flushesYoung: boolean;
}

/** Result: 1 when one of the range's pages was used. */
const callback = (name: string, of: Callback): SpineRoutine<RangeLocals> =>
  routine(name, youngLocals, (own, m: Kvm) => [
    act("A0", () => {
      of.record(m, own.start, own.end);
      own.slot = nextCovered(m, 0, own.start, own.end) as typeof own.slot;
    }),
    when(() => own.slot === 0, [done(0)]),
    when(
      () => !m.kernel.agesWithoutLock,
      [takeLock(m, "A0l", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock)],
    ),
    loop(
      act("A0g", () => setGfns(m, own)),
      call(of.ageSlot, { slot: "slot", from: "from", to: "to" }, "r"),
      set("young", () => own.young | own.r),
      act("A0x", () => {
        own.slot = nextCovered(m, own.slot, own.start, own.end) as typeof own.slot;
      }),
      when(() => own.slot === 0, [leave]),
      again,
    ),
    when(
      () => !m.kernel.agesWithoutLock,
      [
        when(() => of.flushesYoung && own.young !== 0, [act("A3", () => kvm_flush_remote_tlbs(m))]),
        releaseLock(m, "A4", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
      ],
    ),
    done("young"),
  ]) as unknown as SpineRoutine<RangeLocals>;

function recordAge(m: Kvm, start: number, end: number): void {
  m.emit(EventId.kvm_age_hva, start, highHalf(start), end, highHalf(end));
}

function recordTest(m: Kvm, hva: number): void {
  m.emit(EventId.kvm_test_age_hva, hva, highHalf(hva));
}

export const kvm_mmu_notifier_clear_flush_young = callback("kvm_mmu_notifier_clear_flush_young", {
  record: recordAge,
  ageSlot: kvm_age_gfn,
  flushesYoung: true,
});

export const kvm_mmu_notifier_clear_young = callback("kvm_mmu_notifier_clear_young", {
  record: recordAge,
  ageSlot: kvm_age_gfn,
  flushesYoung: false,
});

/** `end` is the next address: one page is asked about. */
export const kvm_mmu_notifier_test_young = callback("kvm_mmu_notifier_test_young", {
  record: recordTest,
  ageSlot: kvm_test_age_gfn,
  flushesYoung: false,
});
