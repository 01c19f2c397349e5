// Instructions that KVM intercepts with shadow paging, because they change what the shadow tables
// stand for: INVLPG and the load of CR3. Both are emulated, since the CPU tells no operand.
// From: arch/x86/kvm/svm/svm.c (invlpg_interception, cr_interception), x86.c (kvm_set_cr3,
// kvm_invalidate_pcid), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, call, done, when } from "#shared/engine/words";
import { joinHalves } from "#shared/units/halves";
import { FLUSHING_LENGTH } from "../guest/instruction.ts";
import { kvm_vcpu_srcu_read_lock } from "../lookup/memslot.ts";
import { KVM_REQ_MMU_SYNC } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { Decoded, x86_decode_emulated_instruction } from "./decode.ts";
import { kvm_mmu_invlpg } from "./invlpg.ts";
import { kvm_mmu_new_pgd } from "./roots.ts";

function skipInstruction(m: Kvm, id: number): void {
  const vcpu = m.vcpus[id];
  if (vcpu !== undefined) vcpu.rip += FLUSHING_LENGTH;
}

const NO_ADDRESS = { lo: 0, hi: 0 };

export const invlpg_interception = routine(
  "invlpg_interception",
  { vcpu: int, r: int },
  (own, m: Kvm) => [
    act("Y9", () => kvm_vcpu_srcu_read_lock(m, own.vcpu)),
    call(x86_decode_emulated_instruction, { vcpu: "vcpu" }, "r"),
    when(() => own.r !== Decoded.ok, [done()]),
    call(kvm_mmu_invlpg, {
      vcpu: "vcpu",
      addr: () => m.vcpus[own.vcpu]?.rdi ?? NO_ADDRESS,
    }),
    act("Y10", () => skipInstruction(m, own.vcpu)),
    done(),
  ],
);

/** kvm_invalidate_pcid() without PCIDs: the load flushes, so unsync tables are read again. */
function loadCr3(m: Kvm, id: number, cr3: number): void {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined) return;
  vcpu.cr3 = cr3;
  vcpu.requests |= KVM_REQ_MMU_SYNC;
}

const kvm_set_cr3 = routine("kvm_set_cr3", { vcpu: int, cr3: wide }, (own, m: Kvm) => [
  when(
    () => own.cr3 !== m.vcpus[own.vcpu]?.cr3,
    [call(kvm_mmu_new_pgd, { vcpu: "vcpu", pgd: "cr3" })],
  ),
  act("Y11", () => loadCr3(m, own.vcpu, own.cr3)),
  done(),
]);

export const cr_interception = routine("cr_interception", { vcpu: int, r: int }, (own, m: Kvm) => [
  act("Y9", () => kvm_vcpu_srcu_read_lock(m, own.vcpu)),
  call(x86_decode_emulated_instruction, { vcpu: "vcpu" }, "r"),
  when(() => own.r !== Decoded.ok, [done()]),
  call(kvm_set_cr3, {
    vcpu: "vcpu",
    cr3: () => {
      const { lo, hi } = m.vcpus[own.vcpu]?.rdi ?? NO_ADDRESS;
      return joinHalves(lo, hi);
    },
  }),
  act("Y12", () => skipInstruction(m, own.vcpu)),
  done(),
]);
