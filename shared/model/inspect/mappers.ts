// Who maps a frame: every entry of KVM's tables and the host's own. One shadow entry (npt0) may
// stand behind several guest addresses, and several entries may map one gfn. Reads cells only.
// From: the rmaps of KVM's MMU (pte_list_add(), arch/x86/kvm/mmu/mmu.c), asked from the frame's
// side; for addresses, the tables themselves from their roots down.
import { frameIndex, PAGE_SIZE, pagesPerLevel } from "#shared/units/address";
import { frameOf } from "#shared/units/halves";
import { hexOf } from "#shared/units/hex";
import * as pt from "../host/pgtable.ts";
import { is_last_spte, is_shadow_present_pte } from "../kvm/spte.ts";
import { spAt, spLevel, spte_index, sptep_to_sp } from "../kvm/sp.ts";
import { kvm_mmu_page_get_gfn } from "../kvm/zap-page.ts";
import { rootOf, tableEntries } from "../lab/states.ts";
import { KVM_MMU_NUM_PREV_ROOTS, kvm_mmu_page } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { readSpteHigh, readSpteLow } from "../state/tables.ts";
import { kvmTree, stateOf, type EntryState, type TreeKey } from "./entry.ts";
import { kvmTable, stateIn } from "./tables.ts";

export interface Mapper {
  readonly tree: TreeKey;
  readonly level: number;
  readonly index: number;
  /** What the entry translates for the frame: a gva, a gpa or an hva; null: no root leads to it. */
  readonly address: string | null;
  /** Null for the host's entry. */
  readonly gfn: number | null;
  readonly state: EntryState;
}

const ROOT_LEVEL = 4;

/** Hex of the gva of a page number of 36 bits: the upper half of addresses is sign-extended. */
export const gvaOfPage = (page: number): string =>
  page >= 2 ** 35 ? `ffff${hexOf(page * PAGE_SIZE)}` : hexOf(page * PAGE_SIZE);

interface Leaf {
  readonly sptep: number;
  readonly level: number;
  /** Which of the leaf's pages the frame is. */
  readonly inside: number;
}

function leafOn(m: Kvm, sptep: number, level: number, pfn: number): Leaf | null {
  const lo = readSpteLow(m, sptep);
  if (!is_shadow_present_pte(lo) || !is_last_spte(lo, level)) return null;
  const inside = pfn - frameOf(lo, readSpteHigh(m, sptep));
  return inside >= 0 && inside < pagesPerLevel(level) ? { sptep, level, inside } : null;
}

function mapperOf(m: Kvm, { sptep, level, inside }: Leaf, address: string | null): Mapper {
  const sp = sptep_to_sp(m, sptep);
  const index = spte_index(m, sptep);
  const tree = kvmTree(m.mode);
  const gfn = kvm_mmu_page_get_gfn(m, sp, index) + inside;
  return {
    tree,
    level,
    index,
    address,
    gfn,
    state: stateIn(tree, kvmTable(m, sp.spt), index, level),
  };
}

/** Entries of the TDP tables: their address is the gfn's. */
function nestedMappers(m: Kvm, pfn: number): Mapper[] {
  const root = rootOf(m, 0);
  if (root === null) return [];
  const found: Mapper[] = [];
  for (const { level, gfn, sptep } of tableEntries(m, root.table, root.level)) {
    const leaf = leafOn(m, sptep, level, pfn);
    if (leaf === null) continue;
    found.push(mapperOf(m, leaf, hexOf((gfn + leaf.inside) * PAGE_SIZE)));
  }
  return found;
}

/** Roots that a vCPU runs on or may come back to, each once. */
function rootsInUse(m: Kvm): ReadonlySet<number> {
  const roots = new Set<number>();
  for (const vcpu of m.vcpus) {
    roots.add(vcpu.root);
    for (let n = 0; n < KVM_MMU_NUM_PREV_ROOTS; n++) roots.add(vcpu.prev_roots.get(n).root);
  }
  roots.delete(0);
  return roots;
}

/** Entries of all shadow pages, by gva where a root leads to them; the others come last. */
function shadowMappers(m: Kvm, pfn: number): Mapper[] {
  const found = new Map<string, Mapper>();
  const reached = new Set<number>();
  for (const root of rootsInUse(m)) {
    for (const entry of tableEntries(m, kvm_mmu_page.at(m, root).spt, ROOT_LEVEL)) {
      const leaf = leafOn(m, entry.sptep, entry.level, pfn);
      if (leaf === null) continue;
      const gva = gvaOfPage(entry.gfn + leaf.inside);
      found.set(`${entry.sptep} ${gva}`, mapperOf(m, leaf, gva));
      reached.add(entry.sptep);
    }
  }
  for (let cell: number = m.kvm.newestPage; cell !== 0; cell = spAt(m, cell).older) {
    const sp = spAt(m, cell);
    for (let sptep: number = sp.spt; sptep < sp.spt + 1024; sptep += 2) {
      const leaf = reached.has(sptep) ? null : leafOn(m, sptep, spLevel(sp), pfn);
      if (leaf !== null) found.set(`${sptep}`, mapperOf(m, leaf, null));
    }
  }
  return [...found.values()];
}

/** Entries of KVM's tables that map the frame. */
export const mappersOf = (m: Kvm, pfn: number): Mapper[] =>
  kvmTree(m.mode) === "shadow" ? shadowMappers(m, pfn) : nestedMappers(m, pfn);

/** The host's own entry. */
export function hostMapper(m: Kvm, hva: number): Mapper {
  const cell = pt.presentLeaf(m, hva);
  const level = pt.isHugeLeaf(m, cell) ? 2 : 1;
  const state = stateOf("host", pt.pteLow(m, cell), pt.pteHigh(m, cell), level);
  const index = frameIndex(Math.floor(hva / PAGE_SIZE), level);
  return { tree: "host", level, index, address: hexOf(hva), gfn: null, state };
}
