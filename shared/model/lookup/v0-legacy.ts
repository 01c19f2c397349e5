// V0, the legacy lookup of Linux up to 6.12: a page behind every pfn is guessed from the pfn
// itself. A frame with a struct page must give a reference, or the fault fails; pages are marked
// again when a leaf is zapped.
// From: virt/kvm/kvm_main.c (__gfn_to_pfn_memslot, kvm_try_get_pfn, kvm_pfn_to_refcounted_page,
// kvm_release_pfn_clean), arch/x86/kvm/mmu/mmu.c (kvm_faultin_pfn), 6.12.
import { routine } from "#shared/engine/routine";
import { act, call, done, when } from "#shared/engine/words";
import { LookupOutcome, LookupStep, PageRefCause } from "#shared/events/own";
import { EFAULT, recordLookup } from "../host/gup.ts";
import { race_begin } from "../host/lab-race.ts";
import { is_zero_pfn } from "../host/memory.ts";
import * as page from "../host/page.ts";
import { pfn_valid } from "../state/layout.ts";
import { PfnError } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import {
  faultLocals,
  RET_PF_CONTINUE,
  RET_PF_RETRY,
  type Fault,
  type LookupDesign,
} from "./design.ts";
import {
  checkInvalidation,
  handleErrorPfn,
  kvm_handle_noslot_fault,
  isInvalidSlot,
  snapshotSequence,
} from "./faultin.ts";
import { lookupLocals, makeHvaToPfn, startLookup } from "./hva-to-pfn.ts";

/** Whether a pfn has a page that counts: valid and not reserved, or the zero page. */
const kvm_pfn_to_refcounted_page = routine(
  "kvm_pfn_to_refcounted_page",
  (m: Kvm, pfn: number): boolean =>
    pfn_valid(pfn) && (!page.PageReserved(m, pfn) || is_zero_pfn(pfn)),
);

/** Takes the reference that a remapped page must have; fails on a count of 0. */
function kvm_try_get_pfn(m: Kvm, fault: Fault, pfn: number): number {
  const record = (outcome: number): void =>
    recordLookup(m, LookupStep.resolve, fault.hva, pfn, outcome);
  if (!kvm_pfn_to_refcounted_page(m, pfn)) {
    record(pfn_valid(pfn) ? LookupOutcome.reserved : LookupOutcome.noPage);
    return 0;
  }
  const isTaken = page.get_page_unless_zero(m, pfn, PageRefCause.tryGetPfn);
  record(isTaken ? LookupOutcome.taken : LookupOutcome.countZero);
  return isTaken ? 0 : EFAULT;
}

const hva_to_pfn = makeHvaToPfn({ gotPage: () => undefined, gotFrame: kvm_try_get_pfn });

const __gfn_to_pfn_memslot = routine("__gfn_to_pfn_memslot", lookupLocals, (own, m: Kvm) => [
  when(
    act("F3h", () => startLookup(m, own)),
    [
      call(hva_to_pfn, { fault: "fault", nowait: "nowait" }),
      when(() => own.r !== 0, [call(race_begin)]),
    ],
  ),
  done(),
]);

/** Drops the reference by pfn, marking the page accessed. */
export const kvm_release_pfn_clean = routine(
  "kvm_release_pfn_clean",
  (m: Kvm, pfn: number, cause: number): void => {
    if (!kvm_pfn_to_refcounted_page(m, pfn)) return;
    if (!page.PageReserved(m, pfn)) page.mark_page_accessed(m, pfn);
    page.put_page(m, pfn, cause);
  },
);

/** Marks by pfn when an entry's dirty or accessed bit goes: any valid page that is not reserved. */
export const kvm_set_pfn_dirty = routine("kvm_set_pfn_dirty", (m: Kvm, pfn: number): void => {
  if (pfn_valid(pfn) && !page.PageReserved(m, pfn)) page.SetPageDirty(m, pfn);
});
export const kvm_set_pfn_accessed = routine("kvm_set_pfn_accessed", (m: Kvm, pfn: number): void => {
  if (pfn_valid(pfn) && !page.PageReserved(m, pfn)) page.mark_page_accessed(m, pfn);
});

const __kvm_faultin_pfn = routine(
  "__kvm_faultin_pfn.legacy",
  faultLocals,
  (own) => [
    call(__gfn_to_pfn_memslot, { fault: "fault", nowait: 1 }),
    when(() => own.fault.pfnError !== PfnError.needsIo, [done()]),
    act("F3r", () => (own.fault.pfnError = PfnError.none)),
    call(__gfn_to_pfn_memslot, { fault: "fault", nowait: 0 }),
    done(),
  ],
  { inlined: true },
);

const kvm_faultin_pfn = routine("kvm_faultin_pfn", faultLocals, (own, m: Kvm) => [
  act("F1", () => snapshotSequence(m, own.fault)),
  when(
    () => own.fault.slot === 0,
    [act("F1n", () => kvm_handle_noslot_fault(m, own.fault)), done(RET_PF_CONTINUE)],
  ),
  when(
    act("F2", () => isInvalidSlot(m, own.fault) || checkInvalidation(m, own.fault)),
    [done(RET_PF_RETRY)],
  ),
  call(__kvm_faultin_pfn, { fault: "fault" }),
  when(() => own.fault.pfnError !== PfnError.none, [done(() => handleErrorPfn(own.fault))]),
  when(
    act("F4", () => checkInvalidation(m, own.fault)),
    [
      act("F4r", () => kvm_release_pfn_clean(m, own.fault.pfn, PageRefCause.earlyRetry)),
      done(RET_PF_RETRY),
    ],
  ),
  done(RET_PF_CONTINUE),
]);

export const V0_LEGACY: LookupDesign = {
  id: "V0",
  index: 0,
  title: "legacy",
  posted: true,
  releasesUnderMmuLock: false,
  marksPagesAtZap: true,
  faultin: kvm_faultin_pfn,
  finish: (m, fault) => {
    if (fault.pfnError === PfnError.none)
      kvm_release_pfn_clean(m, fault.pfn, PageRefCause.releaseClean);
  },
  releasePrefetched: (m, pfn, isDirect) => {
    if (isDirect) page.put_page(m, pfn, PageRefCause.prefetchPut);
    else kvm_release_pfn_clean(m, pfn, PageRefCause.prefetchPut);
  },
};
