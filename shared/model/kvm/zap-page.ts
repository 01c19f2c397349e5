// Taking shadow pages out: emptying their tables, unlinking them from above, freeing them once no
// CPU can still walk them. mmu_lock is held for writing.
// From: mmu_page_zap_pte(), drop_spte(), __kvm_mmu_prepare_zap_page(), kvm_mmu_commit_zap_page(),
// kvm_mmu_zap_oldest_mmu_pages(), kvm_zap_obsolete_pages() (arch/x86/kvm/mmu/mmu.c), 6.12 and 7.2.
import { assertHeld } from "#shared/engine/locks";
import { routine } from "#shared/engine/routine";
import { TablePageChange } from "#shared/events/own";
import { EventId } from "#shared/events/table";
import { pagesPerLevel } from "#shared/units/address";
import { frameOf, highHalf } from "#shared/units/halves";
import { gfn_to_memslot, memslotAt } from "../lookup/memslot.ts";
import { KVM_REQ_MMU_FREE_OBSOLETE_ROOTS, kvm_mmu_page } from "../state/kvm.ts";
import { KIND, type Kvm } from "../state/machine.ts";
import * as t from "../state/tables.ts";
import { is_mmio_spte } from "./mmio.ts";
import { kvm_flush_remote_tlbs } from "./flush.ts";
import { unaccount_shadowed } from "./page-track.ts";
import {
  mmu_spte_clear_no_track,
  mmu_spte_clear_track_bits,
  pte_list_remove,
  sptesOf,
} from "./rmap.ts";
import { gfn_to_rmap } from "./slot-arch.ts";
import * as p from "./sp.ts";
import type { InvalidList, ShadowPage } from "./sp.ts";
import * as s from "./spte.ts";
import {
  kvm_unlink_unsync_page,
  mmu_pages_clear_parents,
  mmu_unsync_walk,
  parentPtes,
} from "./unsync.ts";

/** kvm_mmu_page_get_gfn(): what an entry of the page maps. */
export function kvm_mmu_page_get_gfn(m: Kvm, sp: ShadowPage, index: number): number {
  const info = sp.shadowed_translation;
  if (info === 0) return sp.gfn + index * pagesPerLevel(p.spLevel(sp));
  return frameOf(m.mem[info + index * 2] as number, m.mem[info + index * 2 + 1] as number);
}

function rmap_remove(m: Kvm, sptep: number): void {
  const sp = p.sptep_to_sp(m, sptep);
  const gfn = kvm_mmu_page_get_gfn(m, sp, p.spte_index(m, sptep));
  const slot = gfn_to_memslot(m, gfn);
  pte_list_remove(m, gfn_to_rmap(m, memslotAt(m, slot), gfn, p.spLevel(sp)), sptep);
}

/** A leaf goes, and with it its place in the rmap. */
export const drop_spte = routine("drop_spte", (m: Kvm, sptep: number): void => {
  if (mmu_spte_clear_track_bits(m, sptep)) rmap_remove(m, sptep);
});

/** The link to a child goes; the child stays in the hash and may be found again. */
export function drop_parent_pte(m: Kvm, sp: ShadowPage, sptep: number): void {
  pte_list_remove(m, parentPtes(sp), sptep);
  mmu_spte_clear_no_track(m, sptep);
}

/** Empties one entry, whatever it holds. */
export const mmu_page_zap_pte = routine(
  "mmu_page_zap_pte",
  (m: Kvm, sp: ShadowPage, sptep: number): void => {
    const lo = t.readSpteLow(m, sptep);
    const hi = t.readSpteHigh(m, sptep);
    if (s.is_shadow_present_pte(lo)) {
      if (s.is_last_spte(lo, p.spLevel(sp))) drop_spte(m, sptep);
      else drop_parent_pte(m, p.spte_to_child_sp(m, lo, hi), sptep);
    } else if (is_mmio_spte(lo, hi)) {
      mmu_spte_clear_no_track(m, sptep);
    }
  },
);

function kvm_mmu_page_unlink_children(m: Kvm, sp: ShadowPage): void {
  const table = sp.spt;
  for (let cell = table as number; cell < table + 1024; cell += 2) {
    if (m.mem[cell] !== 0 || m.mem[cell + 1] !== 0) mmu_page_zap_pte(m, sp, cell);
  }
}

function kvm_mmu_unlink_parents(m: Kvm, sp: ShadowPage): void {
  for (const sptep of sptesOf(m, parentPtes(sp))) drop_parent_pte(m, sp, sptep);
}

