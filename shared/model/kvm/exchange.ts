// The write half of the guest's locked add in the emulator, and what it shares with the other
// accesses: the address, the cache of the last MMIO access, the record of one, going on behind the
// instruction.
// From: arch/x86/kvm/x86.c (emulator_cmpxchg_emulated, emulator_write_emulated,
// vcpu_mmio_gva_to_gpa), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int, local, wide } from "#shared/engine/struct";
import { act, call, done, set, when } from "#shared/engine/words";
import { EventId } from "#shared/events/table";
import { highHalf, type Word } from "#shared/units/halves";
import { stubAt } from "../guest/instruction.ts";
import { hostAccess, walkHost } from "../host/access.ts";
import * as contents from "../host/contents.ts";
import { gfn_to_memslot, gfnToHva, memslotAt } from "../lookup/memslot.ts";
import * as k from "../state/kvm.ts";
import { guest_walker, MmioPhase } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { notSimulated } from "../state/not-simulated.ts";
import { lengthAt, userBit } from "./decode.ts";
import { mark_page_dirty_in_slot } from "./dirty-log.ts";
import { isCachedMmioGva } from "./mmio.ts";
import { paging64_walk_addr_generic, permission_fault, PFERR_WRITE_MASK } from "./paging64.ts";
import { accReadMask } from "./role.ts";
import { kvm_mmu_track_write } from "./track-write.ts";

type Vcpu = Kvm["vcpus"][number];

const NO_ADDRESS: Word = { lo: 0, hi: 0 };
export const addressOf = (m: Kvm, id: number): Word => m.vcpus[id]?.rdi ?? NO_ADDRESS;

export const MmioType = { unsatisfiedRead: 0, read: 1, write: 2 } as const;

export function recordMmio(m: Kvm, type: number, length: number, gpa: number, value: Word): void {
  m.emit(EventId.kvm_mmio, type, length, gpa, highHalf(gpa), value.lo, value.hi);
}

/** The guest goes on behind the instruction; a touch loop is one to the model. */
export function finishInstruction(vcpu: Vcpu): void {
  const { rip } = vcpu;
  if (stubAt(rip)?.op === "touch") vcpu.isEmulated = 1;
  else vcpu.rip = rip + lengthAt(rip);
}

/** The last MMIO access was to this page, and its rights suffice. */
export function isCachedFor(m: Kvm, vcpu: Vcpu, isWrite: boolean): boolean {
  if (!isCachedMmioGva(m, vcpu, vcpu.rdi)) return false;
  // The cache keeps no right to read, where the kernel counts reading as a right.
  if (!isWrite && accReadMask(m) !== 0) return false;
  const access = (isWrite ? PFERR_WRITE_MASK : 0) | userBit(vcpu);
  return !permission_fault(m, vcpu, vcpu.mmio_access, access);
}

/** rax + memory, for a locked add whose memory is MMIO: the sum goes out as a write. */
function addToRead(vcpu: Vcpu): void {
  const { rax, mmioData } = vcpu;
  const lo = (rax.lo >>> 0) + (mmioData.lo >>> 0);
  const hi = (rax.hi + mmioData.hi + (lo > 0xffffffff ? 1 : 0)) | 0;
  rax.lo = mmioData.lo;
  rax.hi = mmioData.hi;
  mmioData.lo = lo | 0;
  mmioData.hi = hi;
}

/** The sum goes out as a write. */
function writeSum(m: Kvm, id: number): void {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined) return;
  const { mmioLength, mmioGpa, mmioData } = vcpu;
  vcpu.exit_reason = k.KVM_EXIT_MMIO;
  vcpu.mmioPhase = MmioPhase.write;
  recordMmio(m, MmioType.write, mmioLength, mmioGpa, mmioData);
}

interface Exchange {
  readonly vcpu: number;
  gpa: number;
  hva: number;
}

/** Host address of memory that may be written; 0 where there is none. */
function setWritable(m: Kvm, own: Exchange, gfn: number): void {
  const vcpu = m.vcpus[own.vcpu];
  const slot = gfn_to_memslot(m, gfn);
  if (vcpu === undefined || slot === 0) return;
  if ((memslotAt(m, slot).flags & k.KVM_MEM_READONLY) !== 0) return;
  own.gpa = gfn * 4096 + (vcpu.rdi.lo & 0xfff);
  own.hva = gfnToHva(memslotAt(m, slot), gfn) + (own.gpa % 4096);
}

function storeSum(m: Kvm, own: Exchange & { readonly signal: number }): void {
  const vcpu = m.vcpus[own.vcpu];
  if (own.signal !== 0) notSimulated("Emulation of lock xadd on memory that cannot be written");
  if (vcpu === undefined) return;
  const { lo, hi } = vcpu.mmioData;
  contents.store(m, walkHost(m, own.hva, 1), own.hva % 4096, 8, lo, hi);
  const gfn = Math.floor(own.gpa / 4096);
  mark_page_dirty_in_slot(m, gfn_to_memslot(m, gfn), gfn);
  finishInstruction(vcpu);
}

const exchangeLocals = {
  vcpu: int,
  walker: local(guest_walker),
  r: int,
  gpa: wide,
  hva: wide,
  signal: int,
} as const;

const walkForWrite = (m: Kvm, own: { vcpu: number; walker: never }) =>
  call(
    paging64_walk_addr_generic,
    {
      vcpu: "vcpu",
      walker: () => own.walker,
      addr: () => addressOf(m, own.vcpu),
      access: () => PFERR_WRITE_MASK | userBit(m.vcpus[own.vcpu]),
    },
    "r",
  );

/** Whether the write that takes the exchange's place looks the address up again. */
function walksAgain(m: Kvm, id: number): boolean {
  const vcpu = m.vcpus[id];
  return vcpu !== undefined && m.mode === "npt0" && !isCachedFor(m, vcpu, true);
}

/**
 * The write half of a locked add, whose old value was read to `mmioData`: an exchange through the
 * VMM's mapping, or a plain write where that cannot be written. Result: 1, or 0 for user space.
 */
export const emulator_cmpxchg_emulated = routine(
  "emulator_cmpxchg_emulated",
  exchangeLocals,
  (own, m: Kvm) => [
    act("E6", () => {
      const vcpu = m.vcpus[own.vcpu];
      if (vcpu !== undefined) addToRead(vcpu);
    }),
    walkForWrite(m, own as never),
    act("E6h", () => {
      if (own.r !== 0) setWritable(m, own, own.walker.gfn);
    }),
    when(
      () => own.hva !== 0,
      [
        call(hostAccess, { hva: "hva", write: 1 }, "signal"),
        act("E6m", () => storeSum(m, own)),
        call(kvm_mmu_track_write, { gpa: "gpa", bytes: 8 }),
        done(1),
      ],
    ),
    when(() => walksAgain(m, own.vcpu), [walkForWrite(m, own as never)]),
    set("r", 0),
    act("E7", () => writeSum(m, own.vcpu)),
    done(0),
  ],
);
