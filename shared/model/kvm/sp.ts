// Shadow pages as objects: finding the one behind an entry, the list of those in use, the hash by
// gfn. Owns the list's and the hash's links, nothing of what a page maps.
// From: sptep_to_sp(), spte_to_child_sp() (arch/x86/kvm/mmu/spte.h), active_mmu_pages,
// mmu_page_hash, is_obsolete_sp() (arch/x86/kvm/mmu/mmu.c), 6.12 and 7.2.
import { EventId } from "#shared/events/table";
import { highHalf } from "#shared/units/halves";
import { kvm_mmu_page, MMU_PAGE_HASH } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { spte_to_child_pt } from "./spte.ts";
import { invalidBit, isDirectRole, roleLevel } from "./role.ts";

export type ShadowPage = ReturnType<typeof kvm_mmu_page.at>;

/** Pages that wait to be freed, in the order of zapping; lives within one act. */
export type InvalidList = ShadowPage[];

const SP_CELLS = kvm_mmu_page.size;
const TABLE_CELLS = 1024;

export const spAt = (m: Kvm, cell: number): ShadowPage => kvm_mmu_page.at(m, cell);

/** The page whose table the entry is in. */
export const sptep_to_sp = (m: Kvm, sptep: number): ShadowPage =>
  spAt(m, m.shadowPages + Math.floor((sptep - m.kvmTables) / TABLE_CELLS) * SP_CELLS);
export const spte_index = (m: Kvm, sptep: number): number =>
  ((sptep - m.kvmTables) % TABLE_CELLS) / 2;
export const spte_to_child_sp = (m: Kvm, lo: number, hi: number): ShadowPage =>
  sptep_to_sp(m, spte_to_child_pt(m, lo, hi));

export const sp_has_gptes = (sp: ShadowPage): boolean => !isDirectRole(sp.role);
export const spLevel = (sp: ShadowPage): number => roleLevel(sp.role);

/** A page that no fault may use any more: zapped, or older than the last zap of everything. */
export const is_obsolete_sp = (m: Kvm, sp: ShadowPage): boolean =>
  sp.isInvalid !== 0 || (m.mode !== "tdp" && sp.mmu_valid_gen !== m.kvm.mmu_valid_gen);

export function markInvalid(m: Kvm, sp: ShadowPage): void {
  sp.isInvalid = 1;
  sp.role |= invalidBit(m);
}

/** The fields that events about pages share. */
export function recordPage(m: Kvm, event: number, sp: ShadowPage): void {
  const { mmu_valid_gen, gfn, role, root_count, unsync } = sp;
  m.emit(event, mmu_valid_gen, gfn, highHalf(gfn), role, root_count, unsync);
}

export function recordGetPage(m: Kvm, sp: ShadowPage, isCreated: boolean): void {
  const { mmu_valid_gen, gfn, role, root_count, unsync } = sp;
  const created = isCreated ? 1 : 0;
  const event = EventId.kvm_mmu_get_page;
  m.emit(event, mmu_valid_gen, gfn, highHalf(gfn), role, root_count, unsync, created);
}

/** list_add() to active_mmu_pages: newest first. */
export function addActive(m: Kvm, sp: ShadowPage): void {
  const { kvm } = m;
  const first = kvm.newestPage;
  sp.older = first;
  if (first === 0) kvm.oldestPage = sp.cell;
  else spAt(m, first).newer = sp.cell;
  kvm.newestPage = sp.cell;
}

export function removeActive(m: Kvm, sp: ShadowPage): void {
  const { newer, older } = sp;
  if (newer === 0) m.kvm.newestPage = older;
  else spAt(m, newer).older = older;
  if (older === 0) m.kvm.oldestPage = newer;
  else spAt(m, older).newer = newer;
  sp.newer = 0 as typeof newer;
  sp.older = 0 as typeof older;
}

/**
 * MODEL: the bucket is the gfn's low bits; the kernel multiplies first. Only the order of pages
 * with the same gfn can be seen, and that is the same.
 */
const bucketOf = (gfn: number): number => gfn % MMU_PAGE_HASH;

export function addToHash(m: Kvm, sp: ShadowPage): void {
  const bucket = bucketOf(sp.gfn);
  sp.hash_link = m.kvm.mmu_page_hash.get(bucket);
  m.kvm.mmu_page_hash.set(bucket, sp.cell);
}

export function removeFromHash(m: Kvm, sp: ShadowPage): void {
  const bucket = bucketOf(sp.gfn);
  const next = sp.hash_link;
  let at = m.kvm.mmu_page_hash.get(bucket);
  if (at === sp.cell) m.kvm.mmu_page_hash.set(bucket, next);
  while (at !== 0) {
    const page = spAt(m, at);
    at = page.hash_link;
    if (at === sp.cell) page.hash_link = next;
  }
}

/** for_each_valid_sp() of a gfn: newest first, without obsolete ones. */
export function* validPages(m: Kvm, gfn: number): Generator<ShadowPage> {
  let cell = m.kvm.mmu_page_hash.get(bucketOf(gfn));
  while (cell !== 0) {
    const sp = spAt(m, cell);
    cell = sp.hash_link;
    if (sp.gfn === gfn && !is_obsolete_sp(m, sp)) yield sp;
  }
}

/** for_each_gfn_valid_sp_with_gptes() */
export function* validPagesWithGptes(m: Kvm, gfn: number): Generator<ShadowPage> {
  for (const sp of validPages(m, gfn)) if (sp_has_gptes(sp)) yield sp;
}
