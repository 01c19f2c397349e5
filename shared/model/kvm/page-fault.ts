// What all fault handlers share: error codes, the vCPU's caches, the last test under mmu_lock, the
// release of what the lookup took.
// From: arch/x86/kvm/mmu/mmu.c (mmu_topup_memory_caches, is_page_fault_stale,
// page_fault_handle_page_track), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { EventId } from "#shared/events/table";
import type { Fault } from "../lookup/design.ts";
import { LOOKUP_DESIGNS } from "../lookup/designs.ts";
import { mmu_invalidate_retry_gfn } from "../lookup/memslot.ts";
import type { Kvm } from "../state/machine.ts";
import { kvm_gfn_is_write_tracked } from "./page-track.ts";
import { is_obsolete_sp, spAt } from "./sp.ts";

export const PFERR_PRESENT = 1;
export const PFERR_WRITE = 2;
export const PFERR_USER = 4;
export const PFERR_RSVD = 8;
export const PFERR_FETCH = 16;

const __kvm_mmu_topup_memory_cache = routine(
  "__kvm_mmu_topup_memory_cache",
  (_m: Kvm): number => 0,
);
const kvm_mmu_topup_memory_cache = routine("kvm_mmu_topup_memory_cache", (m: Kvm): number =>
  __kvm_mmu_topup_memory_cache(m),
);

/**
 * MODEL: the caches are never empty, so topping them up cannot fail; table pages come straight from
 * the allocator.
 */
export const mmu_topup_memory_caches = routine(
  "mmu_topup_memory_caches",
  (m: Kvm, mayBeIndirect: boolean): number => {
    const direct =
      kvm_mmu_topup_memory_cache(m) + kvm_mmu_topup_memory_cache(m) + kvm_mmu_topup_memory_cache(m);
    return mayBeIndirect ? direct + kvm_mmu_topup_memory_cache(m) : direct;
  },
);

/**
 * Whether what was looked up may still be mapped: the root is valid and no invalidation hit. Exact
 * under mmu_lock.
 */
function isStaleNow(m: Kvm, fault: Fault): boolean {
  const root = m.vcpus[fault.vcpu]?.root ?? 0;
  const isStale =
    is_obsolete_sp(m, spAt(m, root)) || (fault.slot !== 0 && mmu_invalidate_retry_gfn(m, fault));
  const { mmu_invalidate_seq, mmu_invalidate_in_progress } = m.kvm;
  m.emit(
    EventId.staleCheck,
    fault.mmu_seq,
    mmu_invalidate_seq,
    mmu_invalidate_in_progress,
    isStale ? 1 : 0,
  );
  return isStale;
}
export const is_page_fault_stale = routine("is_page_fault_stale", isStaleNow);

/** Act F9: the lookup design drops what it took. */
export const finish = (m: Kvm, fault: Fault, r: number): void =>
  LOOKUP_DESIGNS[m.lookup.index]?.finish(m, fault, r);

/** page_fault_handle_page_track(): a write to a tracked table is emulated, without a lookup. */
export function page_fault_handle_page_track(m: Kvm, fault: Fault): boolean {
  if ((fault.error_code.lo & PFERR_RSVD) !== 0 || !fault.present || !fault.write) return false;
  return kvm_gfn_is_write_tracked(m, fault.slot, fault.gfn);
}
