// V3, the lookup merged after 6.12: only GUP gives a page; a remapped frame is mapped as it is,
// with nothing taken. The page is released under mmu_lock right after mapping, marked dirty if the
// mapping may be written.
// From: virt/kvm/kvm_main.c (kvm_follow_pfn, __kvm_faultin_pfn, kvm_resolve_pfn,
// kvm_release_page_*), arch/x86/kvm/mmu/mmu.c (kvm_mmu_faultin_pfn, kvm_mmu_finish_page_fault),
// 7.2.
import { routine } from "#shared/engine/routine";
import { act, call, done, when } from "#shared/engine/words";
import { LookupOutcome, LookupStep, PageRefCause } from "#shared/events/own";
import { recordLookup } from "../host/gup.ts";
import { race_begin } from "../host/lab-race.ts";
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

/** kvm_resolve_pfn() for a page from GUP: the fault keeps it until it is finished. */
function keepPage(_m: Kvm, fault: Fault, pfn: number): void {
  fault.refcounted_page = pfn + 1;
}

/** kvm_resolve_pfn() for a frame from the walk: no page, so nothing to take and nothing to drop. */
function keepFrame(m: Kvm, fault: Fault, pfn: number): number {
  fault.refcounted_page = 0;
  const outcome = pfn_valid(pfn) ? LookupOutcome.found : LookupOutcome.noPage;
  recordLookup(m, LookupStep.resolve, fault.hva, pfn, outcome);
  return 0;
}

const hva_to_pfn = makeHvaToPfn({ gotPage: keepPage, gotFrame: keepFrame });

const kvm_follow_pfn = routine("kvm_follow_pfn", lookupLocals, (own, m: Kvm) => [
  when(
    act("F3h", () => startLookup(m, own)),
    [
      call(hva_to_pfn, { fault: "fault", nowait: "nowait" }),
      when(() => own.r !== 0, [call(race_begin)]),
    ],
  ),
  done(),
]);

const __kvm_faultin_pfn = routine("__kvm_faultin_pfn", lookupLocals, () => [
  call(kvm_follow_pfn, { fault: "fault", nowait: "nowait" }),
  done(),
]);

const __kvm_mmu_faultin_pfn = routine(
  "__kvm_mmu_faultin_pfn",
  faultLocals,
  (own) => [
    call(__kvm_faultin_pfn, { fault: "fault", nowait: 1 }),
    when(() => own.fault.pfnError !== PfnError.needsIo, [done()]),
    act("F3r", () => (own.fault.pfnError = PfnError.none)),
    call(__kvm_faultin_pfn, { fault: "fault", nowait: 0 }),
    done(),
  ],
  { inlined: true },
);

const markAccessed = (m: Kvm, pfn: number): void => {
  if (!page.PageReserved(m, pfn)) page.mark_page_accessed(m, pfn);
};

const kvm_release_page_clean = routine("kvm_release_page_clean", (m: Kvm, pfn: number): void => {
  markAccessed(m, pfn);
  page.put_page(m, pfn, PageRefCause.releaseClean);
});

const kvm_release_page_dirty = routine(
  "kvm_release_page_dirty",
  (m: Kvm, pfn: number, cause: number): void => {
    if (!page.PageReserved(m, pfn)) page.SetPageDirty(m, pfn);
    markAccessed(m, pfn);
    page.put_page(m, pfn, cause);
  },
);

/**
 * Releases the page GUP gave, if any: unused on a retry, dirty if the mapping may be written, else
 * clean.
 */
const kvm_mmu_finish_page_fault = routine(
  "kvm_mmu_finish_page_fault",
  (m: Kvm, fault: Fault, r: number): void => {
    const pfn = fault.refcounted_page - 1;
    if (pfn < 0) return;
    if (r === RET_PF_RETRY) page.put_page(m, pfn, PageRefCause.earlyRetry);
    else if (fault.map_writable) kvm_release_page_dirty(m, pfn, PageRefCause.releaseDirty);
    else kvm_release_page_clean(m, pfn);
  },
);

const kvm_mmu_faultin_pfn = routine("kvm_mmu_faultin_pfn", faultLocals, (own, m: Kvm) => [
  act("F1", () => snapshotSequence(m, own.fault)),
  when(
    () => own.fault.slot === 0,
    [act("F1n", () => kvm_handle_noslot_fault(m, own.fault)), done(RET_PF_CONTINUE)],
  ),
  when(
    act("F2", () => isInvalidSlot(m, own.fault) || checkInvalidation(m, own.fault)),
    [done(RET_PF_RETRY)],
  ),
  call(__kvm_mmu_faultin_pfn, { fault: "fault" }),
  when(() => own.fault.pfnError !== PfnError.none, [done(() => handleErrorPfn(own.fault))]),
  when(
    act("F4", () => checkInvalidation(m, own.fault)),
    [act("F4r", () => kvm_mmu_finish_page_fault(m, own.fault, RET_PF_RETRY)), done(RET_PF_RETRY)],
  ),
  done(RET_PF_CONTINUE),
]);

export const V3_MERGED: LookupDesign = {
  id: "V3",
  index: 1,
  title: "merged",
  posted: true,
  releasesUnderMmuLock: true,
  marksPagesAtZap: false,
  faultin: kvm_mmu_faultin_pfn,
  finish: kvm_mmu_finish_page_fault,
  releasePrefetched: (m, pfn) => kvm_release_page_dirty(m, pfn, PageRefCause.prefetchPut),
};
