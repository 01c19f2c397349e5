// RESULT marks: how a step ended, in the shapes that the lab prints.
// Owns nothing; a step emits exactly one, a faulty line "plan-error".
// From: the lab's agent (go, rc, verb).
import { ResultForm } from "#shared/events/lab";
import { EventId } from "#shared/events/table";
import { highHalf } from "#shared/units/halves";
import type { Kvm } from "../state/machine.ts";

export function emitResult(m: Kvm, form: number, lo = 0, hi = 0, second = 0): void {
  m.emit(EventId.labResult, form, lo, hi, second, second < 0 ? -1 : 0, 0, 0, 0, 0, 0);
}

/** `host ok` or `host errno=n` of a system call's result. */
export function emitHostResult(m: Kvm, r: number): void {
  if (r < 0) emitResult(m, ResultForm.hostErrno, -r);
  else emitResult(m, ResultForm.hostOk);
}

/** Pages moved of those asked for, and the last status that was another. */
export function emitMoved(m: Kvm, moved: number, asked: number, status: number): void {
  const form = status === 0 ? ResultForm.moved : ResultForm.movedStatus;
  m.emit(EventId.labResult, form, moved, 0, asked, 0, status, status < 0 ? -1 : 0, 0, 0, 0);
}

export const emitHva = (m: Kvm, form: number, hva: number): void =>
  emitResult(m, form, hva | 0, highHalf(hva));
