// The instruction emulator as far as the guest's stubs need it: fetch, one access to memory or
// MMIO, and user space's answer. An access to no memory, or a write to a read-only slot, leaves to
// user space; memory is reached through the VMM's mapping, and shadow pages follow the write.
// From: arch/x86/kvm/x86.c (x86_emulate_instruction, emulator_read_write_onepage,
// emulator_write_phys, complete_emulated_mmio), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int, local, wide } from "#shared/engine/struct";
import { act, call, callOneOf, done, when } from "#shared/engine/words";
import { joinHalves, type Word } from "#shared/units/halves";
import { ACCESS_WRITE } from "../guest/paging.ts";
import { hostAccess, walkHost } from "../host/access.ts";
import * as contents from "../host/contents.ts";
import { gfn_to_memslot, gfnToHva, memslotAt } from "../lookup/memslot.ts";
import * as k from "../state/kvm.ts";
import { guest_walker, MmioPhase } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { notSimulated } from "../state/not-simulated.ts";
import { addToRead, emulator_cmpxchg_emulated } from "./cmpxchg.ts";
import { userBit, x86_decode_emulated_instruction } from "./decode.ts";
import { mark_page_dirty_in_slot } from "./dirty-log.ts";
import {
  addressOf,
  finishInstruction,
  instructionOf,
  isCachedFor,
  MmioType,
  recordMmio,
} from "./emulated.ts";
import { __kvm_inject_emulated_page_fault } from "./invlpg.ts";
import { isCachedMmio } from "./mmio.ts";
import { paging64_walk_addr_generic, PFERR_WRITE_MASK } from "./paging64.ts";
import { kvm_mmu_track_write } from "./track-write.ts";
import { forgetRetry, kvm_mmu_unprotect_gfn_and_retry, retry_instruction } from "./unprotect.ts";

const NO_VALUE: Word = { lo: 0, hi: 0 };
const maskLow = (lo: number, size: number): number => (size >= 4 ? lo : lo & (2 ** (8 * size) - 1));

/** vcpu_mmio_write(), vcpu_mmio_read(): no device answers, so user space must. */
function leaveForMmio(m: Kvm, { vcpu: id, gpa, write, size }: Emulated): void {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined) return;
  vcpu.exit_reason = k.KVM_EXIT_MMIO;
  vcpu.mmioGpa = gpa;
  vcpu.mmioLength = size;
  vcpu.mmioPhase = write !== 0 ? MmioPhase.write : MmioPhase.read;
  if (write === 0) {
    recordMmio(m, MmioType.unsatisfiedRead, size, gpa, NO_VALUE);
    return;
  }
  const lo = maskLow(vcpu.rax.lo, size);
  const hi = size === 8 ? vcpu.rax.hi : 0;
  vcpu.mmioData.lo = lo;
  vcpu.mmioData.hi = hi;
  recordMmio(m, MmioType.write, size, gpa, { lo, hi });
}

/** A locked read-modify-write: what is written comes after, and no guest writes tables so. */
const isLocked = (m: Kvm, id: number): boolean => instructionOf(m, id)?.op === "xadd";

/** The access to memory that the emulator makes through the VMM's mapping. */
function accessMemory(m: Kvm, { vcpu: id, gpa, hva, write, size }: Emulated): void {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined) return;
  const pfn = walkHost(m, hva, write);
  const offset = hva % 4096;
  const { rax } = vcpu;
  if (isLocked(m, id)) {
    const hi = contents.loadHigh(m, pfn, offset);
    addToRead(vcpu, { lo: contents.loadLow(m, pfn, offset, size), hi });
    return;
  }
  if (write !== 0) {
    contents.store(m, pfn, offset, size, rax.lo, rax.hi);
    const gfn = Math.floor(gpa / 4096);
    mark_page_dirty_in_slot(m, gfn_to_memslot(m, gfn), gfn);
  } else {
    const lo = contents.loadLow(m, pfn, offset, size);
    rax.hi = size === 8 ? contents.loadHigh(m, pfn, offset) : 0;
    rax.lo = lo;
  }
  finishInstruction(vcpu);
}

/** Where an access is to go. */
const Target = { unknown: 0, gpa: 1, mmio: 2 } as const;

const locals = {
  vcpu: int,
  /** An instruction that writes no tables may be run again instead. */
  mayRetry: int,
  walker: local(guest_walker),
  r: int,
  target: int,
  gpa: wide,
  hva: wide,
  write: int,
  size: int,
  signal: int,
} as const;

interface Emulated {
  readonly vcpu: number;
  target: number;
  gpa: number;
  hva: number;
  write: number;
  size: number;
}

