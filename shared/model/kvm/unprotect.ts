// A guest table that is written by instructions that do not write tables is probably none any more:
// its shadow pages go, and the guest runs the instruction again.
// From: arch/x86/kvm/mmu/mmu.c (__kvm_mmu_unprotect_gfn_and_retry, kvm_mmu_write_protect_fault),
// 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int, local, wide } from "#shared/engine/struct";
import { act, call, done, when } from "#shared/engine/words";
import { LockCode } from "#shared/events/own";
import { releaseLock, takeLock } from "../host/locks.ts";
import * as design from "../lookup/design.ts";
import { guest_walker } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { userBit } from "./decode.ts";
import { paging64_walk_addr_generic, PFERR_WRITE_MASK } from "./paging64.ts";
import { validPagesWithGptes, type InvalidList } from "./sp.ts";
import { kvm_mmu_commit_zap_page, kvm_mmu_prepare_zap_page } from "./zap-page.ts";

function zapPages(m: Kvm, gfn: number): boolean {
  const invalid: InvalidList = [];
  for (const sp of validPagesWithGptes(m, gfn)) kvm_mmu_prepare_zap_page(m, sp, invalid);
  kvm_mmu_commit_zap_page(m, invalid);
  return invalid.length > 0;
}

/** Against an endless loop: the same instruction at the same address is emulated next time. */
function rememberRetry(m: Kvm, id: number): void {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined) return;
  vcpu.last_retry_eip = vcpu.rip;
  vcpu.last_retry_addr.lo = vcpu.exit_info_2.lo;
  vcpu.last_retry_addr.hi = vcpu.exit_info_2.hi;
}

/** In 6.1, by any instruction that is emulated. */
export function forgetRetry(vcpu: Kvm["vcpus"][number]): void {
  vcpu.last_retry_eip = 0;
  vcpu.last_retry_addr.lo = 0;
  vcpu.last_retry_addr.hi = 0;
}

/** Result: 1 when pages went and the instruction is to be run again. */
export const kvm_mmu_unprotect_gfn_and_retry = routine(
  "__kvm_mmu_unprotect_gfn_and_retry",
  { vcpu: int, walker: local(guest_walker), r: int, gfn: wide },
  (own, m: Kvm) => [
    when(
      act("U1", () => m.kvm.indirect_shadow_pages === 0 || m.mode !== "npt0"),
      [done(0)],
    ),
    call(
      paging64_walk_addr_generic,
      {
        vcpu: "vcpu",
        walker: () => own.walker,
        addr: () => m.vcpus[own.vcpu]?.exit_info_2 ?? { lo: 0, hi: 0 },
        access: () => PFERR_WRITE_MASK | userBit(m.vcpus[own.vcpu]),
      },
      "r",
    ),
    when(() => own.r === 0, [done(0)]),
    takeLock(m, "U2", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
    act("U3", () => (own.r = zapPages(m, own.walker.gfn) ? 1 : 0)),
    releaseLock(m, "U4", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
    when(() => own.r !== 0, [act("U5", () => rememberRetry(m, own.vcpu))]),
    done("r"),
  ],
);

/** 6.1: the tables at an address go, whoever touches it now. */
export const kvm_mmu_unprotect_page_virt = routine(
  "kvm_mmu_unprotect_page_virt",
  { vcpu: int, walker: local(guest_walker), r: int },
  (own, m: Kvm) => [
    call(
      paging64_walk_addr_generic,
      {
        vcpu: "vcpu",
        walker: () => own.walker,
        addr: () => m.vcpus[own.vcpu]?.exit_info_2 ?? { lo: 0, hi: 0 },
        access: () => userBit(m.vcpus[own.vcpu]),
      },
      "r",
    ),
    when(() => own.r === 0, [done()]),
    takeLock(m, "U7", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
    act("U8", () => zapPages(m, own.walker.gfn)),
    releaseLock(m, "U9", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
    done(),
  ],
);

/** Forgets the last retry; true when it was of another access, which is remembered now. */
function isFirstTry(m: Kvm, id: number): boolean {
  if (!wasRetried(m, id)) {
    rememberRetry(m, id);
    return true;
  }
  const vcpu = m.vcpus[id];
  if (vcpu !== undefined) vcpu.last_retry_eip = 0;
  return false;
}

/** 6.1: any emulated fault is tried again once, whether tables went or not. Result: 1 to do so. */
export const retry_instruction = routine(
  "retry_instruction",
  { vcpu: int, walker: local(guest_walker), r: int },
  (own, m: Kvm) => [
    when(
      act("U10", () => isFirstTry(m, own.vcpu)),
      [],
      [done(0)],
    ),
    when(() => m.mode !== "npt0", [done(1)]),
    call(
      paging64_walk_addr_generic,
      {
        vcpu: "vcpu",
        walker: () => own.walker,
        addr: () => m.vcpus[own.vcpu]?.exit_info_2 ?? { lo: 0, hi: 0 },
        access: () => PFERR_WRITE_MASK | userBit(m.vcpus[own.vcpu]),
      },
      "r",
    ),
    when(() => own.r === 0, [done(1)]),
    takeLock(m, "U11", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
    act("U12", () => zapPages(m, own.walker.gfn)),
    releaseLock(m, "U13", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
    done(1),
  ],
);

/** True when this very access was retried before; forgets it otherwise. */
function wasRetried(m: Kvm, id: number): boolean {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined) return false;
  const { rip, last_retry_addr, exit_info_2 } = vcpu;
  const isSame =
    vcpu.last_retry_eip === rip &&
    last_retry_addr.lo === exit_info_2.lo &&
    last_retry_addr.hi === exit_info_2.hi;
  if (!isSame) forgetRetry(vcpu);
  return isSame;
}

/** Emulate, and the emulator may still unprotect. */
export const EMULATE_OR_RETRY = design.RET_PF_WRITE_PROTECTED;

/** Result: RET_PF_EMULATE, RET_PF_RETRY or EMULATE_OR_RETRY. */
export const kvm_mmu_write_protect_fault = routine(
  "kvm_mmu_write_protect_fault",
  { vcpu: int, r: int },
  (own, m: Kvm) => [
    when(
      act("U6", () => wasRetried(m, own.vcpu)),
      [done(design.RET_PF_EMULATE)],
    ),
    // An event that waits for delivery must not wait for more emulated instructions.
    when(
      () => m.vcpus[own.vcpu]?.injected === 1,
      [
        call(kvm_mmu_unprotect_gfn_and_retry, { vcpu: "vcpu" }, "r"),
        when(() => own.r !== 0, [done(design.RET_PF_RETRY)]),
      ],
    ),
    done(EMULATE_OR_RETRY),
  ],
);