/** Zaps what is unsync below a page; gives how many pages went. */
function mmu_zap_unsync_children(m: Kvm, parent: ShadowPage, invalid: InvalidList): number {
  let zapped = 0;
  for (let pages = mmu_unsync_walk(m, parent); pages.length > 0;) {
    for (const page of pages) {
      kvm_mmu_prepare_zap_page(m, page.sp, invalid);
      mmu_pages_clear_parents(page);
      zapped++;
    }
    pages = mmu_unsync_walk(m, parent);
  }
  return zapped;
}

/** A root that is zapped while in use: every vCPU looks whether it is its own. */
function requestFreeRoots(m: Kvm): void {
  for (const vcpu of m.vcpus) {
    if (vcpu.created !== 0) vcpu.requests |= KVM_REQ_MMU_FREE_OBSOLETE_ROOTS;
  }
}

/**
 * Takes a page out; it is freed by kvm_mmu_commit_zap_page(), a root when its last user lets go.
 * Gives how many pages below it went too.
 */
export const kvm_mmu_prepare_zap_page = routine(
  "__kvm_mmu_prepare_zap_page",
  (m: Kvm, sp: ShadowPage, invalid: InvalidList): number => {
    assertHeld(m, m.kvm.mmu_lock, "write");
    p.recordPage(m, EventId.kvm_mmu_prepare_zap_page, sp);
    const zapped = mmu_zap_unsync_children(m, sp, invalid);
    kvm_mmu_page_unlink_children(m, sp);
    kvm_mmu_unlink_parents(m, sp);
    const wasInvalid = sp.isInvalid !== 0;
    if (!wasInvalid && p.sp_has_gptes(sp)) unaccount_shadowed(m, sp);
    if (sp.unsync !== 0) kvm_unlink_unsync_page(m, sp);
    if (!wasInvalid) p.removeActive(m, sp);
    const isRootInUse = sp.root_count !== 0;
    const wasUsable = isRootInUse && !p.is_obsolete_sp(m, sp);
    if (!isRootInUse) {
      invalid.push(sp);
      m.kvm.n_used_mmu_pages -= 1;
    }
    p.markInvalid(m, sp);
    if (wasUsable) requestFreeRoots(m);
    return zapped;
  },
);

const SP_CELLS = kvm_mmu_page.size;

function kvm_mmu_free_shadow_page(m: Kvm, sp: ShadowPage): void {
  const table = sp.spt;
  const info = sp.shadowed_translation;
  const pfn = t.tablePfn(m, table);
  p.removeFromHash(m, sp);
  m.emit(EventId.tablePage, pfn, highHalf(pfn), TablePageChange.freed, p.spLevel(sp));
  if (info !== 0) m.free(info, KIND.shadowedTranslation);
  for (let cell: number = sp.cell; cell < sp.cell + SP_CELLS; cell++) m.put(cell, 0);
  m.free(table, KIND.kvmTable);
}

/** Flushes all TLBs, so that nobody walks the pages any more, and frees them. */
export const kvm_mmu_commit_zap_page = routine(
  "kvm_mmu_commit_zap_page",
  (m: Kvm, invalid: InvalidList): void => {
    if (invalid.length === 0) return;
    kvm_flush_remote_tlbs(m);
    for (const sp of invalid) kvm_mmu_free_shadow_page(m, sp);
  },
);

/** kvm_mmu_remote_flush_or_zap(): freeing flushes too. */
export function flushOrZap(m: Kvm, invalid: InvalidList, flush: boolean): void {
  if (invalid.length > 0) kvm_mmu_commit_zap_page(m, invalid);
  else if (flush) kvm_flush_remote_tlbs(m);
}

const KVM_MEMSLOT_PAGES_TO_MMU_PAGES_RATIO = 50;
const KVM_MIN_ALLOC_MMU_PAGES = 64;

/**
 * kvm_mmu_change_mmu_pages() to the limit that the memslots give: when one is made or deleted. No
 * page must go for it: a new slot raises the limit, and a deletion has zapped all pages before.
 */
export function changeMmuPages(m: Kvm): void {
  let pages = 0;
  for (let cell: number = m.kvm.memslots; cell !== 0; cell = memslotAt(m, cell).next) {
    pages += memslotAt(m, cell).npages;
  }
  const limit = Math.floor(pages / KVM_MEMSLOT_PAGES_TO_MMU_PAGES_RATIO);
  m.kvm.n_max_mmu_pages = Math.max(KVM_MIN_ALLOC_MMU_PAGES, limit, m.kvm.n_used_mmu_pages);
}
