// Making mappings: what mmap does for each kind of memory, and populating.
// Builder and act alike call mapKind(); pages are touched one by one, as MAP_POPULATE does.
// From: the lab's agent (map_kind); mm/mmap.c (do_mmap), mm/gup.c (populate_vma_page_range).
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, call, done, when } from "#shared/engine/words";
import { LockCode, PageRefCause } from "#shared/events/own";
import * as pg from "../state/host.ts";
import type { Kvm } from "../state/machine.ts";
import { fillContents } from "./contents.ts";
import { remap_pfn_range, vm_insert_pages } from "./driver.ts";
import { newCachedPage, newFile } from "./filemap.ts";
import { hugetlb_reserve_pages } from "./hugetlb-resv.ts";
import { Descriptor, Fill, kindOf, type MemoryKind } from "./kinds.ts";
import { releaseLock, takeLock } from "./locks.ts";
import { FaultFor, faultOnce } from "./memory.ts";
import {
  __mmu_notifier_invalidate_range_end,
  __mmu_notifier_invalidate_range_start,
} from "./notifier.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { mm_get_huge_zero_folio } from "./thp.ts";
import { do_vmi_align_munmap } from "./unmap.ts";
import { find_vma, insertVma, mergeVmas, removeVma, vma_lookup, vmaAt } from "./vma.ts";

/** What the VMM writes into every byte of a file before it maps it. */
const FILE_WORD = 0x11111111;

export interface MapRequest {
  readonly start: number;
  readonly size: number;
  /** Number of the memory kind. */
  readonly kind: number;
}

const FILE_SYSTEMS: Readonly<Record<number, number>> = {
  [Descriptor.ramfs]: pg.FileSystem.ramfs,
  [Descriptor.hugetlbfs]: pg.FileSystem.hugetlbfs,
};

const isOfFile = ({ fill, descriptor }: MemoryKind): boolean =>
  fill === Fill.file || descriptor === Descriptor.hugetlbfs;

/** Bytes that a mapping of this kind takes: hugetlbfs rounds up an anonymous one. */
const mappedSize = ({ fill }: MemoryKind, size: number): number =>
  fill === Fill.hugetlb ? Math.ceil(size / pt.PMD_SIZE) * pt.PMD_SIZE : size;

const isOfDriver = ({ descriptor }: MemoryKind): boolean =>
  descriptor === Descriptor.device || descriptor === Descriptor.pci;

/**
 * Whether the VMM's call fails before it does anything: no room for the file, or hugetlbfs would be
 * cut. A driver refuses a size only once it is asked.
 */
function isRefused(kind: MemoryKind, start: number, size: number): boolean {
  if (size > kind.maxSize && !isOfDriver(kind)) return true;
  if (kind.fill !== Fill.hugetlb) return false;
  const isFile = kind.descriptor === Descriptor.hugetlbfs;
  return start % pt.PMD_SIZE !== 0 || (isFile && size % pt.PMD_SIZE !== 0);
}

/** Flags that the VMM's madvise gives a new mapping: huge pages for the kinds named so. */
function adviseFlags(kind: MemoryKind): number {
  if (kind.kind === "thp" || kind.kind === "thp-lazy") return pg.VM_HUGEPAGE;
  return kind.descriptor === Descriptor.none ? pg.VM_NOHUGEPAGE : 0;
}

/** accountable_mapping(): what could need memory of its own counts for the commit limit. */
const accountFlag = ({ vm_flags }: MemoryKind): number =>
  (vm_flags & (pg.VM_SHARED | pg.VM_WRITE | pg.VM_HUGETLB)) === pg.VM_WRITE ? pg.VM_ACCOUNT : 0;

/** MAP_POPULATE comes before the VMM's madvise, so it finds a mapping without advice. */
const isPopulatedFirst = (kind: MemoryKind): boolean =>
  kind.onMap === "write" && adviseFlags(kind) === pg.VM_NOHUGEPAGE;

/**
 * Inserts the mapping, whose entries are made by fillMapping(); false when the kind cannot be
 * mapped there, its driver refuses the size, or hugetlbfs cannot promise it its pages.
 */
