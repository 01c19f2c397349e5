// The child of fork: it sleeps, so it only holds what it shared. Its page tables are a tree of
// their own; no notifier hears of it, since KVM does not know it.
// From: mm/memory.c (copy_page_range, zap_page_range), mm/mmap.c (exit_mmap).
import { routine } from "#shared/engine/routine";
import { int } from "#shared/engine/struct";
import { act, again, done, leave, loop, when } from "#shared/engine/words";
import { PageRefCause } from "#shared/events/own";
import * as pg from "../state/host.ts";
import { pfn_valid } from "../state/layout.ts";
import { KIND, type Kvm } from "../state/machine.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { isHugeZero } from "./split-pmd.ts";
import { swap_free } from "./swap-slots.ts";

type Visit = (cell: number, hva: number) => void;

/** Visits every entry that is not empty, in order of address; tables above leaves are not. */
function visitLeaves(m: Kvm, table: number, level: number, base: number, visit: Visit): void {
  const size = pt.PAGE_SIZE * 512 ** (level - 1);
  for (let n = 0; n < 512; n++) {
    const cell = table + n * 2;
    const low = m.mem[cell] as number;
    if (low === 0) continue;
    const below = level > 1 ? pt.tableBelow(m, cell) : 0;
    if (below !== 0) visitLeaves(m, below, level - 1, base + n * size, visit);
    else visit(cell, base + n * size);
  }
}

function clear(m: Kvm, cell: number): void {
  m.put(cell, 0);
  m.put(cell + 1, 0);
}

/** Drops what one entry of the child holds. */
function dropEntry(m: Kvm, cell: number): void {
  const lo = pt.pteLow(m, cell);
  const hi = pt.pteHigh(m, cell);
  const pfn = pt.ptePfn(m, cell);
  clear(m, cell);
  if (!pt.isPresent(lo)) {
    swap_free(m, pfn);
    return;
  }
  if ((lo & pt._PAGE_SPECIAL) !== 0 || !pfn_valid(pfn) || isHugeZero(m, pfn)) return;
  const isAnon = (page.pageFlags(m, page.headOf(m, pfn)) & pg.PG_anon) !== 0;
  if (!isAnon && pt.isDirty(lo, hi)) page.SetPageDirty(m, pfn);
  if ((lo & pt._PAGE_PSE) !== 0) page.addEntireMapcount(m, pfn, -1);
  else page.addMapcount(m, pfn, -1);
  page.put_page(m, pfn, PageRefCause.fork);
}

function freeTables(m: Kvm, table: number, level: number): void {
  for (let n = 0; level > 1 && n < 512; n++) {
    const below = pt.tableBelow(m, table + n * 2);
    if (below !== 0) freeTables(m, below, level - 1);
  }
  m.free(table as ReturnType<Kvm["alloc"]>, KIND.hostTable);
}

/** Entries that one act drops. */
const BATCH = 512;

/** Drops the first entries of a table; gives how many of the budget are left. */
function dropSome(m: Kvm, table: number, level: number, budget: number): number {
  let left = budget;
  for (let n = 0; n < 512 && left > 0; n++) {
    const cell = table + n * 2;
    if ((m.mem[cell] as number) === 0) continue;
    const below = level > 1 ? pt.tableBelow(m, cell) : 0;
    if (below !== 0) left = dropSome(m, below, level - 1, left);
    else {
      dropEntry(m, cell);
      left -= 1;
    }
  }
  return left;
}

/** The child ends: all that it shared is given back. */
export const exit_mmap = routine("exit_mmap", { left: int }, (own, m: Kvm) => [
  when(() => m.mm.childPgd === 0, [done()]),
  act("X0", () => page.lru_add_drain(m)),
  loop(
    act("X1", () => (own.left = dropSome(m, m.mm.childPgd, pt.TOP_LEVEL, BATCH))),
    when(() => own.left > 0, [leave]),
    again,
  ),
  act("X2", () => {
    freeTables(m, m.mm.childPgd, pt.TOP_LEVEL);
    m.mm.childPgd = 0 as typeof m.mm.childPgd;
  }),
  done(),
]);

/** One page leaves the child's tables, where it maps it at this address (unmap_ref_private()). */
export function childZapPage(m: Kvm, start: number, pfn: number): void {
  if (m.mm.childPgd === 0) return;
  visitLeaves(m, m.mm.childPgd, pt.TOP_LEVEL, 0, (cell, hva) => {
    if (hva === start && pt.ptePfn(m, cell) === pfn) dropEntry(m, cell);
  });
}

/** Pages of a part of a file leave the child's tables too; its copies stay where asked. */
export function childZapFile(m: Kvm, part: { file: number; first: number; beyond: number }): void {
  if (m.mm.childPgd === 0) return;
  visitLeaves(m, m.mm.childPgd, pt.TOP_LEVEL, 0, (cell) => {
    if (!pt.isPresent(pt.pteLow(m, cell)) || !pfn_valid(pt.ptePfn(m, cell))) return;
    const { mapping, index } = page.pfn_to_page(m, pt.ptePfn(m, cell));
    if (mapping === part.file && index >= part.first && index < part.beyond) dropEntry(m, cell);
  });
}
