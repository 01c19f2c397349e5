// A way through KVM's tables of one vCPU: from the root down to the entry that decides for a gfn.
// Reads the machine's cells only, so it works at any tick at which the machine stands.
// From: tdp_iter (arch/x86/kvm/mmu/tdp_iter.c): the index of a level is nine bits of the gfn.
import { rootOf } from "#shared/model/lab/states";
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

export const indexAt = (gfn: number, level: number): number =>
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
  const leaf = walkTables(m, vcpu, gfn).at(-1);
  if (leaf === undefined || !is_shadow_present_pte(leaf.lo)) return "not mapped";
  if (leaf.level > 1 && !is_large_pte(leaf.lo)) return "not mapped";
  return is_writable_pte(leaf.lo) ? "writable" : "read-only";
}
