// KVM_SET_SREGS: the VMM sets a vCPU's control registers. When the paging rules change, the vCPU
// lets go of all its roots and finds new ones at its next entry.
// From: arch/x86/kvm/x86.c (__set_sregs, __set_sregs_common), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int } from "#shared/engine/struct";
import { act, call, done, when } from "#shared/engine/words";
import type { Kvm } from "../state/machine.ts";
import { kvm_mmu_reset_context } from "./roots.ts";

export const sregsLocals = { vcpu: int, cr0: int, cr4: int, efer: int, cpl: int } as const;

interface Sregs {
  readonly vcpu: number;
  readonly cr0: number;
  readonly cr4: number;
  readonly efer: number;
  readonly cpl: number;
}

/** Sets them; true when the MMU must be set up anew. */
function setRegisters(m: Kvm, sregs: Sregs): boolean {
  const vcpu = m.vcpus[sregs.vcpu];
  if (vcpu === undefined) return false;
  const { cr0, cr4, efer } = sregs;
  const isReset = vcpu.cr0 !== cr0 || vcpu.cr4 !== cr4 || vcpu.efer !== efer;
  vcpu.cr0 = cr0;
  vcpu.cr4 = cr4;
  vcpu.efer = efer;
  vcpu.cpl = sregs.cpl;
  return isReset;
}

export const kvm_arch_vcpu_ioctl_set_sregs = routine(
  "kvm_arch_vcpu_ioctl_set_sregs",
  sregsLocals,
  (own, m: Kvm) => [
    when(
      act("SR1", () => setRegisters(m, own)),
      [call(kvm_mmu_reset_context, { vcpu: "vcpu" })],
    ),
    done(),
  ],
);
