// Decoding the guest's instruction for the emulator. This CPU gives no bytes at an exit, so KVM
// fetches them through the guest's tables; the guest's own fault may come of that, or nothing where
// the guest runs into MMIO.
// From: arch/x86/kvm/x86.c (x86_decode_emulated_instruction, kvm_fetch_guest_virt,
// handle_emulation_failure), emulate.c (__do_insn_fetch_bytes, x86_decode_insn), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int, local } from "#shared/engine/struct";
import { act, call, done, when } from "#shared/engine/words";
import { EventId } from "#shared/events/table";
import { highHalf } from "#shared/units/halves";
import { stubAt } from "../guest/instruction.ts";
import { gfn_to_memslot } from "../lookup/memslot.ts";
import { guest_walker, KVM_EXIT_INTERNAL_ERROR } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { notSimulated } from "../state/not-simulated.ts";
import { __kvm_inject_emulated_page_fault } from "./invlpg.ts";
import { paging64_walk_addr_generic, PFERR_FETCH_MASK, PFERR_USER_MASK } from "./paging64.ts";

type Vcpu = Kvm["vcpus"][number];

/** Instruction bytes of the stubs, by offset in the code page. */
const BYTES: ReadonlyMap<number, readonly number[]> = new Map([
  [0x00, [0x8a, 0x07]],
  [0x10, [0x66, 0x8b, 0x07]],
  [0x20, [0x8b, 0x07]],
  [0x30, [0x48, 0x8b, 0x07]],
  [0x40, [0x88, 0x07]],
  [0x50, [0x66, 0x89, 0x07]],
  [0x60, [0x89, 0x07]],
  [0x70, [0x48, 0x89, 0x07]],
  [0x80, [0x0f, 0x01, 0x3f]],
  [0x90, [0x0f, 0x22, 0xdf]],
  [0xa0, [0xf0, 0x48, 0x0f, 0xc1, 0x07]],
  [0xb0, [0x48, 0x8b, 0x07]],
  [0xd0, [0x48, 0x89, 0x07]],
]);
const PROT64 = 4;

/** Bytes of the stub's instruction at rip. */
export const lengthAt = (rip: number): number => BYTES.get(rip % 4096)?.length ?? 0;

/** U of an error code, for an access of the guest as it is now. */
export const userBit = (vcpu: Vcpu | undefined): number => (vcpu?.cpl === 3 ? PFERR_USER_MASK : 0);

/** Whether the bytes reached the emulator, and what is to be done where they did not. */
export const Decoded = {
  /** The guest goes on: with its page fault. */
  resume: 0,
  ok: 1,
  /** No memory to read them from. */
  failed: -1,
} as const;

function bytesAt(rip: number): readonly number[] {
  const bytes = stubAt(rip) === null ? undefined : BYTES.get(rip % 4096);
  return bytes ?? notSimulated("Emulation of an instruction outside the stubs");
}

function recordInstruction(m: Kvm, id: number, bytes: readonly number[], failed: number): void {
  const rip = m.vcpus[id]?.rip ?? 0;
  const cells = [0, 0, 0, 0];
  for (const [i, byte] of bytes.entries()) {
    cells[i >> 2] = (cells[i >> 2] ?? 0) | (byte << (8 * (i & 3)));
  }
  const head = [0, rip | 0, highHalf(rip), bytes.length];
  m.emitList(EventId.kvm_emulate_insn, [...head, ...cells, PROT64, failed]);
}

/** The instruction's first trace: without bytes where the fetch failed. */
function recordStart(m: Kvm, id: number, decoded: number): void {
  const bytes = decoded === Decoded.ok ? bytesAt(m.vcpus[id]?.rip ?? 0) : [];
  recordInstruction(m, id, bytes, 0);
}

/** Address of the next instruction, as halves. */
const ripOf = (m: Kvm, id: number): { lo: number; hi: number } => {
  const rip = m.vcpus[id]?.rip ?? 0;
  return { lo: rip | 0, hi: highHalf(rip) };
};

/** Result: Decoded. The page fault of a fetch waits for the guest's next entry. */
export const x86_decode_emulated_instruction = routine(
  "x86_decode_emulated_instruction",
  { vcpu: int, walker: local(guest_walker), r: int },
  (own, m: Kvm) => [
    call(
      paging64_walk_addr_generic,
      {
        vcpu: "vcpu",
        walker: () => own.walker,
        addr: () => ripOf(m, own.vcpu),
        access: () => PFERR_FETCH_MASK | userBit(m.vcpus[own.vcpu]),
      },
      "r",
    ),
    act("E1", () => {
      if (own.r !== 0 && gfn_to_memslot(m, own.walker.gfn) === 0) own.r = Decoded.failed;
      recordStart(m, own.vcpu, own.r);
    }),
    when(
      () => own.r === Decoded.resume,
      [
        call(__kvm_inject_emulated_page_fault, {
          vcpu: "vcpu",
          addr: () => ripOf(m, own.vcpu),
          error_code: () => own.walker.error_code,
        }),
      ],
    ),
    done("r"),
  ],
);

/** KVM_INTERNAL_ERROR_EMULATION for user space; the guest's kernel code is not given its #UD. */
function leaveWithError(m: Kvm, id: number): void {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined) return;
  recordInstruction(m, id, [], 1);
  if (vcpu.cpl !== 0) notSimulated("#UD in the guest, from user code that lies in no memory,");
  vcpu.exit_reason = KVM_EXIT_INTERNAL_ERROR;
}

/**
 * Result: 0, for user space. The #UD that waits is dropped by the VMM before its next step, like
 * all
 * that a failed run leaves.
 */
export const handle_emulation_failure = routine(
  "handle_emulation_failure",
  { vcpu: int, r: int },
  (own, m: Kvm) => [act("E8", () => leaveWithError(m, own.vcpu)), done(0)],
);
