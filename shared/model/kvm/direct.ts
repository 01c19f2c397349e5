// The legacy direct MMU: a fault with nested paging where KVM runs without the TDP MMU. Tables are
// shadow pages of gfn ranges, entries have rmaps, mmu_lock is held for writing.
// From: arch/x86/kvm/mmu/mmu.c (direct_page_fault, direct_map), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { act, call, callOneOf, done, set, when } from "#shared/engine/words";
import { LockCode } from "#shared/events/own";
import { frameIndex, roundFrame } from "#shared/units/address";
import { releaseLock, takeLock } from "../host/locks.ts";
import * as design from "../lookup/design.ts";
import type { Fault } from "../lookup/design.ts";
import { LOOKUP_DESIGNS } from "../lookup/designs.ts";
import type { Kvm } from "../state/machine.ts";
import { fast_page_fault } from "./fast-page-fault.ts";
import { kvm_mmu_hugepage_adjust, recordRequested } from "./hugepage.ts";
import {
  finish,
  is_page_fault_stale,
  mmu_topup_memory_caches,
  page_fault_handle_page_track,
} from "./page-fault.ts";
import { direct_pte_prefetch } from "./prefetch.ts";
import { mmu_set_spte } from "./set-spte.ts";
import { childTable, kvm_mmu_get_child_sp, link_shadow_page } from "./shadow-page.ts";
import { spAt } from "./sp.ts";
import { make_mmu_pages_available } from "./zap-pages.ts";

const ROOT_LEVEL = 4;

/** Cell of the entry at the fault's level, with the tables above it made. */
function linkTables(m: Kvm, fault: Fault): number {
  const { gfn, goal_level } = fault;
  let table: number = spAt(m, m.vcpus[fault.vcpu]?.root ?? 0).spt;
  for (let level = ROOT_LEVEL; level > goal_level; level--) {
    const sptep = table + frameIndex(gfn, level) * 2;
    const base = roundFrame(gfn, level);
    const child = { gfn: base, isDirect: true, access: m.kernel.accessAll };
    const sp = kvm_mmu_get_child_sp(m, fault.vcpu, sptep, child);
    if (sp !== null) link_shadow_page(m, sptep, sp);
    table = childTable(m, sptep);
  }
  return table + frameIndex(gfn, goal_level) * 2;
}

const direct_map = routine(
  "direct_map",
  (m: Kvm, fault: Fault): number => {
    kvm_mmu_hugepage_adjust(m, fault);
    recordRequested(m, fault, m.kernel.accessAll);
    const sptep = linkTables(m, fault);
    const { gfn, goal_level, pfn } = fault;
    const base = roundFrame(gfn, goal_level);
    const access = m.kernel.accessAll;
    const r = mmu_set_spte(m, { slot: fault.slot, sptep, access, gfn: base, pfn, fault });
    if (r !== design.RET_PF_SPURIOUS) direct_pte_prefetch(m, sptep);
    return r;
  },
  { inlined: true },
);

export const direct_page_fault = routine("direct_page_fault", design.faultLocals, (own, m: Kvm) => [
  when(
    act("F0t", () => page_fault_handle_page_track(m, own.fault)),
    [done(design.RET_PF_WRITE_PROTECTED)],
  ),
  call(fast_page_fault, { fault: "fault" }, "r"),
  when(() => own.r !== design.RET_PF_INVALID, [done("r")]),
  act("F0c", () => mmu_topup_memory_caches(m, false)),
  callOneOf(
    () => m.lookup.index,
    LOOKUP_DESIGNS.map((one) => one.faultin),
    { fault: "fault" },
    "r",
  ),
  when(() => own.r !== design.RET_PF_CONTINUE, [done("r")]),
  takeLock(m, "F5", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
  call(make_mmu_pages_available, {}, "r"),
  when(
    () => own.r === 0,
    [
      set("r", design.RET_PF_RETRY),
      when(
        act("F6", () => is_page_fault_stale(m, own.fault)),
        [],
        [act("F7", () => (own.r = direct_map(m, own.fault)))],
      ),
    ],
  ),
  when(() => m.lookup.releasesUnderMmuLock, [act("F9u", () => finish(m, own.fault, own.r))]),
  releaseLock(m, "F8", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
  when(() => !m.lookup.releasesUnderMmuLock, [act("F9", () => finish(m, own.fault, own.r))]),
  done("r"),
]);
