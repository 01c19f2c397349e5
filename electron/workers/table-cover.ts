// Where a table stands in its tree: the first address that it covers, a gva, a gpa or an hva.
// Reads the machine's cells only, at the tick at which it stands.
// Found by going through the tree from its root, tables only; a tree has at most four levels.
import { stateOf, type TreeKey } from "#shared/model/inspect/entry";
import { tableAt, type TableReader } from "#shared/model/inspect/tables";
import { rootOf } from "#shared/model/lab/states";
import { pfnOfTable } from "#shared/model/host/pgtable";
import { tablePfn } from "#shared/model/state/tables";
import type { Kvm } from "#shared/model/state/machine";
import { PAGE_SIZE, pagesPerLevel } from "#shared/units/address";
import { frameOf } from "#shared/units/halves";

export interface TablePlace {
  readonly tree: TreeKey;
  readonly vcpu: number;
  /** Physical address; a gpa for the guest's tree. */
  readonly physical: number;
}

const TOP_LEVEL = 4;
const ENTRIES = 512;
/** Tables looked at before giving up. */
const MAX_TABLES = 20_000;

/** First address under the table; null when no root leads to it. */
export function coverOf(m: Kvm, place: TablePlace): number | null {
  const root = rootTable(m, place);
  if (root === null) return null;
  const open = [{ table: root, level: TOP_LEVEL, base: 0 }];
  for (let looked = 0; looked < MAX_TABLES; looked++) {
    const next = open.shift();
    if (next === undefined) return null;
    const { table, level, base } = next;
    if (table.physical === place.physical) return base;
    if (level === 1) continue;
    for (let index = 0; index < ENTRIES; index++) {
      const lo = table.lo(index);
      const hi = table.hi(index);
      if (stateOf(place.tree, lo, hi, level) !== "T") continue;
      const child = tableAt(m, place.tree, frameOf(lo, hi) * PAGE_SIZE);
      const childBase = base + index * pagesPerLevel(level) * PAGE_SIZE;
      if (child !== null) open.push({ table: child, level: level - 1, base: childBase });
    }
  }
  return null;
}

function rootTable(m: Kvm, { tree, vcpu }: TablePlace): TableReader | null {
  if (tree === "host") return tableAt(m, tree, pfnOfTable(m, m.mm.pgd) * PAGE_SIZE);
  if (tree === "guest") return tableAt(m, tree, m.vcpus[vcpu]?.cr3 ?? 0);
  const root = rootOf(m, vcpu);
  return root === null ? null : tableAt(m, tree, tablePfn(m, root.table) * PAGE_SIZE);
}
