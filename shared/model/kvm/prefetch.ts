// Mapping neighbours ahead of their first access: what the host has at hand, without sleeping, in
// the aligned block of eight entries. mmu_lock is held for writing.
// From: __direct_pte_prefetch(), direct_pte_prefetch_many() (6.12), kvm_mmu_prefetch_sptes() (7.2),
// arch/x86/kvm/mmu/mmu.c; FNAME(prefetch_gpte) (paging_tmpl.h); gfn_to_page_many_atomic().
import { routine } from "#shared/engine/routine";
import { LookupStep } from "#shared/events/own";
import { frameOf } from "#shared/units/halves";
import { get_user_pages_fast_only } from "../host/gup.ts";
import { LOOKUP_DESIGNS } from "../lookup/designs.ts";
import { gfnToHva, kvm_vcpu_gfn_to_memslot, memslotAt } from "../lookup/memslot.ts";
import { KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_READONLY, KVM_MEMSLOT_INVALID } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import * as t from "../state/tables.ts";
import { ACC_WRITE_MASK, isDirectRole, roleAccess } from "./role.ts";
import { mmu_set_spte } from "./set-spte.ts";
import * as p from "./sp.ts";
import * as s from "./spte.ts";
import { entryAccess, prefetch_invalid_gpte, type Gpte } from "./sync.ts";
import { kvm_mmu_page_get_gfn } from "./zap-page.ts";

/** gfn_to_memslot_dirty_bitmap(): the slot of pages to map ahead; 0 when they must not be. */
function prefetchSlot(m: Kvm, { gfn, access, mayBeLogged }: Ahead): number {
  const cell = kvm_vcpu_gfn_to_memslot(m, gfn);
  if (cell === 0) return 0;
  const { flags } = memslotAt(m, cell);
  // Pages mapped ahead are got for writing, which a read-only slot never allows.
  if ((flags & (KVM_MEMSLOT_INVALID | KVM_MEM_READONLY)) !== 0) return 0;
  const isLogged = (flags & KVM_MEM_LOG_DIRTY_PAGES) !== 0;
  return isLogged && !mayBeLogged && (access & ACC_WRITE_MASK) !== 0 ? 0 : cell;
}

/** Pages with a reference each, as many in a row as are present and writable in the host. */
function getPages(m: Kvm, hva: number, count: number): number[] {
  const pfns: number[] = [];
  while (pfns.length < count) {
    const pfn = get_user_pages_fast_only(m, hva + pfns.length * 4096, 1, LookupStep.prefetch);
    if (pfn < 0) break;
    pfns.push(pfn);
  }
  return pfns;
}

/** Entries in a row to map ahead. */
export interface Ahead {
  readonly gfn: number;
  readonly sptep: number;
  readonly count: number;
  readonly access: number;
  /** A writable entry in a slot whose writes are logged will do too. */
  readonly mayBeLogged: boolean;
}

function mapAhead(m: Kvm, ahead: Ahead): boolean {
  const { gfn, sptep, count, access } = ahead;
  const slot = prefetchSlot(m, ahead);
  if (slot === 0) return false;
  const { base_gfn, npages } = memslotAt(m, slot);
  if (base_gfn + npages - gfn < count) return false;
  const pfns = getPages(m, gfnToHva(memslotAt(m, slot), gfn), count);
  const isDirect = isDirectRole(p.sptep_to_sp(m, sptep).role);
  for (const [i, pfn] of pfns.entries()) {
    const where = { slot, sptep: sptep + i * 2, access, gfn: gfn + i };
    mmu_set_spte(m, { ...where, pfn, fault: null });
    LOOKUP_DESIGNS[m.lookup.index]?.releasePrefetched(m, pfn, isDirect);
  }
  return pfns.length > 0;
}
const direct_pte_prefetch_many = routine("direct_pte_prefetch_many", mapAhead);
const kvm_mmu_prefetch_sptes = routine("kvm_mmu_prefetch_sptes", mapAhead);

/**
 * Maps what can be had of a row without sleeping. False when nothing could. One function for both
 * kinds of page from 7.x on; before, that of indirect pages is part of its caller.
 */
function prefetchRow(m: Kvm, ahead: Ahead): boolean {
  if (m.kernel.keepsPrefetched) return kvm_mmu_prefetch_sptes(m, ahead);
  const isDirect = isDirectRole(p.sptep_to_sp(m, ahead.sptep).role);
  return isDirect ? direct_pte_prefetch_many(m, ahead) : mapAhead(m, ahead);
}

/** Entries that are mapped together. */
export const PTE_PREFETCH_NUM = 8;

/** First entry of the aligned block around one. */
export function prefetchBlock(m: Kvm, sptep: number): number {
  return sptep - (p.spte_index(m, sptep) % PTE_PREFETCH_NUM) * 2;
}

/** Absent neighbours of an entry in a direct page, in runs. */
export const __direct_pte_prefetch = routine(
  "__direct_pte_prefetch",
  (m: Kvm, sptep: number): void => {
    const sp = p.sptep_to_sp(m, sptep);
    const access = roleAccess(m, sp.role);
    const first = prefetchBlock(m, sptep);
    let start = 0;
    for (let i = 0; i <= PTE_PREFETCH_NUM; i++) {
      const at = first + i * 2;
      const isEnd = i === PTE_PREFETCH_NUM;
      const isFree = !isEnd && at !== sptep && !s.is_shadow_present_pte(t.readSpteLow(m, at));
      if (isFree && start === 0) start = at;
      if (isFree || start === 0) continue;
      const gfn = kvm_mmu_page_get_gfn(m, sp, p.spte_index(m, start));
      const count = (at - start) / 2;
      const run = { gfn, sptep: start, count, access, mayBeLogged: false };
      if (!prefetchRow(m, run)) return;
      start = 0;
    }
  },
);

/** direct_pte_prefetch(): not while an invalidation runs, wherever it is. */
export function direct_pte_prefetch(m: Kvm, sptep: number): void {
  if (p.spLevel(p.sptep_to_sp(m, sptep)) > 1) return;
  if (m.kvm.mmu_invalidate_in_progress !== 0) return;
  __direct_pte_prefetch(m, sptep);
}

/** prefetch_gpte(): maps what a guest's entry says. False when it may not or cannot be. */
export function prefetch_gpte(
  m: Kvm,
  id: number,
  sptep: number,
  gpte: Gpte,
  mayBeLogged: boolean,
): boolean {
  if (prefetch_invalid_gpte(m, id, sptep, gpte)) return false;
  const access = entryAccess(m, p.sptep_to_sp(m, sptep), gpte);
  const gfn = frameOf(gpte.lo, gpte.hi);
  return prefetchRow(m, { gfn, sptep, count: 1, access, mayBeLogged });
}
