// Bringing unsync shadow pages up to date with the guest's tables: each entry is compared with the
// guest's and dropped, rebuilt or kept. mmu_lock is held for writing.
// From: FNAME(sync_spte), FNAME(prefetch_invalid_gpte) (arch/x86/kvm/mmu/paging_tmpl.h),
// kvm_sync_page(), mmu_sync_children(), sync_mmio_spte() (mmu.c), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { frameHigh, frameLow, frameOf } from "#shared/units/halves";
import { kvm_vcpu_gfn_to_memslot } from "../lookup/memslot.ts";
import type { Kvm } from "../state/machine.ts";
import * as t from "../state/tables.ts";
import { kvm_flush_remote_tlbs } from "./flush.ts";
import { make_spte } from "./make-spte.ts";
import { get_mmio_spte_gfn, is_mmio_spte, make_mmio_spte, recordMarkMmio } from "./mmio.ts";
import {
  gpte_access,
  is_rsvd_bits_set,
  isNxEntry,
  protect_clean_gpte,
  PT_GUEST_ACCESSED,
  PT_GUEST_PRESENT,
  readGuestAtomic,
} from "./paging64.ts";
import { roleAccess } from "./role.ts";
import {
  kvm_mmu_slot_gfn_write_protect,
  mmu_spte_clear_no_track,
  mmu_spte_update,
} from "./rmap.ts";
import type { InvalidList, ShadowPage } from "./sp.ts";
import * as s from "./spte.ts";
import { kvm_unlink_unsync_page, mmu_pages_clear_parents, mmu_unsync_walk } from "./unsync.ts";
import {
  drop_spte,
  flushOrZap,
  kvm_mmu_page_get_gfn,
  kvm_mmu_prepare_zap_page,
} from "./zap-page.ts";

/** kvm_mmu_page_set_translation(): what an entry of an indirect page is made of. */
export function setTranslation(
  m: Kvm,
  sp: ShadowPage,
  index: number,
  gfn: number,
  access: number,
): void {
  const info = sp.shadowed_translation;
  if (info === 0) return;
  m.put(info + index * 2, frameLow(gfn, access));
  m.put(info + index * 2 + 1, frameHigh(gfn));
}

/** kvm_mmu_page_get_access() */
const accessOf = (m: Kvm, sp: ShadowPage, index: number): number =>
  (m.mem[sp.shadowed_translation + index * 2] as number) & m.kernel.accessAll;

/** A guest's entry as read: halves. */
export interface Gpte {
  readonly lo: number;
  readonly hi: number;
}

/**
 * prefetch_invalid_gpte(): an entry that may not be mapped ahead of an access; what it had mapped
 * goes. True then.
 */
export function prefetch_invalid_gpte(m: Kvm, id: number, sptep: number, gpte: Gpte): boolean {
  const vcpu = m.vcpus[id];
  const isUsable =
    vcpu !== undefined &&
    (gpte.lo & PT_GUEST_PRESENT) !== 0 &&
    (gpte.lo & PT_GUEST_ACCESSED) !== 0 &&
    !is_rsvd_bits_set(vcpu, gpte.lo, gpte.hi, 1);
  if (!isUsable) drop_spte(m, sptep);
  return !isUsable;
}

/** Rights that a page's entry gets from the guest's. */
export const entryAccess = (m: Kvm, sp: ShadowPage, gpte: Gpte): number =>
  protect_clean_gpte(roleAccess(m, sp.role) & gpte_access(m, gpte.lo, isNxEntry(gpte.hi)), gpte.lo);

/** True when the entry is an MMIO one and has been seen to. */
function sync_mmio_spte(m: Kvm, sptep: number, gfn: number, access: number): boolean {
  const lo = t.readSpteLow(m, sptep);
  const hi = t.readSpteHigh(m, sptep);
  if (!is_mmio_spte(lo, hi)) return false;
  if (gfn !== get_mmio_spte_gfn(lo, hi)) mmu_spte_clear_no_track(m, sptep);
  else mark_mmio_spte(m, sptep, gfn, access);
  return true;
}

/** An MMIO entry, recorded before it is stored. */
export function mark_mmio_spte(m: Kvm, sptep: number, gfn: number, access: number): void {
  const { lo, hi } = make_mmio_spte(m, gfn, access);
  recordMarkMmio(m, sptep, gfn, lo, hi);
  t.writeSpte(m, sptep, lo, hi);
}

