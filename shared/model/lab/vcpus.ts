// The VMM's vCPUs: made at their first use, with the control registers that the VMM has in mind.
// Owns those registers: they reach a vCPU when it is made, by setcr, or when its CPL changes.
// From: the lab's agent (mkvcpu, set_sregs, go).
import { routine } from "#shared/engine/routine";
import { int } from "#shared/engine/struct";
import { act, call, done } from "#shared/engine/words";
import * as g from "../guest/layout.ts";
import { kvm_init_mmu } from "../kvm/roots.ts";
import { kvm_arch_vcpu_ioctl_set_sregs } from "../kvm/sregs.ts";
import { vmmRegisters } from "../state/host.ts";
import { KIND, type Kvm } from "../state/machine.ts";

type Registers = ReturnType<typeof vmmRegisters.at>;

export const registersOf = (m: Kvm): Registers =>
  vmmRegisters.at(m, m.arena(KIND.vmmRegisters).base);

export function initRegisters(m: Kvm): void {
  const registers = registersOf(m);
  registers.cr0 = g.CR0;
  registers.cr4 = g.CR4;
  registers.efer = g.EFER;
}

/** Makes a vCPU and all lower ones, as far as they are missing. */
export function makeVcpus(m: Kvm, highest: number): void {
  for (let id = 0; id <= highest; id++) {
    const vcpu = m.vcpus[id];
    if (vcpu === undefined || vcpu.created !== 0) continue;
    g.resetVcpu(m, id);
    const { cr0, cr4, efer } = registersOf(m);
    vcpu.cr0 = cr0;
    vcpu.cr4 = cr4;
    vcpu.efer = efer;
    kvm_init_mmu(m, id);
  }
}

const locals = { vcpu: int, cpl: int, cr0: int, cr4: int, efer: int } as const;

/** KVM_SET_SREGS with what the VMM has in mind. */
export const setSregs = routine("setSregs", locals, (own, m: Kvm) => [
  act("V0r", () => {
    const { cr0, cr4, efer } = registersOf(m);
    own.cr0 = cr0;
    own.cr4 = cr4;
    own.efer = efer;
  }),
  call(kvm_arch_vcpu_ioctl_set_sregs, {
    vcpu: "vcpu",
    cpl: "cpl",
    cr0: "cr0",
    cr4: "cr4",
    efer: "efer",
  }),
  done(),
]);
