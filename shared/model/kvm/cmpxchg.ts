// The write half of a locked read-modify-write that KVM emulates. The sum goes to memory by an
// exchange through the VMM's mapping; to what is no memory, or may only be read, as a plain write
// for user space. The guest's tables are walked for writing in every mode.
// From: arch/x86/kvm/x86.c (emulator_cmpxchg_emulated, emulator_write_emulated), 6.1, 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int, local, wide } from "#shared/engine/struct";
import { act, call, done, when } from "#shared/engine/words";
import { hostAccess, walkHost } from "../host/access.ts";
import * as contents from "../host/contents.ts";
import { gfn_to_memslot, gfnToHva, memslotAt } from "../lookup/memslot.ts";
import { guest_walker, KVM_EXIT_MMIO, KVM_MEM_READONLY, MmioPhase } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { notSimulated } from "../state/not-simulated.ts";
import { userBit } from "./decode.ts";
import { mark_page_dirty_in_slot } from "./dirty-log.ts";
import { addressOf, finishInstruction, isCachedFor, MmioType, recordMmio } from "./emulated.ts";
import { __kvm_inject_emulated_page_fault } from "./invlpg.ts";
import { paging64_walk_addr_generic, PFERR_WRITE_MASK } from "./paging64.ts";
import { kvm_mmu_track_write } from "./track-write.ts";

type Vcpu = Kvm["vcpus"][number];

const BYTES = 8;

/** The value read goes to rax, what is to be written is kept where an MMIO write has it. */
export function addToRead(vcpu: Vcpu, value: { readonly lo: number; readonly hi: number }): void {
  const { rax, mmioData } = vcpu;
  const lo = (rax.lo >>> 0) + (value.lo >>> 0);
  const hi = (rax.hi + value.hi + (lo > 0xffffffff ? 1 : 0)) | 0;
  rax.lo = value.lo;
  rax.hi = value.hi;
  mmioData.lo = lo | 0;
  mmioData.hi = hi;
}

interface Half {
  readonly vcpu: number;
  gpa: number;
  hva: number;
}

/**
 * Where the sum goes: sets the gpa, and the host address if it is memory that may be written. Where
 * the guest may only read, it goes where the value came from.
 */
function findTarget(m: Kvm, own: Half, isMapped: boolean, gfn: number): void {
  const vcpu = m.vcpus[own.vcpu];
  if (vcpu === undefined) return;
  own.gpa = vcpu.mmioGpa;
  if (!isMapped) return;
  const offset = vcpu.rdi.lo & 0xfff;
  own.gpa = gfn * 4096 + offset;
  const slot = gfn_to_memslot(m, gfn);
  const mayWrite = slot !== 0 && (memslotAt(m, slot).flags & KVM_MEM_READONLY) === 0;
  own.hva = mayWrite ? gfnToHva(memslotAt(m, slot), gfn) + offset : 0;
}

/** The registers as before the instruction: nothing of a failed one is written back. */
function takeBackRead({ rax, mmioData }: Vcpu): void {
  const lo = (mmioData.lo >>> 0) - (rax.lo >>> 0);
  rax.hi = (mmioData.hi - rax.hi - (lo < 0 ? 1 : 0)) | 0;
  rax.lo = lo | 0;
}

/**
 * False when memory does not hold what was read, as where the read was user space's answer:
 * X86EMUL_CMPXCHG_FAILED, and the guest runs the instruction again. The page counts as written.
 */
function exchange(m: Kvm, own: Half): boolean {
  const vcpu = m.vcpus[own.vcpu];
  if (vcpu === undefined) return false;
  const { rax, mmioData } = vcpu;
  const pfn = walkHost(m, own.hva, 1);
  const offset = own.hva % 4096;
  const gfn = Math.floor(own.gpa / 4096);
  mark_page_dirty_in_slot(m, gfn_to_memslot(m, gfn), gfn);
  const lo = contents.loadLow(m, pfn, offset, BYTES);
  if (lo !== rax.lo || contents.loadHigh(m, pfn, offset) !== rax.hi) {
    takeBackRead(vcpu);
    return false;
  }
  contents.store(m, pfn, offset, BYTES, mmioData.lo, mmioData.hi);
  finishInstruction(vcpu);
  return true;
}

/** The sum goes out as a write. */
function writeSum(m: Kvm, own: Half): void {
  const vcpu = m.vcpus[own.vcpu];
  if (vcpu === undefined) return;
  vcpu.exit_reason = KVM_EXIT_MMIO;
  vcpu.mmioPhase = MmioPhase.write;
  vcpu.mmioGpa = own.gpa;
  vcpu.mmioLength = BYTES;
  recordMmio(m, MmioType.write, BYTES, own.gpa, vcpu.mmioData);
}

/** With shadow paging a plain write translates once more, unless the page is known to be MMIO. */
function walksAgain(m: Kvm, id: number): boolean {
  const vcpu = m.vcpus[id];
  return vcpu !== undefined && m.mode === "npt0" && !isCachedFor(m, vcpu, true);
}

/** Result: 1 to enter the guest, 0 for user space. */
export const emulator_cmpxchg_emulated = routine(
  "emulator_cmpxchg_emulated",
  { vcpu: int, walker: local(guest_walker), r: int, gpa: wide, hva: wide },
  (own, m: Kvm) => [
    call(
      paging64_walk_addr_generic,
      {
        vcpu: "vcpu",
        walker: () => own.walker,
        addr: () => addressOf(m, own.vcpu),
        access: () => PFERR_WRITE_MASK | userBit(m.vcpus[own.vcpu]),
      },
      "r",
    ),
    act("E6", () => findTarget(m, own, own.r !== 0, own.walker.gfn)),
    when(
      () => own.hva !== 0,
      [
        call(hostAccess, { hva: "hva", write: 1 }, "r"),
        when(
          act("E7m", () => {
            if (own.r !== 0) notSimulated("lock xadd on memory that the VMM may only read");
            return exchange(m, own);
          }),
          [call(kvm_mmu_track_write, { gpa: "gpa", bytes: BYTES })],
        ),
        done(1),
      ],
    ),
    when(
      () => walksAgain(m, own.vcpu),
      [
        call(
          paging64_walk_addr_generic,
          {
            vcpu: "vcpu",
            walker: () => own.walker,
            addr: () => addressOf(m, own.vcpu),
            access: () => PFERR_WRITE_MASK | userBit(m.vcpus[own.vcpu]),
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
      ],
    ),
    act("E7", () => writeSum(m, own)),
    done(0),
  ],
);
