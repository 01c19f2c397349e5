// A way through KVM's tables of one vCPU: from the root down to the entry that decides for a gfn.
// Reads the machine's cells only, so it works at any tick at which the machine stands. Shadow
// tables (npt0) are indexed by the guest's addresses: there all leaves are asked which gfn they
// map.
// From: tdp_iter (arch/x86/kvm/mmu/tdp_iter.c): the index of a level is nine bits of the gfn;
// kvm_mmu_page_get_gfn() (arch/x86/kvm/mmu/mmu.c).
import { rootOf, tableEntries, type TableEntry } from "#shared/model/lab/states";
import { spte_index, sptep_to_sp } from "#shared/model/kvm/sp";
import { kvm_mmu_page_get_gfn } from "#shared/model/kvm/zap-page";
import { is_large_pte, is_shadow_present_pte, is_writable_pte } from "#shared/model/kvm/spte";
import type { Kvm } from "#shared/model/state/machine";
import { isTablePfn, readSpteHigh, readSpteLow, tableOf } from "#shared/model/state/tables";
import type { MappingFact } from "#shared/scenario/evaluate";
import { pagesPerLevel } from "#shared/units/address";
import { frameOf } from "#shared/units/halves";

export interface WalkStep {
  readonly level: number;
  /** First cell of the table. */
  readonly table: number;
  readonly index: number;
  readonly lo: number;
  readonly hi: number;
}

const indexAt = (gfn: number, level: number): number =>
  Math.floor(gfn / pagesPerLevel(level)) % 512;

/** From the root down; ends at a leaf or at an entry that is not present. Empty without a root. */
export function walkTables(m: Kvm, vcpu: number, gfn: number): readonly WalkStep[] {
  const root = rootOf(m, vcpu);
  if (root === null) return [];
  const steps: WalkStep[] = [];
  let { table } = root;
  for (let level = root.level; level >= 1; level--) {
    const index = indexAt(gfn, level);
    const sptep = table + index * 2;
    const lo = readSpteLow(m, sptep);
    const hi = readSpteHigh(m, sptep);
    steps.push({ level, table, index, lo, hi });
    const frame = frameOf(lo, hi);
    const isTable = is_shadow_present_pte(lo) && !is_large_pte(lo) && isTablePfn(frame);
    if (level === 1 || !isTable) break;
    table = tableOf(m, frame);
  }
  return steps;
}

/** How the vCPU's tables map a gfn now. */
export function mappingState(m: Kvm, vcpu: number, gfn: number): MappingFact["state"] {
  if (m.mode === "npt0") return shadowedState(m, vcpu, gfn);
  const leaf = walkTables(m, vcpu, gfn).at(-1);
  return leaf !== undefined && isLeaf(leaf) ? stateOf([leaf]) : "not mapped";
}

/** Several guest addresses may lead to the gfn: writable as soon as one of them is. */
function shadowedState(m: Kvm, vcpu: number, gfn: number): MappingFact["state"] {
  const root = rootOf(m, vcpu);
  if (root === null) return "not mapped";
  const entries = tableEntries(m, root.table, root.level);
  return stateOf([...entries].filter((entry) => isLeaf(entry) && covers(m, entry, gfn)));
}

function covers(m: Kvm, { sptep, level }: TableEntry, gfn: number): boolean {
  const first = kvm_mmu_page_get_gfn(m, sptep_to_sp(m, sptep), spte_index(m, sptep));
  return gfn >= first && gfn < first + pagesPerLevel(level);
}

const isLeaf = ({ level, lo }: { level: number; lo: number }): boolean =>
  is_shadow_present_pte(lo) && (level === 1 || is_large_pte(lo));

function stateOf(leaves: readonly { lo: number }[]): MappingFact["state"] {
  if (leaves.length === 0) return "not mapped";
  return leaves.some(({ lo }) => is_writable_pte(lo)) ? "writable" : "read-only";
}
