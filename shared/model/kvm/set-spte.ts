// Mapping one page in the shadow and legacy tables: the entry, its rmap, what it was made of.
// mmu_lock is held for writing.
// From: arch/x86/kvm/mmu/mmu.c (mmu_set_spte, __rmap_add), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { EventId } from "#shared/events/table";
import { highHalf } from "#shared/units/halves";
import * as design from "../lookup/design.ts";
import type { Fault } from "../lookup/design.ts";
import { memslotAt } from "../lookup/memslot.ts";
import { PfnError } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import * as t from "../state/tables.ts";
import { kvm_flush_remote_tlbs_gfn } from "./flush.ts";
import { make_spte } from "./make-spte.ts";
import { kvm_zap_all_rmap_sptes, mmu_spte_update, pte_list_add } from "./rmap.ts";
import { gfn_to_rmap } from "./slot-arch.ts";
import * as p from "./sp.ts";
import type { ShadowPage } from "./sp.ts";
import * as s from "./spte.ts";
import { mark_mmio_spte, setTranslation } from "./sync.ts";
import { drop_parent_pte, drop_spte } from "./zap-page.ts";

/** What is to be mapped where. */
export interface Mapping {
  readonly slot: number;
  readonly sptep: number;
  readonly access: number;
  readonly gfn: number;
  readonly pfn: number;
  /** Null when the page is mapped ahead of an access. */
  readonly fault: Fault | null;
}

/** What the entry held before: still in the rmap, and whether TLBs must be flushed. */
interface Cleared {
  readonly wasMapped: boolean;
  readonly flush: boolean;
}

/** Makes room: a table or another page in the entry goes. */
function clearOther(m: Kvm, sp: ShadowPage, { sptep, pfn }: Mapping): Cleared {
  const lo = t.readSpteLow(m, sptep);
  const hi = t.readSpteHigh(m, sptep);
  if (!s.is_shadow_present_pte(lo)) return { wasMapped: false, flush: false };
  if (p.spLevel(sp) > 1 && !s.is_large_pte(lo)) {
    drop_parent_pte(m, p.spte_to_child_sp(m, lo, hi), sptep);
    return { wasMapped: false, flush: true };
  }
  if (s.spte_to_pfn(lo, hi) === pfn) return { wasMapped: true, flush: false };
  drop_spte(m, sptep);
  return { wasMapped: false, flush: true };
}

/** An rmap longer than this is emptied: the gfn is mapped in too many places. */
const RMAP_RECYCLE_THRESHOLD = 1000;

const rmap_add = routine("__rmap_add", (m: Kvm, sp: ShadowPage, what: Mapping): void => {
  const { slot, sptep, gfn, access } = what;
  setTranslation(m, sp, p.spte_index(m, sptep), gfn, access);
  const head = gfn_to_rmap(m, memslotAt(m, slot), gfn, p.spLevel(sp));
  if (pte_list_add(m, head, sptep) <= RMAP_RECYCLE_THRESHOLD) return;
  kvm_zap_all_rmap_sptes(m, head);
  kvm_flush_remote_tlbs_gfn(m);
});

function recordSetSpte(m: Kvm, gfn: number, level: number, sptep: number): void {
  const lo = t.readSpteLow(m, sptep);
  const hi = t.readSpteHigh(m, sptep);
  const at = t.physicalOf(m, sptep);
  m.emit(EventId.kvm_mmu_set_spte, gfn, highHalf(gfn), lo, hi, level, at, highHalf(at));
}

/** A prefetched page that is mapped already: nothing to do (7.x). */
function isMappedAlready(m: Kvm, level: number, { sptep, pfn, fault }: Mapping): boolean {
  if (fault !== null || !m.kernel.keepsPrefetched) return false;
  const lo = t.readSpteLow(m, sptep);
  const isLeaf = s.is_shadow_present_pte(lo) && s.is_last_spte(lo, level);
  return isLeaf && s.spte_to_pfn(lo, t.readSpteHigh(m, sptep)) === pfn;
}

/** Stores the leaf. Result: RET_PF_FIXED, SPURIOUS, WRITE_PROTECTED or EMULATE. */
export const mmu_set_spte = routine("mmu_set_spte", (m: Kvm, what: Mapping): number => {
  const { slot, sptep, access, gfn, pfn, fault } = what;
  const sp = p.sptep_to_sp(m, sptep);
  const level = p.spLevel(sp);
  if (isMappedAlready(m, level, what)) return design.RET_PF_SPURIOUS;
  const cleared = clearOther(m, sp, what);
  if (fault !== null && fault.pfnError === PfnError.noslot) {
    mark_mmio_spte(m, sptep, gfn, access);
    if (cleared.flush) kvm_flush_remote_tlbs_gfn(m);
    return design.RET_PF_EMULATE;
  }
  const oldLow = t.readSpteLow(m, sptep);
  const leaf = make_spte(m, {
    slot,
    level,
    access,
    gfn,
    pfn,
    oldLow,
    isHostWritable: fault === null || fault.map_writable,
    isPrefetch: fault === null || fault.prefetch,
    isSync: false,
  });
  const isSame = oldLow === leaf.lo && t.readSpteHigh(m, sptep) === leaf.hi;
  let { flush } = cleared;
  if (!isSame) {
    flush = mmu_spte_update(m, sptep, leaf.lo, leaf.hi) || flush;
    recordSetSpte(m, gfn, level, sptep);
  }
  if (flush) kvm_flush_remote_tlbs_gfn(m);
  if (cleared.wasMapped) setTranslation(m, sp, p.spte_index(m, sptep), gfn, access);
  else rmap_add(m, sp, what);
  if (leaf.isProtected && fault?.write === true) return design.RET_PF_WRITE_PROTECTED;
  return isSame ? design.RET_PF_SPURIOUS : design.RET_PF_FIXED;
});
