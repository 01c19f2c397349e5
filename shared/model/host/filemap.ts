// The page cache: which page holds which part of a file. Each page in it has one reference of the
// cache; a slot may name a place on the swap device instead.
// Owns the slots; contents and flags of a page are its own.
// From: mm/filemap.c (filemap_get_folio, __filemap_add_folio, filemap_remove_folio); a list of
// arrays stands for the xarray.
import { routine } from "#shared/engine/routine";
import { PageRefCause } from "#shared/events/own";
import * as pg from "../state/host.ts";
import { KIND, type Kvm } from "../state/machine.ts";
import * as page from "./page.ts";

export type AddressSpace = ReturnType<typeof pg.address_space.at>;
export const fileAt = (m: Kvm, cell: number): AddressSpace => pg.address_space.at(m, cell);
const nodeAt = (m: Kvm, cell: number): ReturnType<typeof pg.pageCacheNode.at> =>
  pg.pageCacheNode.at(m, cell);
const SLOTS = pg.pageCacheNode.offsets.slots;

export function newFile(m: Kvm, fs: number, size: number): number {
  const cell = m.alloc(KIND.address_space);
  const file = fileAt(m, cell);
  file.fs = fs;
  file.i_size = size;
  return cell;
}

/** Cell of a slot; 0 when its node is not there. */
function slotCell(m: Kvm, file: number, index: number): number {
  const base = index - (index % pg.NODE_SLOTS);
  for (let cell: number = fileAt(m, file).nodes; cell !== 0; cell = nodeAt(m, cell).next) {
    if (nodeAt(m, cell).base === base) return cell + SLOTS + (index - base);
  }
  return 0;
}

function makeSlot(m: Kvm, file: number, index: number): number {
  const known = slotCell(m, file, index);
  if (known !== 0) return known;
  const cell = m.alloc(KIND.pageCacheNode);
  const node = nodeAt(m, cell);
  node.base = index - (index % pg.NODE_SLOTS);
  node.next = fileAt(m, file).nodes;
  fileAt(m, file).nodes = cell;
  return cell + SLOTS + (index % pg.NODE_SLOTS);
}

/** Value of a slot: 0 nothing, pfn + 1 a page, -(number + 1) a slot of the swap device. */
export const slotValue = (m: Kvm, file: number, index: number): number =>
  m.mem[slotCell(m, file, index)] as number;
export const setSlot = (m: Kvm, file: number, index: number, value: number): void =>
  m.put(makeSlot(m, file, index), value);

/** The page that holds a part of the file, -1 when none does. */
export function cachedPage(m: Kvm, file: number, index: number): number {
  const value = slotValue(m, file, index);
  return value > 0 ? value - 1 : -1;
}

/** Puts a page into the cache: the cache's own reference. */
export const __filemap_add_folio = routine(
  "__filemap_add_folio",
  (m: Kvm, file: number, index: number, pfn: number): void => {
    setSlot(m, file, index, pfn + 1);
    const { mapping } = page.pfn_to_page(m, pfn);
    if (mapping === 0) page.pfn_to_page(m, pfn).mapping = file as typeof mapping;
    page.pfn_to_page(m, pfn).index = index;
  },
);

/** Takes a page out; the caller drops the cache's references. */
export function forgetCached(m: Kvm, file: number, index: number): void {
  const at = slotCell(m, file, index);
  const value = m.mem[at] as number;
  m.put(at, 0);
  if (value <= 0) return;
  const view = page.pfn_to_page(m, value - 1);
  view.mapping = 0 as typeof view.mapping;
  view.index = 0;
}

/** Places of [from, to) that have something, in order; `to` may be beyond the file's end. */
export function usedSlots(m: Kvm, file: number, from: number, to: number): readonly number[] {
  const found: number[] = [];
  for (let cell: number = fileAt(m, file).nodes; cell !== 0; cell = nodeAt(m, cell).next) {
    const { base } = nodeAt(m, cell);
    for (let n = 0; n < pg.NODE_SLOTS; n++) {
      const index = base + n;
      if (index >= from && index < to && m.mem[cell + SLOTS + n] !== 0) found.push(index);
    }
  }
  return found.sort((a, b) => a - b);
}

const BIRTH_FLAGS: Readonly<Record<number, number>> = {
  [pg.FileSystem.tmpfs]: pg.PG_lru | pg.PG_swapbacked,
  [pg.FileSystem.ramfs]: pg.PG_lru | pg.PG_unevictable,
};

/** A new page of zeroes for a place of the file: one reference of the caller, one of the cache. */
export function newCachedPage(m: Kvm, file: number, index: number): number {
  const pfn = page.__alloc_pages(m);
  page.setPageFlags(m, pfn, BIRTH_FLAGS[fileAt(m, file).fs] ?? 0);
  page.folio_get(m, pfn, PageRefCause.pageCache);
  __filemap_add_folio(m, file, index, pfn);
  return pfn;
}

/** Pages of the file, the last one perhaps in part. */
export const filePages = (m: Kvm, file: number): number => Math.ceil(fileAt(m, file).i_size / 4096);
