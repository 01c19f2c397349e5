// Verbs on the VM: memslots, tracked pages, control registers, entries that the VMM stores itself.
// From: the lab's agent (set_slot, set_sregs, hpte).
import { ResultForm } from "#shared/events/lab";
import type { Verb } from "#shared/scenario/vocabulary";
import * as g from "../guest/layout.ts";
import { kvm_set_memory_region } from "../kvm/kvm-main.ts";
import type { Kvm } from "../state/machine.ts";
import { entryValue, guestEntryAddress } from "./guest-verbs.ts";
import { emitHostResult, emitResult } from "./results.ts";
import { argsAt, simple, stepAt, type At, type VerbRoutine } from "./step.ts";

const slot = simple("slot", (m, at) => {
  const { id, gpa, hva, size, ro, log } = argsAt(m, at, "slot").args;
  const flags = (log ? 1 : 0) | (ro ? 2 : 0);
  emitHostResult(m, kvm_set_memory_region(m, { slot: id, flags, gpa, size, hva }));
});

/** A tracked page prints no RESULT; its state is read after each step. */
const track = simple("track", () => undefined);

const CONTROL_BITS = {
  wp: { field: "cr0", mask: g.CR0_WP },
  smep: { field: "cr4", mask: g.CR4_SMEP },
  smap: { field: "cr4", mask: g.CR4_SMAP },
  nx: { field: "efer", mask: g.EFER_NX },
} as const;

const setcr = simple("setcr", (m, at) => {
  const { bit, on } = argsAt(m, at, "setcr").args;
  const { field, mask } = CONTROL_BITS[bit];
  for (const vcpu of m.vcpus) vcpu[field] = on === 1 ? vcpu[field] | mask : vcpu[field] & ~mask;
  emitResult(m, ResultForm.hostOk);
});

/** A store of the VMM into the guest's tables: KVM does not see it. */
const hostEntry =
  (level: number) =>
  (m: Kvm, at: At): void => {
    const step = stepAt(m, at);
    if (step.verb !== "hpte" && step.verb !== "hpde") return;
    const { gva, gpa, flags } = step.args;
    const address = guestEntryAddress(m, gva.lo, gva.hi, level);
    if (address === null) {
      emitResult(m, ResultForm.planError);
      return;
    }
    const value = entryValue(gpa, flags);
    g.writeSystem(m, address, value.lo, value.hi);
    emitResult(m, ResultForm.hostOk);
  };

export const VM_VERBS: ReadonlyMap<Verb, VerbRoutine> = new Map<Verb, VerbRoutine>([
  ["slot", slot],
  ["track", track],
  ["setcr", setcr],
  ["hpte", simple("hpte", hostEntry(1))],
  ["hpde", simple("hpde", hostEntry(2))],
]);
