// Linux 6.1 as data: the profile of 6.12 but for what stands here. Witness: Debian's 6.1.192.
// Instruction costs were not traced function by function; those of 6.12 stand in for them.
// From: arch/x86/kvm/mmu/{spte.h,tdp_mmu.c,mmu.c}, virt/kvm/kvm_main.c (6.1) against 6.12.
import { FORMS_6_1 } from "#shared/events/forms";
import { LINUX_6_12 } from "./linux-6.12.ts";
import { HOST_6_1 } from "./host-switches.ts";
import type { KernelProfile } from "./profile.ts";

export const LINUX_6_1: KernelProfile = {
  ...LINUX_6_12,
  id: "6.1",
  title: "Linux 6.1",
  witness: "6.1.192",
  forms: FORMS_6_1,
  nonpresentHigh: 0,
  syncRebuildsAll: true,
  invlpgPrefetches: true,
  unprotectsBeforeDelivery: true,
  retriesAnyEmulation: true,
  zapLevels: [3, 4],
  checksInvalidationEarly: false,
  invalidatesByAddress: true,
  clearsExitReason: false,
  errorCodeBits: 32,
  gupFastTakesUnmapped: true,
  hasGenerationalLru: false,
  marksDirtyAtLogClear: false,
  collapses: "frozen",
  host: HOST_6_1,
};