/** Same frame, other rights: makes the entry anew. Gives whether TLBs must be flushed. */
function rebuild(m: Kvm, sp: ShadowPage, index: number, access: number): number {
  const sptep = sp.spt + index * 2;
  const gfn = kvm_mmu_page_get_gfn(m, sp, index);
  const oldLow = t.readSpteLow(m, sptep);
  setTranslation(m, sp, index, gfn, access);
  const leaf = make_spte(m, {
    slot: kvm_vcpu_gfn_to_memslot(m, gfn),
    level: 1,
    access,
    gfn,
    pfn: s.spte_to_pfn(oldLow, t.readSpteHigh(m, sptep)),
    oldLow,
    isHostWritable: (oldLow & s.SPTE_HOST_WRITABLE) !== 0,
    isPrefetch: true,
    isSync: true,
  });
  return mmu_spte_update(m, sptep, leaf.lo, leaf.hi) ? 1 : 0;
}

/** One entry: below 0 it could not be read; above 0 TLBs must be flushed. */
export function kvm_sync_spte(m: Kvm, id: number, sp: ShadowPage, index: number): number {
  const sptep = sp.spt + index * 2;
  const isEmpty = m.mem[sptep] === 0 && m.mem[sptep + 1] === 0;
  return isEmpty ? 0 : paging64_sync_spte(m, id, sp, index);
}

const paging64_sync_spte = routine(
  "paging64_sync_spte",
  (m: Kvm, id: number, sp: ShadowPage, index: number): number => {
    const sptep = sp.spt + index * 2;
    let gpte: Gpte = { lo: 0, hi: 0 };
    const isRead = readGuestAtomic(m, sp.gfn, index * 8, (lo, hi) => (gpte = { lo, hi }));
    if (!isRead) return -1;
    if (prefetch_invalid_gpte(m, id, sptep, gpte)) return 1;
    const gfn = frameOf(gpte.lo, gpte.hi);
    const access = entryAccess(m, sp, gpte);
    if (sync_mmio_spte(m, sptep, gfn, access)) return 0;
    if (gfn !== kvm_mmu_page_get_gfn(m, sp, index)) {
      drop_spte(m, sptep);
      return 1;
    }
    const isSame = accessOf(m, sp, index) === access;
    return isSame && !m.kernel.syncRebuildsAll ? 0 : rebuild(m, sp, index, access);
  },
);

/** All entries of a page; one that cannot be read zaps the page. As kvm_sync_spte(). */
export const kvm_sync_page = routine(
  "kvm_sync_page",
  (m: Kvm, id: number, sp: ShadowPage, invalid: InvalidList): number => {
    let flush = 0;
    for (let index = 0; index < 512; index++) {
      const r = kvm_sync_spte(m, id, sp, index);
      // An entry that cannot be read counts as changed; the kernel gives up only below -1.
      flush |= r;
    }
    if (flush < 0) kvm_mmu_prepare_zap_page(m, sp, invalid);
    return flush;
  },
);

/** Pages of one act. */
const SYNC_BATCH = 4;

/**
 * Unsync pages below one, some of them: write-protected first, so that none becomes unsync
 * meanwhile. True while there may be more.
 */
export const mmu_sync_children = routine(
  "mmu_sync_children",
  (m: Kvm, id: number, parent: ShadowPage): boolean => {
    const pages = mmu_unsync_walk(m, parent).slice(0, SYNC_BATCH);
    let isProtected = false;
    for (const { sp } of pages) {
      const { gfn } = sp;
      const slot = kvm_vcpu_gfn_to_memslot(m, gfn);
      if (slot !== 0) isProtected = kvm_mmu_slot_gfn_write_protect(m, slot, gfn, 1) || isProtected;
    }
    if (isProtected) kvm_flush_remote_tlbs(m);
    const invalid: InvalidList = [];
    let flush = false;
    for (const page of pages) {
      kvm_unlink_unsync_page(m, page.sp);
      flush = kvm_sync_page(m, id, page.sp, invalid) > 0 || flush;
      mmu_pages_clear_parents(page);
    }
    flushOrZap(m, invalid, flush);
    return pages.length > 0;
  },
);
