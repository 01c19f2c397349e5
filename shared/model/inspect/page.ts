// One host page at one tick: counts, flags, kind, who maps it. Reads cells only.
// From: struct page, the memory kinds (host/kinds.ts), KVM's and the host's
// tables.
import { PAGE_FLAGS } from "#shared/events/lab";
import { hexOf } from "#shared/units/hex";
import { kindOf, MEMORY_KINDS, ZERO_PAGE_PFN } from "../host/kinds.ts";
import * as page from "../host/page.ts";
import * as pt from "../host/pgtable.ts";
import { vmaAt } from "../host/vma.ts";
import { pageLine } from "../lab/states.ts";
import { BAR_PAGES, BAR_PFN, pfn_valid } from "../state/layout.ts";
import * as pg from "../state/host.ts";
import type { Kvm } from "../state/machine.ts";
import { hostMapper, mappersOf, type Mapper } from "./mappers.ts";

export interface PageFacts {
  readonly pfn: number;
  readonly name: string;
  readonly kind: string;
  readonly kindTitle: string;
  readonly hasStruct: boolean;
  readonly ref: number;
  readonly raw: number;
  readonly map: number;
  readonly order: number;
  readonly head: number;
  readonly flags: string[];
  readonly mappedBy: Mapper[];
  readonly vma: string;
}

/** A page that the scenario tracks. */
export interface NamedPage {
  readonly name: string;
  readonly hva: number;
}

interface Place {
  readonly vma: ReturnType<typeof vmaAt>;
  readonly hva: number;
}

/** Where the host maps the frame: the first address found, mapping by mapping. */
function placeOf(m: Kvm, pfn: number): Place | null {
  for (let cell: number = m.mm.mmap; cell !== 0; cell = vmaAt(m, cell).vm_next) {
    const vma = vmaAt(m, cell);
    for (let hva = vma.vm_start; hva < vma.vm_end; hva += 4096) {
      const leaf = pt.presentLeaf(m, hva);
      if (leaf !== 0 && pt.leafPfn(m, leaf, hva) === pfn) return { vma, hva };
    }
  }
  return null;
}

/**
 * Code and title of the kind of memory a frame is: by the driver it belongs to, else by its
 * mapping.
 */
export function kindOfPfn(
  m: Kvm,
  pfn: number,
  vmaKind: number | null,
): { code: string; title: string } {
  if (pfn === ZERO_PAGE_PFN) return { code: "AZ", title: "Zero page" };
  if (pfn >= BAR_PFN && pfn < BAR_PFN + BAR_PAGES)
    return { code: "PB", title: "PCI BAR, no struct page" };
  const driver = MEMORY_KINDS.find((kind) => {
    const first = kind.onMap === "frames" ? kind.frames(m) : -1;
    return first > 0 && pfn >= first && pfn < first + 16;
  });
  if (driver !== undefined) {
    const isHead = driver.kind === "lab-tail" && pfn === driver.frames(m);
    return { code: driver.code, title: isHead ? "First page of the block, counted" : driver.title };
  }
  if (vmaKind !== null) return { code: kindOf(vmaKind).code, title: kindOf(vmaKind).title };
  return { code: "A1", title: "Anonymous page" };
}

const FLAG_NAMES: readonly [number, string][] = [
  [pg.VM_READ, "read"],
  [pg.VM_WRITE, "write"],
  [pg.VM_SHARED, "shared"],
  [pg.VM_IO, "VM_IO"],
  [pg.VM_PFNMAP, "VM_PFNMAP"],
  [pg.VM_MIXEDMAP, "VM_MIXEDMAP"],
];

const flagsText = (flags: number): string =>
  FLAG_NAMES.filter(([bit]) => (flags & bit) !== 0)
    .map(([, name]) => name)
    .join(", ");

export function pageFacts(m: Kvm, pfn: number, names: readonly NamedPage[]): PageFacts {
  const place = placeOf(m, pfn);
  const kind = kindOfPfn(m, pfn, place?.vma.kind ?? null);
  const named = names.find(({ hva }) => pageLine(m, hva).pfn === pfn);
  const shared = {
    pfn,
    name: named?.name ?? "",
    kind: kind.code,
    kindTitle: kind.title,
    mappedBy: [...mappersOf(m, pfn), ...(place === null ? [] : [hostMapper(m, place.hva)])],
  };
  const vma = place === null ? "" : `hva ${hexOf(place.hva)}, ${flagsText(place.vma.vm_flags)}`;
  if (!pfn_valid(pfn)) {
    return {
      ...shared,
      hasStruct: false,
      ref: 0,
      raw: 0,
      map: 0,
      order: 0,
      head: pfn,
      flags: [],
      vma,
    };
  }
  const head = page.headOf(m, pfn);
  const bits = page.pageFlags(m, pfn) | (head === pfn ? 0 : page.pageFlags(m, head) & ~pg.PG_head);
  return {
    ...shared,
    hasStruct: true,
    ref: page.page_ref_count(m, head),
    raw: page.page_ref_count(m, pfn),
    map: page.folio_mapcount(m, pfn),
    order: page.folio_order(m, pfn),
    head,
    flags: PAGE_FLAGS.filter((_, bit) => (bits & (1 << bit)) !== 0),
    vma,
  };
}
