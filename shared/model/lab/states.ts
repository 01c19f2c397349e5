// What the lab reports after a step: the state of a tracked page, the entries of the tables a vCPU
// runs on. Reads the machine's cells only, so it works at any tick that a seeker stands at.
// From: the lab's module (query, dump) and agent (pages, sptes).
import { PageForm, PteBit } from "#shared/events/lab";
import { pagesPerLevel } from "#shared/units/address";
import * as page from "../host/page.ts";
import * as pt from "../host/pgtable.ts";
import { vmaAt } from "../host/vma.ts";
import * as pg from "../state/host.ts";
import { pfn_valid } from "../state/layout.ts";
import { kvm_mmu_page } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { isTablePfn, readSpteHigh, readSpteLow, tableOf } from "../state/tables.ts";
import { frameOf } from "#shared/units/halves";

/** A PAGE line as numbers; `form` is a PageForm. */
export interface PageLine {
  readonly form: number;
  readonly hva: number;
  readonly pte: number;
  readonly vma: number;
  readonly pfn: number;
  readonly ref: number;
  readonly raw: number;
  readonly map: number;
  readonly order: number;
  readonly flags: number;
}

const NOTHING: PageLine = {
  form: PageForm.absent,
  hva: 0,
  pte: PteBit.none,
  vma: 0,
  pfn: 0,
  ref: 0,
  raw: 0,
  map: 0,
  order: 0,
  flags: 0,
};

/** Without find_vma()'s span: this is no act. */
function isMapped(m: Kvm, hva: number): boolean {
  for (let cell: number = m.mm.mmap; cell !== 0; cell = vmaAt(m, cell).vm_next) {
    const vma = vmaAt(m, cell);
    if (hva >= vma.vm_start && hva < vma.vm_end) return true;
  }
  return false;
}

function pteBits(low: number): number {
  return (
    PteBit.present |
    ((low & pt._PAGE_RW) !== 0 ? PteBit.writable : 0) |
    ((low & pt._PAGE_DIRTY) !== 0 ? PteBit.dirty : 0) |
    ((low & pt._PAGE_ACCESSED) !== 0 ? PteBit.accessed : 0) |
    ((low & pt._PAGE_PSE) !== 0 ? PteBit.size2M : 0)
  );
}

/** Flags of a page that its folio's other pages do not share. */
const OWN_FLAGS = pg.PG_head | pg.PG_anonExclusive;

/** The lab asks for no map count of a reserved page, and in old kernels for the page's own. */
function mapcount(m: Kvm, pfn: number): number {
  if (page.PageReserved(m, pfn)) return 0;
  return m.kernel.host.tellsMapcountOfPage
    ? page.page_mapcount(m, pfn)
    : page.folio_mapcount(m, pfn);
}

function counts(
  m: Kvm,
  pfn: number,
): Pick<PageLine, "pfn" | "ref" | "raw" | "map" | "order" | "flags"> {
  const head = page.headOf(m, pfn);
  // The lab does not ask a huge page of hugetlbfs whether it is exclusive.
  const hidden = page.pfn_to_page(m, head).isHugetlb !== 0 ? pg.PG_anonExclusive : 0;
  const own = page.pageFlags(m, pfn) & ~hidden;
  return {
    pfn,
    ref: page.page_ref_count(m, head),
    raw: page.page_ref_count(m, pfn),
    map: mapcount(m, pfn),
    order: page.folio_order(m, pfn),
    flags: head === pfn ? own : own | (page.pageFlags(m, head) & ~OWN_FLAGS),
  };
}

/** The page mapped at an address now. */
export function pageLine(m: Kvm, hva: number): PageLine {
  const cell = pt.presentLeaf(m, hva);
  if (cell === 0) {
    const empty = pt.entryCell(m, hva, 1);
    const pte = empty !== 0 && pt.pteLow(m, empty) !== 0 ? PteBit.swap : PteBit.none;
    return { ...NOTHING, hva, pte, vma: isMapped(m, hva) ? 1 : 0 };
  }
  const pfn = pt.leafPfn(m, cell, hva);
  const here = { ...NOTHING, hva, pte: pteBits(pt.pteLow(m, cell)), pfn };
  if (!pfn_valid(pfn)) return { ...here, form: PageForm.noPage };
  return { ...here, form: PageForm.present, ...counts(m, pfn) };
}

/** A page that was mapped there before. */
export const oldPageLine = (m: Kvm, pfn: number): PageLine => ({
  ...NOTHING,
  form: PageForm.old,
  ...counts(m, pfn),
});

export interface TableEntry {
  readonly level: number;
  /** Page number of the address that the entry translates. */
  readonly gfn: number;
  readonly lo: number;
  readonly hi: number;
  readonly sptep: number;
}

const ROOT_LEVEL = 4;

/** Physical address of a vCPU's root; 0 before its first entry. */
export function rootOf(m: Kvm, vcpu: number): { table: number; level: number } | null {
  const root = m.vcpus[vcpu]?.root ?? 0;
  return root === 0 ? null : { table: kvm_mmu_page.at(m, root).spt, level: ROOT_LEVEL };
}

/** Entries that are not empty, in order of address and then from the top down. */
export function* tableEntries(
  m: Kvm,
  table: number,
  level: number,
  base = 0,
): Generator<TableEntry> {
  for (let index = 0; index < 512; index++) {
    const sptep = table + index * 2;
    const lo = readSpteLow(m, sptep);
    const hi = readSpteHigh(m, sptep);
    if (lo === 0 && (hi === m.kernel.nonpresentHigh || hi === 0)) continue;
    const gfn = base + index * pagesPerLevel(level);
    yield { level, gfn, lo, hi, sptep };
    const frame = frameOf(lo, hi);
    if (level > 1 && isTablePfn(frame)) yield* tableEntries(m, tableOf(m, frame), level - 1, gfn);
  }
}
