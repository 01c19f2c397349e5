// Which lines of a trace belong to the plan: not the VMM's own memory, not background threads.
// Owns the filters; both sides of a comparison pass through the first.
// From: the trace files' notes on noise and on what varies between runs.
import { joinHalves } from "#shared/units/halves";
import { EVENTS } from "#shared/events/table";
import type { LineHead } from "#shared/events/trace-line";

/** The lab's mappings lie in this range; what the VMM maps for itself lies outside. */
const LAB_START = 0x7d00_0000_0000;
const LAB_END = 0x7f00_0000_0000;
const RANGE_EVENTS: ReadonlySet<number> = new Set([
  EVENTS.kvm_unmap_hva_range.id,
  EVENTS.kvm_age_hva.id,
  EVENTS.kvm_test_age_hva.id,
]);

/** True for a notifier call on memory that no plan can name. The address is the first field. */
export function isForeignRange(id: number, cells: Int32Array): boolean {
  if (!RANGE_EVENTS.has(id)) return false;
  const start = joinHalves(cells[0] ?? 0, cells[1] ?? 0);
  return start < LAB_START || start >= LAB_END;
}

/** Kernel threads whose work a verb asks for; all other threads but the VMM's are background. */
const HELPERS = [
  { comm: "ksmd", verb: /\b(ksm|mergeable|unmergeable|sleep)\b/ },
  { comm: "kswapd", verb: /\b(pageout|swapon|sleep)\b/ },
  { comm: "khugepaged", verb: /\b(collapse|hugepage)\b/ },
  { comm: "kcompactd", verb: /\bmigrate\b/ },
] as const;

/** True for a line of a thread that has nothing to do with the plan's line. */
export function isBackground(head: LineHead, planLine: string): boolean {
  if (head.comm === "vmm") return false;
  const helper = HELPERS.find((entry) => head.comm.startsWith(entry.comm));
  return helper === undefined || !helper.verb.test(planLine);
}

/**
 * The real trace's events without those that an interrupt of the host repeats: it ends the entry in
 * which the guest takes an exception, so KVM tells of the exception once more at the next entry. Of
 * runs of one plan some have such a line right behind the other, and some have not.
 */
export function withoutInterrupted<R extends { id: number; cells: Int32Array }>(
  records: readonly R[],
): readonly R[] {
  return records.filter((record, index) => {
    const before = records[index - 1];
    const isAgain = record.id === INJECTED.id && record.cells[REINJECTED] !== 0;
    return !isAgain || before?.id !== record.id || !isSameException(before.cells, record.cells);
  });
}

const INJECTED = EVENTS.kvm_inj_exception;
const REINJECTED = INJECTED.slots.find((slot) => slot.name === "reinjected")?.at ?? 0;
const isSameException = (a: Int32Array, b: Int32Array): boolean =>
  a.every((cell, index) => index === REINJECTED || cell === b[index]);
