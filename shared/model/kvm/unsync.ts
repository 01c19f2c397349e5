// Unsync pages: shadows of level-1 guest tables that the guest may write without KVM seeing it.
// Every page above one knows that there is one below it, by a bit per entry and their number.
// mmu_lock is held for writing.
// From: mmu_try_to_unsync_pages(), kvm_unsync_page(), mark_unsync(), __mmu_unsync_walk(),
// mmu_pages_clear_parents() (arch/x86/kvm/mmu/mmu.c), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { EventId } from "#shared/events/table";
import { kvm_mmu_page } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { readSpteHigh, readSpteLow } from "../state/tables.ts";
import { kvm_gfn_is_write_tracked } from "./page-track.ts";
import { pteList } from "./rmap.ts";
import {
  recordPage,
  spLevel,
  spte_index,
  spte_to_child_sp,
  sptep_to_sp,
  validPagesWithGptes,
  type ShadowPage,
} from "./sp.ts";
import * as s from "./spte.ts";

const EPERM = -1;
const EEXIST = -17;

/** Cell of the rmap head of the entries that point to a page. */
export const parentPtes = (sp: ShadowPage): number => sp.cell + kvm_mmu_page.offsets.parent_ptes;

const hasChildBit = (sp: ShadowPage, index: number): boolean =>
  ((sp.unsync_child_bitmap.get(index >> 5) >>> (index & 31)) & 1) === 1;

function setChildBit(sp: ShadowPage, index: number, value: boolean): void {
  const bits = sp.unsync_child_bitmap;
  const word = bits.get(index >> 5);
  const bit = 1 << (index & 31);
  bits.set(index >> 5, value ? word | bit : word & ~bit);
}

/** The entry's child, or what is below it, is unsync: tells the pages above, up to the roots. */
export function mark_unsync(m: Kvm, sptep: number): void {
  const sp = sptep_to_sp(m, sptep);
  const index = spte_index(m, sptep);
  if (hasChildBit(sp, index)) return;
  setChildBit(sp, index, true);
  sp.unsync_children += 1;
  if (sp.unsync_children === 1) kvm_mmu_mark_parents_unsync(m, sp);
}

function kvm_mmu_mark_parents_unsync(m: Kvm, sp: ShadowPage): void {
  for (const parent of pteList(m, parentPtes(sp))) mark_unsync(m, parent);
}

function kvm_unsync_page(m: Kvm, sp: ShadowPage): void {
  recordPage(m, EventId.kvm_mmu_unsync_page, sp);
  sp.unsync = 1;
  kvm_mmu_mark_parents_unsync(m, sp);
}

/** kvm_unlink_unsync_page(): the page follows its table again, or goes. */
export function kvm_unlink_unsync_page(m: Kvm, sp: ShadowPage): void {
  recordPage(m, EventId.kvm_mmu_sync_page, sp);
  sp.unsync = 0;
}

/** How an entry for a gfn comes to be made. */
export interface Making {
  readonly isPrefetch: boolean;
  /** A sync rebuilds the entry: nothing may become unsync now. */
  readonly isSync: boolean;
}

/**
 * A writable entry for the gfn is wanted: pages that shadow it become unsync. 0, or an error when
 * the entry must stay read-only.
 */
export const mmu_try_to_unsync_pages = routine(
  "mmu_try_to_unsync_pages",
  (m: Kvm, slotCell: number, gfn: number, making: Making): number => {
    if (kvm_gfn_is_write_tracked(m, slotCell, gfn)) return EPERM;
    if (m.kvm.indirect_shadow_pages === 0) return 0;
    for (const sp of validPagesWithGptes(m, gfn)) {
      if (making.isSync) return EPERM;
      if (sp.unsync !== 0) continue;
      if (making.isPrefetch) return EEXIST;
      kvm_unsync_page(m, sp);
    }
    return 0;
  },
);

/** One page of a walk over what is unsync: where it hangs, from the page above it upwards. */
export interface UnsyncPage {
  readonly sp: ShadowPage;
  /** Pages above it with the index of the entry that leads down, nearest first. */
  readonly parents: readonly { readonly sp: ShadowPage; readonly index: number }[];
}

/** Pages that one walk collects. */
const KVM_PAGE_ARRAY_NR = 16;

function clear_unsync_child_bit(sp: ShadowPage, index: number): void {
  sp.unsync_children -= 1;
  setChildBit(sp, index, false);
}

interface Walk {
  readonly found: UnsyncPage[];
  /** Pages collected, those above the unsync ones included: the kernel's array holds both. */
  used: number;
}

/** True when the child counts; the bit of one that does not is cleared. */
function visit(m: Kvm, walk: Walk, path: UnsyncPage["parents"], index: number): boolean {
  const [above] = path;
  if (above === undefined) return false;
  const sptep = above.sp.spt + index * 2;
  const lo = readSpteLow(m, sptep);
  if (!s.is_shadow_present_pte(lo) || s.is_large_pte(lo)) return false;
  const child = spte_to_child_sp(m, lo, readSpteHigh(m, sptep));
  if (child.unsync_children !== 0) {
    walk.used++;
    if (walk.used >= KVM_PAGE_ARRAY_NR) return true;
    const before = walk.found.length;
    walkBelow(m, walk, child, path);
    return walk.used >= KVM_PAGE_ARRAY_NR || walk.found.length > before;
  }
  if (child.unsync === 0) return false;
  if (walk.found.every((one) => one.sp.cell !== child.cell)) {
    walk.used++;
    walk.found.push({ sp: child, parents: path });
  }
  return true;
}

/** __mmu_unsync_walk(): depth first, in order of index. At most four levels deep. */
function walkBelow(m: Kvm, walk: Walk, sp: ShadowPage, above: UnsyncPage["parents"]): void {
  for (let index = 0; index < 512 && walk.used < KVM_PAGE_ARRAY_NR; index++) {
    if (!hasChildBit(sp, index)) continue;
    const path = [{ sp, index }, ...above];
    if (!visit(m, walk, path, index)) clear_unsync_child_bit(sp, index);
  }
}

/** mmu_unsync_walk(): unsync pages below a page, as many as fit; none when all is in step. */
export function mmu_unsync_walk(m: Kvm, sp: ShadowPage): readonly UnsyncPage[] {
  if (sp.unsync_children === 0 || spLevel(sp) === 1) return [];
  const walk: Walk = { found: [], used: 1 };
  walkBelow(m, walk, sp, []);
  return walk.found;
}

/** mmu_pages_clear_parents(): in step; so are the pages above it with nothing else below. */
export function mmu_pages_clear_parents({ parents }: UnsyncPage): void {
  for (const { sp, index } of parents) {
    clear_unsync_child_bit(sp, index);
    if (sp.unsync_children !== 0) return;
  }
}
