// The entries of a run's tables, made ready to be compared with another run's. Shadow tables go by
// gva, the others by gpa; where one run has these and the other those, only pages can be compared,
// by their gfn. Reads the machine's cells only.
// From: kvm_mmu_page_get_gfn() (arch/x86/kvm/mmu/mmu.c).
import type { TableEntry } from "#shared/compare/tables";
import type { EntryView } from "#shared/contract/state";
import { entryText, isHuge, kvmTree, type EntryState } from "#shared/model/inspect/entry";
import { gvaOfPage } from "#shared/model/inspect/mappers";
import { kvmTable, stateIn } from "#shared/model/inspect/tables";
import { spte_index, spte_to_child_sp, sptep_to_sp } from "#shared/model/kvm/sp";
import { is_last_spte, is_shadow_present_pte } from "#shared/model/kvm/spte";
import { kvm_mmu_page_get_gfn } from "#shared/model/kvm/zap-page";
import { rootOf, tableEntries, type TableEntry as RawEntry } from "#shared/model/lab/states";
import type { Kvm, ModeId } from "#shared/model/state/machine";
import { frameIndex, PAGE_SIZE } from "#shared/units/address";
import { hexOf, hexOfHalves } from "#shared/units/hex";
import type { LiveRun } from "./live-run.ts";

/** What rows of a comparison go by; "gfn" leaves tables out. */
export type Space = "gva" | "gpa" | "gfn";

export interface ComparedEntry extends TableEntry {
  readonly state: EntryState;
  readonly index: number;
}

export function spaceOf(a: ModeId, b: ModeId): Space {
  const [treeA, treeB] = [kvmTree(a), kvmTree(b)];
  if (treeA !== treeB) return "gfn";
  return treeA === "shadow" ? "gva" : "gpa";
}

export const addressOf = (space: Space, page: number): string =>
  space === "gva" ? gvaOfPage(page) : hexOf(page * PAGE_SIZE);

/** Entries of vCPU 0's tables after event n; 0 is the end. */
export function entriesAt(live: LiveRun, event: number, space: Space): readonly ComparedEntry[] {
  const m = live.at(event === 0 ? live.run.record.ticks : live.tickOfEvent(event));
  const root = rootOf(m, 0);
  if (root === null) return [];
  const raw = [...tableEntries(m, root.table, root.level)];
  if (space !== "gfn") return raw.map((entry) => comparedEntry(m, entry));
  const pages = new Map<string, ComparedEntry>();
  for (const entry of raw) {
    if (!is_shadow_present_pte(entry.lo) || !is_last_spte(entry.lo, entry.level)) continue;
    const { gfn, ...rest } = comparedEntry(m, entry);
    const key = `${entry.level} ${gfn}`;
    // Of several guest addresses with the same page the first stands for all.
    if (!pages.has(key)) pages.set(key, { ...rest, gfn, page: gfn });
  }
  return [...pages.values()];
}

function comparedEntry(m: Kvm, { level, gfn: page, lo, hi, sptep }: RawEntry): ComparedEntry {
  const sp = sptep_to_sp(m, sptep);
  const index = frameIndex(page, level);
  const tree = kvmTree(m.mode);
  const state = stateIn(tree, kvmTable(m, sp.spt), index, level);
  const shadowed =
    state === "T"
      ? spte_to_child_sp(m, lo, hi).gfn
      : kvm_mmu_page_get_gfn(m, sp, spte_index(m, sptep));
  return { level, page, gfn: tree === "shadow" ? shadowed : page, lo, hi, event: 0, state, index };
}

export function viewOf(entry: ComparedEntry | null): EntryView | null {
  if (entry === null) return null;
  const { level, lo, hi, state, index } = entry;
  return {
    index,
    value: hexOfHalves(lo, hi),
    text: entryText(lo, hi, state),
    state,
    huge: isHuge(lo, level),
    changed: false,
  };
}