/** vcpu_mmio_gva_to_gpa() as far as no walk is needed: the exit or the cache tells the gpa. */
function prepare(m: Kvm, own: Emulated): void {
  const vcpu = m.vcpus[own.vcpu];
  const instruction = instructionOf(m, own.vcpu);
  if (vcpu === undefined || instruction === null) return;
  if (m.kernel.retriesAnyEmulation) forgetRetry(vcpu);
  const { rdi, exit_info_2 } = vcpu;
  own.size = instruction.size;
  // A locked read-modify-write reads first.
  own.write = instruction.kind === ACCESS_WRITE && instruction.op !== "xadd" ? 1 : 0;
  if (m.mode !== "npt0") {
    // An exit of the walk tells the place of a table's entry: taken for the data's if its offset is
    // the same.
    if (((rdi.lo ^ exit_info_2.lo) & 0xfff) !== 0) return;
    own.gpa = joinHalves(exit_info_2.lo, exit_info_2.hi);
    const isMmio = isCachedMmio(m, vcpu, Math.floor(own.gpa / 4096));
    own.target = isMmio ? Target.mmio : Target.gpa;
    return;
  }
  if ((rdi.lo & 0xfff) + own.size > 4096) notSimulated("Emulation of an access across two pages");
  if (!isCachedFor(m, vcpu, own.write !== 0)) return;
  own.gpa = (vcpu.mmio_gfn - 1) * 4096 + (rdi.lo & 0xfff);
  own.target = Target.mmio;
}

/** After the walk: the gpa, and whether it is known to be MMIO. */
function setGpa(m: Kvm, own: Emulated, gfn: number): void {
  const vcpu = m.vcpus[own.vcpu];
  if (vcpu === undefined) return;
  own.gpa = gfn * 4096 + (vcpu.rdi.lo & 0xfff);
  own.target = isCachedMmio(m, vcpu, gfn) ? Target.mmio : Target.gpa;
}

/** Host address of the access, or 0 where it is MMIO: no slot, or a write to a read-only one. */
function setHva(m: Kvm, own: Emulated): void {
  const gfn = Math.floor(own.gpa / 4096);
  const slot = own.target === Target.mmio ? 0 : gfn_to_memslot(m, gfn);
  const isRefused =
    slot === 0 || (own.write !== 0 && (memslotAt(m, slot).flags & k.KVM_MEM_READONLY) !== 0);
  own.hva = isRefused ? 0 : gfnToHva(memslotAt(m, slot), gfn) + (own.gpa % 4096);
}

/** Result: 1 to resume the guest, 0 for user space. */
export const x86_emulate_instruction = routine("x86_emulate_instruction", locals, (own, m: Kvm) => [
  call(x86_decode_emulated_instruction, { vcpu: "vcpu" }, "r"),
  when(() => own.r <= 0, [done(() => own.r + 1)]),
  when(
    () => own.mayRetry !== 0 && isLocked(m, own.vcpu),
    [
      callOneOf(
        () => (m.kernel.retriesAnyEmulation ? 1 : 0),
        [kvm_mmu_unprotect_gfn_and_retry, retry_instruction],
        { vcpu: "vcpu" },
        "r",
      ),
      when(() => own.r !== 0, [done(1)]),
    ],
  ),
  act("E2", () => prepare(m, own)),
  when(
    () => own.target === Target.unknown,
    [
      call(
        paging64_walk_addr_generic,
        {
          vcpu: "vcpu",
          walker: () => own.walker,
          addr: () => addressOf(m, own.vcpu),
          access: () => (own.write !== 0 ? PFERR_WRITE_MASK : 0) | userBit(m.vcpus[own.vcpu]),
        },
        "r",
      ),
      when(
        () => own.r === 0,
        [
          call(__kvm_inject_emulated_page_fault, {
            vcpu: "vcpu",
            addr: () => addressOf(m, own.vcpu),
            error_code: () => own.walker.error_code,
          }),
          done(1),
        ],
      ),
      act("E2w", () => setGpa(m, own, own.walker.gfn)),
    ],
  ),
  act("E2h", () => setHva(m, own)),
  when(() => own.hva !== 0, [call(hostAccess, { hva: "hva", write: "write" }, "signal")]),
  when(
    () => own.hva !== 0 && own.signal === 0,
    [
      act("E3", () => accessMemory(m, own)),
      when(
        () => isLocked(m, own.vcpu) && own.write === 0,
        [call(emulator_cmpxchg_emulated, { vcpu: "vcpu" }, "r"), done("r")],
      ),
      when(() => own.write !== 0, [call(kvm_mmu_track_write, { gpa: "gpa", bytes: "size" })]),
      done(1),
    ],
  ),
  act("E4", () => leaveForMmio(m, own)),
  done(0),
]);

/** What user space's answer to the access leads to. */
function takeAnswer(m: Kvm, id: number): boolean {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined || vcpu.mmioPhase === MmioPhase.none) return false;
  const { mmioPhase, mmioGpa, mmioLength, mmioData } = vcpu;
  vcpu.mmioPhase = MmioPhase.none;
  const isRead = mmioPhase === MmioPhase.read;
  if (isRead) recordMmio(m, MmioType.read, mmioLength, mmioGpa, mmioData);
  if (isRead && isLocked(m, id)) {
    addToRead(vcpu, mmioData);
    return true;
  }
  if (isRead) {
    vcpu.rax.lo = mmioData.lo;
    vcpu.rax.hi = mmioData.hi;
  }
  finishInstruction(vcpu);
  return false;
}

/** User space has answered: finishes the access. Result: 1 to enter the guest, 0 for user space. */
export const complete_emulated_mmio = routine(
  "complete_emulated_mmio",
  { vcpu: int, r: int },
  (own, m: Kvm) => [
    when(
      act("E5", () => takeAnswer(m, own.vcpu)),
      [call(emulator_cmpxchg_emulated, { vcpu: "vcpu" }, "r"), done("r")],
    ),
    done(1),
  ],
);
