// The interface of a lookup design: how a gfn becomes a pfn, and what happens to the page
// afterwards. The fault path calls a design through this and never asks which one it is.
// From: the two families of kernel functions behind kvm_faultin_pfn() (6.12) and
// kvm_mmu_faultin_pfn() (7.2).
import type { SpineRoutine } from "#shared/engine/routine";
import { int, ref } from "#shared/engine/struct";
import { kvm_page_fault } from "../state/kvm.ts";
import type { Kvm, LookupSwitches } from "../state/machine.ts";

export const faultLocals = { fault: ref(kvm_page_fault), r: int } as const;
export type FaultLocals = typeof faultLocals;
export type Fault = ReturnType<typeof kvm_page_fault.at>;

/**
 * RET_PF_*: what a fault handler returns (arch/x86/kvm/mmu/mmu_internal.h); negative values are
 * errnos.
 */
export const RET_PF_CONTINUE = 0;
export const RET_PF_RETRY = 1;
export const RET_PF_EMULATE = 2;
export const RET_PF_WRITE_PROTECTED = 3;
export const RET_PF_INVALID = 4;
export const RET_PF_FIXED = 5;
export const RET_PF_SPURIOUS = 6;

export interface LookupDesign extends LookupSwitches {
  readonly id: "V0" | "V3";
  readonly title: string;
  /** Posted as code, merged or not; a design that never was is always labelled so. */
  readonly posted: boolean;
  /**
   * Acts F1 to F4r: sets pfn, map_writable and what else the design keeps in the fault. Result:
   * RET_PF_* or errno.
   */
  readonly faultin: SpineRoutine<FaultLocals>;
  /** Act F9: drops what faultin took; `r` is how mapping went. */
  readonly finish: (m: Kvm, fault: Fault, r: number) => void;
  /** Drops the reference of a page that was mapped ahead; `isDirect` by a legacy direct page. */
  readonly releasePrefetched: (m: Kvm, pfn: number, isDirect: boolean) => void;
}
