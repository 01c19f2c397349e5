// The page-fault path of the MMU in direct mode: from the exit to a mapped page or an error.
// kvm_mmu_page_fault() and below; the lookup is behind the design's interface, the tables are the
// TDP MMU's.
// From: arch/x86/kvm/mmu/mmu.c (kvm_mmu_page_fault, kvm_mmu_do_page_fault, kvm_tdp_page_fault,
// fast_page_fault, is_page_fault_stale, mmu_topup_memory_caches), mmu_internal.h, 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int, local } from "#shared/engine/struct";
import { act, call, callOneOf, done, set, when } from "#shared/engine/words";
import { LockCode } from "#shared/events/own";
import { EventId } from "#shared/events/table";
import { frameOf } from "#shared/units/halves";
import { releaseLock, takeLock } from "../host/locks.ts";
import * as design from "../lookup/design.ts";
import type { Fault } from "../lookup/design.ts";
import { LOOKUP_DESIGNS } from "../lookup/designs.ts";
import { kvm_vcpu_gfn_to_memslot } from "../lookup/memslot.ts";
import { kvm_page_fault, tdp_iter } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { x86_emulate_instruction } from "./emulate.ts";
import { handle_mmio_page_fault, mmio_info_in_cache } from "./mmio.ts";
import { direct_page_fault } from "./direct.ts";
import { paging64_page_fault } from "./fetch.ts";
import { fast_page_fault } from "./fast-page-fault.ts";
import * as pf from "./page-fault.ts";
import { EMULATE_OR_RETRY, kvm_mmu_write_protect_fault } from "./unprotect.ts";
import { kvm_tdp_mmu_map } from "./tdp-mmu.ts";

const LEVEL_1G = 3;

/** Builds the fault from what the CPU reported. */
function initFault(m: Kvm, fault: Fault, vcpu: number): void {
  const cpu = m.vcpus[vcpu];
  if (cpu === undefined) return;
  const code = cpu.exit_info_1;
  fault.vcpu = vcpu;
  fault.addr.lo = cpu.exit_info_2.lo;
  fault.addr.hi = cpu.exit_info_2.hi;
  fault.error_code.lo = code.lo;
  fault.error_code.hi = m.kernel.errorCodeBits === 64 ? code.hi : 0;
  fault.exec = (code.lo & pf.PFERR_FETCH) !== 0;
  fault.write = (code.lo & pf.PFERR_WRITE) !== 0;
  fault.present = (code.lo & pf.PFERR_PRESENT) !== 0;
  fault.user = (code.lo & pf.PFERR_USER) !== 0;
  fault.max_level = LEVEL_1G;
  fault.access = m.kernel.accessAll;
  fault.req_level = 1;
  fault.goal_level = 1;
  // With shadow paging the address is virtual: the walk will find the gfn.
  if (m.mode === "npt0") return;
  fault.gfn = frameOf(cpu.exit_info_2.lo, cpu.exit_info_2.hi);
  fault.slot = kvm_vcpu_gfn_to_memslot(m, fault.gfn) as typeof fault.slot;
}

/** kvm_tdp_mmu_page_fault(): the whole of a fault, in the order of acts F1 to F9. */
const kvm_tdp_mmu_page_fault = routine(
  "kvm_tdp_mmu_page_fault",
  design.faultLocals,
  (own, m: Kvm) => [
    call(fast_page_fault, { fault: "fault" }, "r"),
    when(() => own.r !== design.RET_PF_INVALID, [done("r")]),
    act("F0c", () => pf.mmu_topup_memory_caches(m, false)),
    callOneOf(
      () => m.lookup.index,
      LOOKUP_DESIGNS.map((one) => one.faultin),
      { fault: "fault" },
      "r",
    ),
    when(() => own.r !== design.RET_PF_CONTINUE, [done("r")]),
    set("r", design.RET_PF_RETRY),
    takeLock(m, "F5", () => m.kvm.mmu_lock, "read", LockCode.mmu_lock),
    when(
      act("F6", () => pf.is_page_fault_stale(m, own.fault)),
      [],
      [call(kvm_tdp_mmu_map, { fault: "fault" }, "r")],
    ),
    when(() => m.lookup.releasesUnderMmuLock, [act("F9u", () => pf.finish(m, own.fault, own.r))]),
    releaseLock(m, "F8", () => m.kvm.mmu_lock, "read", LockCode.mmu_lock),
    when(() => !m.lookup.releasesUnderMmuLock, [act("F9", () => pf.finish(m, own.fault, own.r))]),
    done("r"),
  ],
  { inlined: true },
);

const kvm_tdp_page_fault = routine("kvm_tdp_page_fault", design.faultLocals, (_own, m: Kvm) => [
  callOneOf(
    () => (m.mode === "tdp" ? 0 : 1),
    [kvm_tdp_mmu_page_fault, direct_page_fault],
    { fault: "fault" },
    "r",
  ),
  done("r"),
]);

const doFaultLocals = { vcpu: int, fault: local(kvm_page_fault), r: int } as const;

const kvm_mmu_do_page_fault = routine("kvm_mmu_do_page_fault", doFaultLocals, (own, m: Kvm) => [
  act("F0", () => initFault(m, own.fault, own.vcpu)),
  callOneOf(
    () => (m.mode === "npt0" ? 1 : 0),
    [kvm_tdp_page_fault, paging64_page_fault],
    { fault: () => own.fault },
    "r",
  ),
  done("r"),
]);

const isReserved = (m: Kvm, id: number): boolean =>
  ((m.vcpus[id]?.exit_info_1.lo ?? 0) & pf.PFERR_RSVD) !== 0;

/** 6.1: whatever is not known to be MMIO. */
const mayRetry = (m: Kvm, id: number): boolean =>
  m.kernel.retriesAnyEmulation && !mmio_info_in_cache(m, id);

/** Result: 1 to enter the guest again, 0 for user space, or a negative errno. */
export const kvm_mmu_page_fault = routine(
  "kvm_mmu_page_fault",
  { vcpu: int, r: int, iter: local(tdp_iter) },
  (own, m: Kvm) => [
    set("r", design.RET_PF_INVALID),
    when(
      () => isReserved(m, own.vcpu),
      [act("F0m", () => (own.r = handle_mmio_page_fault(m, own.vcpu, own.iter)))],
    ),
    when(
      () => own.r === design.RET_PF_INVALID,
      [call(kvm_mmu_do_page_fault, { vcpu: "vcpu" }, "r")],
    ),
    act("F0r", () => m.emit(EventId.faultResult, own.vcpu, own.r)),
    when(() => own.r < 0, [done("r")]),
    when(
      () => own.r === design.RET_PF_WRITE_PROTECTED && !m.kernel.retriesAnyEmulation,
      [call(kvm_mmu_write_protect_fault, { vcpu: "vcpu" }, "r")],
    ),
    when(() => own.r !== design.RET_PF_EMULATE && own.r !== EMULATE_OR_RETRY, [done(1)]),
    call(
      x86_emulate_instruction,
      { vcpu: "vcpu", mayRetry: () => own.r === EMULATE_OR_RETRY || mayRetry(m, own.vcpu) },
      "r",
    ),
    done("r"),
  ],
);
