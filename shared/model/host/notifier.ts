// MMU notifier calls as the host's memory manager makes them: before a mapping changes, and after.
// Owns nothing; what KVM does is behind the function pointers it registered.
// From: include/linux/mmu_notifier.h, mm/mmu_notifier.c (6.12, 7.2 alike).
import { routine } from "#shared/engine/routine";
import { wide } from "#shared/engine/struct";
import { call, done, when } from "#shared/engine/words";
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
