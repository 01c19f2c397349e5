// Finding or making the shadow page for a guest table (or for a range of gfns, in direct pages),
// and linking it under its parent. mmu_lock is held for writing.
// From: kvm_mmu_find_shadow_page(), kvm_mmu_alloc_shadow_page(), __kvm_mmu_get_shadow_page(),
// kvm_mmu_get_child_sp(), __link_shadow_page() (arch/x86/kvm/mmu/mmu.c), 6.12 and 7.2.
import { assertHeld } from "#shared/engine/locks";
import { routine } from "#shared/engine/routine";
import { TablePageChange } from "#shared/events/own";
import { EventId } from "#shared/events/table";
import { frameHigh, highHalf } from "#shared/units/halves";
import { KIND, type Kvm } from "../state/machine.ts";
import * as t from "../state/tables.ts";
import { kvm_flush_remote_tlbs, kvm_flush_remote_tlbs_gfn } from "./flush.ts";
import { account_shadowed } from "./page-track.ts";
import { childRole, isDirectRole, roleAccess, roleLevel } from "./role.ts";
import { pte_list_add } from "./rmap.ts";
import * as p from "./sp.ts";
import type { InvalidList, ShadowPage } from "./sp.ts";
import * as s from "./spte.ts";
import { kvm_sync_page } from "./sync.ts";
import { mark_unsync, parentPtes } from "./unsync.ts";
import {
  drop_parent_pte,
  kvm_mmu_commit_zap_page,
  kvm_mmu_prepare_zap_page,
  mmu_page_zap_pte,
} from "./zap-page.ts";

/** Highest level of a table whose entries can be leafs. */
const KVM_MAX_HUGEPAGE_LEVEL = 3;

/** An existing page of this gfn and role, brought up to date; null when there is none. */
function kvm_mmu_find_shadow_page(
  m: Kvm,
  id: number,
  gfn: number,
  role: number,
): ShadowPage | null {
  const invalid: InvalidList = [];
  const found = findPage(m, id, { gfn, role, invalid });
  kvm_mmu_commit_zap_page(m, invalid);
  return found;
}

interface Wanted {
  readonly gfn: number;
  readonly role: number;
  readonly invalid: InvalidList;
}

function findPage(m: Kvm, id: number, { gfn, role, invalid }: Wanted): ShadowPage | null {
  for (const sp of p.validPages(m, gfn)) {
    if (sp.role !== role) {
      // A table that becomes an upper one will be write-protected: it cannot stay unsync.
      if (roleLevel(role) > 1 && sp.unsync !== 0) kvm_mmu_prepare_zap_page(m, sp, invalid);
      continue;
    }
    if (isDirectRole(role)) return sp;
    if (sp.unsync !== 0) {
      const r = kvm_sync_page(m, id, sp, invalid);
      if (r < 0) return null;
      if (r > 0) kvm_flush_remote_tlbs(m);
    }
    sp.write_flooding_count = 0;
    return sp;
  }
  return null;
}

const kvm_mmu_memory_cache_alloc = routine("kvm_mmu_memory_cache_alloc", (m: Kvm): number =>
  m.alloc(KIND.kvmTable),
);

function kvm_mmu_alloc_shadow_page(m: Kvm, gfn: number, role: number): ShadowPage {
  const table = kvm_mmu_memory_cache_alloc(m);
  const sp = p.sptep_to_sp(m, table);
  sp.spt = table as typeof sp.spt;
  const pfn = t.tablePfn(m, table);
  const level = roleLevel(role);
  m.emit(EventId.tablePage, pfn, highHalf(pfn), TablePageChange.allocated, level);
  if (!isDirectRole(role) && level <= KVM_MAX_HUGEPAGE_LEVEL) {
    sp.shadowed_translation = m.alloc(KIND.shadowedTranslation);
  }
  sp.mmu_valid_gen = m.kvm.mmu_valid_gen;
  p.addActive(m, sp);
  m.kvm.n_used_mmu_pages += 1;
  sp.gfn = gfn;
  sp.role = role;
  p.addToHash(m, sp);
  if (p.sp_has_gptes(sp)) account_shadowed(m, sp);
  return sp;
}

export const kvm_mmu_get_shadow_page = routine(
  "__kvm_mmu_get_shadow_page",
  (m: Kvm, id: number, gfn: number, role: number): ShadowPage => {
    assertHeld(m, m.kvm.mmu_lock, "write");
    const found = kvm_mmu_find_shadow_page(m, id, gfn, role);
    const sp = found ?? kvm_mmu_alloc_shadow_page(m, gfn, role);
    p.recordGetPage(m, sp, found === null);
    return sp;
  },
);

/** What the page below an entry is to be. */
export interface Child {
  readonly gfn: number;
  readonly isDirect: boolean;
  readonly access: number;
}

/** The page for below an entry; null when the entry leads to it already. */
export const kvm_mmu_get_child_sp = routine(
  "kvm_mmu_get_child_sp",
  (m: Kvm, id: number, sptep: number, { gfn, isDirect, access }: Child): ShadowPage | null => {
    const role = childRole(m, p.sptep_to_sp(m, sptep).role, isDirect, access);
    const lo = t.readSpteLow(m, sptep);
    if (s.is_shadow_present_pte(lo) && !s.is_large_pte(lo)) {
      const child = p.spte_to_child_sp(m, lo, t.readSpteHigh(m, sptep));
      if (child.gfn === gfn && child.role === role) return null;
    }
    return kvm_mmu_get_shadow_page(m, id, gfn, role);
  },
);

/** Puts a table pointer where nothing, another table or a huge leaf was. */
export const link_shadow_page = routine(
  "__link_shadow_page",
  (m: Kvm, sptep: number, sp: ShadowPage): void => {
    if (s.is_shadow_present_pte(t.readSpteLow(m, sptep))) {
      mmu_page_zap_pte(m, p.sptep_to_sp(m, sptep), sptep);
      kvm_flush_remote_tlbs(m);
    }
    const pfn = t.tablePfn(m, sp.spt);
    t.writeSpte(m, sptep, s.make_nonleaf_spte(m, sp.spt), frameHigh(pfn));
    pte_list_add(m, parentPtes(sp), sptep);
    if (sp.unsync_children !== 0 || sp.unsync !== 0) mark_unsync(m, sptep);
  },
);

/** validate_direct_spte(): a direct page made for other rights is unlinked. */
export function validate_direct_spte(m: Kvm, sptep: number, access: number): void {
  const lo = t.readSpteLow(m, sptep);
  if (!s.is_shadow_present_pte(lo) || s.is_large_pte(lo)) return;
  const child = p.spte_to_child_sp(m, lo, t.readSpteHigh(m, sptep));
  if (roleAccess(m, child.role) === access) return;
  drop_parent_pte(m, child, sptep);
  kvm_flush_remote_tlbs_gfn(m);
}

/** kvm_mmu_child_sp of an entry for the walk down: the table that a present entry leads to. */
export const childTable = (m: Kvm, sptep: number): number =>
  s.spte_to_child_pt(m, t.readSpteLow(m, sptep), t.readSpteHigh(m, sptep));
