// Steps on a VM that was closed: calls on its descriptor fail, and there is
// no vCPU to run. From: the lab's agent, whose descriptor is -1 after
// destroy.
import { routine } from "#shared/engine/routine";
import { act, done } from "#shared/engine/words";
import type { Verb } from "#shared/scenario/vocabulary";
import type { Kvm } from "../state/machine.ts";
import { notSimulated } from "../state/not-simulated.ts";
import { GUEST_VERBS } from "./guest-verbs.ts";
import { emitHostResult } from "./results.ts";
import { stepAt, verbLocals, type At } from "./step.ts";

const EBADF = -9;

const VM_CALLS: ReadonlySet<Verb> = new Set<Verb>([
  "slot",
  "slot-del",
  "slot-move",
  "slot-flags",
  "cap-manual-dirty",
  "dirty-get",
  "dirty-clear",
]);

const needsVcpu = (verb: Verb): boolean => verb === "setcr" || GUEST_VERBS.has(verb);

/** Whether the step needs the VM, and there is none any more. */
export function isOnClosedVm(m: Kvm, at: At): boolean {
  const { verb } = stepAt(m, at);
  return m.kvm.isClosed && (VM_CALLS.has(verb) || needsVcpu(verb));
}

/** MODEL: the lab's VMM ends at a guest step here; so does the run. */
export const stepOnClosedVm = routine("stepOnClosedVm", verbLocals, (own, m: Kvm) => [
  act("V1", () => {
    if (needsVcpu(stepAt(m, own).verb)) notSimulated("A guest step after destroy");
    emitHostResult(m, EBADF);
  }),
  done(),
]);