export function mapKind(m: Kvm, { start, size, kind }: MapRequest): boolean {
  const memory = kindOf(kind);
  if (isRefused(memory, start, size) || size > memory.maxSize) return false;
  if (memory.onMap === "unmap") return true;
  if ((adviseFlags(memory) & pg.VM_HUGEPAGE) !== 0) mm_get_huge_zero_folio(m);
  const fs = FILE_SYSTEMS[memory.descriptor] ?? pg.FileSystem.tmpfs;
  const end = start + mappedSize(memory, size);
  const cell = insertVma(m, {
    start,
    end,
    flags:
      memory.vm_flags |
      accountFlag(memory) |
      (isPopulatedFirst(memory) ? 0 : adviseFlags(memory)),
    kind,
    pgoff: memory.fill === Fill.anonymous ? start / pt.PAGE_SIZE : 0,
    file: isOfFile(memory) ? newFile(m, fs, size) : 0,
  });
  if (memory.fill === Fill.hugetlb && !hugetlb_reserve_pages(m, vmaAt(m, cell))) {
    removeVma(m, cell);
    return false;
  }
  mergeVmas(m, start, end);
  return true;
}

/** The VMM's own writes to a new file: pages of the cache, dirty where they reach a device. */
function writeFile(m: Kvm, file: number, from: number, to: number): void {
  for (let at = from; at < to; at += pt.PAGE_SIZE) {
    const pfn = newCachedPage(m, file, at / pt.PAGE_SIZE);
    page.setPageFlags(m, pfn, pg.PG_dirty);
    fillContents(m, pfn, FILE_WORD, FILE_WORD);
    page.put_page(m, pfn, PageRefCause.pageCache);
  }
}

/** Faults a range in, small page by small page or huge page by huge page. */
function populate(m: Kvm, from: number, to: number, write: number): void {
  for (let hva = from; hva < to;) {
    if (pt.presentLeaf(m, hva) === 0) faultOnce(m, hva, write);
    const leaf = pt.presentLeaf(m, hva);
    const isHuge = leaf !== 0 && pt.isHugeLeaf(m, leaf);
    hva = isHuge ? pt.pmdStart(hva) + pt.PMD_SIZE : hva + pt.PAGE_SIZE;
  }
}

/** The VMM's madvise of a mapping that mmap has populated. */
function adviseMapping(m: Kvm, start: number, end: number): void {
  for (let cell = find_vma(m, start); cell !== 0; cell = vmaAt(m, cell).vm_next) {
    const vma = vmaAt(m, cell);
    if (vma.vm_end > end) break;
    if (vma.vm_start >= start) vma.vm_flags |= pg.VM_NOHUGEPAGE;
  }
  mergeVmas(m, start, end);
}

/** Makes the entries that mmap itself makes, for [from, to) of a mapping of this kind. */
export function fillMapping(m: Kvm, request: MapRequest, from: number, to: number): void {
  const memory = kindOf(request.kind);
  const first = memory.frames(m) + (from - request.start) / pt.PAGE_SIZE;
  if (memory.isWritten) {
    const { vm_file } = vmaAt(m, vma_lookup(m, request.start));
    writeFile(m, vm_file, from - request.start, to - request.start);
  } else if (memory.onMap === "frames") remap_pfn_range(m, from, to, first);
  else if (memory.onMap === "insert") vm_insert_pages(m, from, to, first);
  else if (memory.onMap === "write") populate(m, from, to, FaultFor.write);
  else if (memory.onMap === "read") populate(m, from, to, FaultFor.read);
  const end = request.start + request.size;
  if (isPopulatedFirst(memory) && to >= end) adviseMapping(m, request.start, end);
}

/**
 * mmap with MAP_FIXED: what is there goes first. A file that then refuses the new mapping has it
 * unmapped (unmap_region()). Result: 0, or 1 when the kind is refused.
 */
export const mmap_region = routine(
  "mmap_region",
  { start: wide, end: wide, kind: int, r: int },
  (own, m: Kvm) => [
    when(
      act("M0", () => {
        const kind = kindOf(own.kind);
        const size = own.end - own.start;
        own.end = own.start + mappedSize(kind, size);
        return isRefused(kind, own.start, size);
      }),
      [done(1)],
    ),
    takeLock(m, "M1", () => m.mm.mmap_lock, "write", LockCode.mmap_lock),
    call(do_vmi_align_munmap, { start: "start", end: "end" }, "r"),
    when(
      () => own.r === 0,
      [
        act("M2", () => {
          const { start, end, kind } = own;
          own.r = mapKind(m, { start, size: end - start, kind }) ? 0 : 1;
        }),
        when(
          () => own.r !== 0,
          [
            call(__mmu_notifier_invalidate_range_start, { start: "start", end: "end" }),
            call(__mmu_notifier_invalidate_range_end, { start: "start", end: "end" }),
          ],
        ),
      ],
    ),
    releaseLock(m, "M3", () => m.mm.mmap_lock, "write", LockCode.mmap_lock),
    done(() => (own.r === 0 ? 0 : 1)),
  ],
);
