// MMU notifier calls as the host's memory manager makes them: before a mapping changes, and after;
// whether memory was used; and the end of KVM's listening.
// Owns nothing; what KVM does is behind the function pointers it registered.
// From: include/linux/mmu_notifier.h, mm/mmu_notifier.c (6.12, 7.2 alike).
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, call, done, when } from "#shared/engine/words";
import type { Kvm } from "../state/machine.ts";

const range = { start: wide, end: wide };

export const __mmu_notifier_invalidate_range_start = routine(
  "__mmu_notifier_invalidate_range_start",
  range,
  (_own, m: Kvm) => [
    when(() => m.mm.notifierUsers === 0, [done()]),
    call(m.mmu_notifier_ops.invalidate_range_start, { start: "start", end: "end" }),
  ],
);

export const __mmu_notifier_invalidate_range_end = routine(
  "__mmu_notifier_invalidate_range_end",
  range,
  (_own, m: Kvm) => [
    when(() => m.mm.notifierUsers === 0, [done()]),
    call(m.mmu_notifier_ops.invalidate_range_end, { start: "start", end: "end" }),
  ],
);

/** Result: 1 when a listener has used the range; the marks are cleared, and TLBs flushed. */
export const __mmu_notifier_clear_flush_young = routine(
  "__mmu_notifier_clear_flush_young",
  { ...range, young: int },
  (_own, m: Kvm) => [
    when(() => m.mm.notifierUsers === 0, [done(0)]),
    call(m.mmu_notifier_ops.clear_flush_young, { start: "start", end: "end" }, "young"),
    done("young"),
  ],
);

/** The same without a flush. */
export const __mmu_notifier_clear_young = routine(
  "__mmu_notifier_clear_young",
  { ...range, young: int },
  (_own, m: Kvm) => [
    when(() => m.mm.notifierUsers === 0, [done(0)]),
    call(m.mmu_notifier_ops.clear_young, { start: "start", end: "end" }, "young"),
    done("young"),
  ],
);

/** Changes nothing. */
export const __mmu_notifier_test_young = routine(
  "__mmu_notifier_test_young",
  { ...range, young: int },
  (_own, m: Kvm) => [
    when(() => m.mm.notifierUsers === 0, [done(0)]),
    call(m.mmu_notifier_ops.test_young, { start: "start", end: "end" }, "young"),
    done("young"),
  ],
);

/** The listener gives up all it has from this address space, and is not called again. */
export const mmu_notifier_unregister = routine("mmu_notifier_unregister", {}, (_own, m: Kvm) => [
  call(m.mmu_notifier_ops.release),
  act("N15", () => (m.mm.notifierUsers -= 1)),
  done(),
]);
