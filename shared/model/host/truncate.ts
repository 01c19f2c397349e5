// Taking pages away from a file: punching a hole, making it shorter. Every mapping of the part is
// cleared between notifier calls, whether anything is mapped there or not; then the cache drops its
// pages.
// From: mm/memory.c (unmap_mapping_range), mm/truncate.c, mm/shmem.c (shmem_fallocate,
// shmem_setattr, shmem_undo_range), fs/libfs.c (simple_setattr), fs/hugetlbfs/inode.c, 6.12.
import { routine } from "#shared/engine/routine";
import { int, ref, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, when } from "#shared/engine/words";
import { PageRefCause } from "#shared/events/own";
import * as pg from "../state/host.ts";
import type { Kvm } from "../state/machine.ts";
import { childZapFile } from "./child.ts";
import { fillContents, store } from "./contents.ts";
import { cachedPage, fileAt, forgetCached, slotValue, usedSlots } from "./filemap.ts";
import { indexOf } from "./file-fault.ts";
import { hugetlb_unreserve_pages, POOL_PAGES } from "./hugetlb-resv.ts";
import { Descriptor, kindOf } from "./kinds.ts";
import * as page from "./page.ts";
import { PAGE_SIZE, PMD_PAGES, PMD_SIZE } from "./pgtable.ts";
import { swap_free } from "./swap-slots.ts";
import { find_vma, vmaAt, type VmaView } from "./vma.ts";
import { zap_range } from "./zap.ts";

const EBADF = -9;
const EACCES = -13;
const ENODEV = -19;
const EINVAL = -22;
const EFBIG = -27;
const EOPNOTSUPP = -95;
/** An index beyond every file. */
export const TO_END = 2 ** 40;

const unmapLocals = {
  file: ref,
  first: wide,
  /** One past the last page. */
  beyond: wide,
  keepCows: int,
  at: wide,
  start: wide,
  end: wide,
} as const;

interface Unmap {
  file: number;
  first: number;
  beyond: number;
  at: number;
  start: number;
  end: number;
}

const beyondOf = ({ vm_pgoff, vm_start, vm_end }: VmaView): number =>
  vm_pgoff + (vm_end - vm_start) / PAGE_SIZE;

/** vma_interval_tree_foreach(): of the file's mappings the next by the part that they show. */
function nextOfFile(m: Kvm, own: Unmap): VmaView | null {
  let next: VmaView | null = null;
  for (let cell: number = m.mm.mmap; cell !== 0; cell = vmaAt(m, cell).vm_next) {
    const vma = vmaAt(m, cell);
    const from = vma.vm_pgoff;
    if (vma.vm_file !== own.file || from >= own.beyond || beyondOf(vma) <= own.first) continue;
    if (from >= own.at && (next === null || from < next.vm_pgoff)) next = vma;
  }
  return next;
}

/** The next mapping whose part begins at or behind `at`, and what it shows of what goes. */
function nextMapping(m: Kvm, own: Unmap): boolean {
  const vma = nextOfFile(m, own);
  if (vma === null) return false;
  own.at = vma.vm_pgoff + 1;
  own.start = vma.vm_start + (Math.max(own.first, vma.vm_pgoff) - vma.vm_pgoff) * PAGE_SIZE;
  own.end = vma.vm_start + (Math.min(own.beyond, beyondOf(vma)) - vma.vm_pgoff) * PAGE_SIZE;
  return true;
}

/** Clears what maps pages [first, beyond) of a file. */
const unmap_mapping_range = routine("unmap_mapping_range", unmapLocals, (own, m: Kvm) => [
  loop(
    when(
      act("M1", () => nextMapping(m, own)),
      [],
      [leave],
    ),
    call(zap_range, { start: "start", end: "end", keepCows: "keepCows", isOfFile: 1 }),
    again,
  ),
  act("M2", () => childZapFile(m, own)),
  done(),
]);

/** Drops the cache's references of a page that nothing maps any more. */
function dropCached(m: Kvm, file: number, index: number): void {
  const value = slotValue(m, file, index);
  if (value < 0) {
    forgetCached(m, file, index);
    swap_free(m, -value - 1);
    return;
  }
  const pfn = value - 1;
  const isHugetlb = fileAt(m, file).fs === pg.FileSystem.hugetlbfs;
  page.folio_get(m, pfn, PageRefCause.truncated);
  page.clearPageFlags(m, pfn, pg.PG_dirty);
  forgetCached(m, file, index);
  const refs = isHugetlb ? m.kernel.host.hugetlbCacheReferences : 1;
  page.folio_put_refs(m, pfn, refs, PageRefCause.truncated);
  page.put_page(m, pfn, PageRefCause.truncated);
}

/** Zeroes a part of a page of the file, which stays. */
function zeroPart(m: Kvm, file: number, from: number, to: number): void {
  const pfn = cachedPage(m, file, Math.floor(from / PAGE_SIZE));
  if (pfn < 0) return;
  for (let at = from; at < to; at++) store(m, pfn, at % PAGE_SIZE, 1, 0, 0);
  page.SetPageDirty(m, pfn);
}

/** Pages that one act takes out of the cache. */
const BATCH = 256;

/** Bytes [from, to) are no more; pages in part are zeroed. True while there is more to do. */
const shmem_undo_range = routine(
  "shmem_undo_range",
  (m: Kvm, file: number, from: number, to: number): boolean => {
    const first = Math.ceil(from / PAGE_SIZE);
    const beyond = Math.floor(to / PAGE_SIZE);
    const used = usedSlots(m, file, first, beyond);
    for (const index of used.slice(0, BATCH)) dropCached(m, file, index);
    if (used.length > BATCH) return true;
    if (first > beyond) zeroPart(m, file, from, to);
    else {
      if (from % PAGE_SIZE !== 0) zeroPart(m, file, from, first * PAGE_SIZE);
      if (to % PAGE_SIZE !== 0) zeroPart(m, file, beyond * PAGE_SIZE, to);
    }
    return false;
  },
);

/** hugetlbfs_zero_partial_page(): the huge page, if it is there, is zeroed but not made dirty. */
function hugetlbfs_zero_partial_page(m: Kvm, file: number, from: number, to: number): void {
  const first = Math.floor(from / PMD_SIZE) * (PMD_SIZE / PAGE_SIZE);
  const head = cachedPage(m, file, first);
  if (head < 0) return;
  for (let at = from; at < to;) {
    const end = Math.min(to, (Math.floor(at / PAGE_SIZE) + 1) * PAGE_SIZE);
    const pfn = head + Math.floor(at / PAGE_SIZE) - first;
    if (end - at === PAGE_SIZE) fillContents(m, pfn, 0, 0);
    else for (; at < end; at++) store(m, pfn, at % PAGE_SIZE, 1, 0, 0);
    at = end;
  }
}

/** A page that goes takes its reservation along, which it had used up. */
function removeHugePage(m: Kvm, file: number, index: number): void {
  dropCached(m, file, index);
  const first = index / PMD_PAGES;
  hugetlb_unreserve_pages(m, file, { first, beyond: first + 1 }, 1);
}

/** remove_inode_hugepages() and the parts before and behind; true while there is more to do. */
const hugetlbfs_punch_hole = routine(
  "hugetlbfs_punch_hole",
  (m: Kvm, file: number, from: number, to: number): boolean => {
    const start = Math.ceil(from / PMD_SIZE) * PMD_SIZE;
    const end = Math.floor(to / PMD_SIZE) * PMD_SIZE;
    const used = start < end ? usedSlots(m, file, start / PAGE_SIZE, end / PAGE_SIZE) : [];
    for (const index of used.slice(0, BATCH)) removeHugePage(m, file, index);
    if (used.length > BATCH) return true;
    if (to === TO_END * PAGE_SIZE)
      hugetlb_unreserve_pages(m, file, { first: start / PMD_SIZE, beyond: POOL_PAGES }, 0);
    if (from < start) hugetlbfs_zero_partial_page(m, file, from, Math.min(to, start));
    if (to > end && to > start) hugetlbfs_zero_partial_page(m, file, Math.max(from, end), to);
    return false;
  },
);

const undoLocals = { file: ref, from: wide, to: wide } as const;

const shmem_truncate_range = routine("shmem_truncate_range", undoLocals, (own, m: Kvm) => [
  loop(
    when(
      act("M3", () => {
        const isHugetlb = fileAt(m, own.file).fs === pg.FileSystem.hugetlbfs;
        const undo = isHugetlb ? hugetlbfs_punch_hole : shmem_undo_range;
        return undo(m, own.file, own.from, own.to);
      }),
      [again],
      [leave],
    ),
  ),
  done(),
]);

const rangeLocals = { file: ref, from: wide, to: wide, first: wide, beyond: wide, r: int } as const;
type RangeOwn = { file: number; from: number; to: number; first: number; beyond: number };

/** Pages that lie whole in the range; hugetlbfs drops whole huge pages only. */
function wholePages(m: Kvm, own: RangeOwn): void {
  const isHugetlb = fileAt(m, own.file).fs === pg.FileSystem.hugetlbfs;
  const size = isHugetlb ? PMD_SIZE : PAGE_SIZE;
  own.first = (Math.ceil(own.from / size) * size) / PAGE_SIZE;
  own.beyond = (Math.floor(own.to / size) * size) / PAGE_SIZE;
}

/** vfs_fallocate() with FALLOC_FL_PUNCH_HOLE: bytes [from, to) of a file that allows it. */
const shmem_punch = routine("shmem_fallocate", rangeLocals, (own, m: Kvm) => [
  act("P1", () => wholePages(m, own)),
  when(
    () => own.first < own.beyond,
    [
      call(unmap_mapping_range, {
        file: () => pg.address_space.at(m, own.file),
        first: "first",
        beyond: "beyond",
        keepCows: 1,
      }),
    ],
  ),
  call(shmem_truncate_range, {
    file: () => pg.address_space.at(m, own.file),
    from: "from",
    to: "to",
  }),
  done(0),
]);

function shrink(m: Kvm, own: { file: number; size: number; first: number; old: number }): void {
  const file = fileAt(m, own.file);
  own.old = file.i_size;
  file.i_size = own.size;
  own.first = Math.ceil(own.size / PAGE_SIZE);
}

/** Mappings of what is cut off are cleared: always on ramfs, on tmpfs when something is. */
function unmapsAtTruncate(m: Kvm, own: { file: number; first: number; old: number }): boolean {
  const isRamfs = fileAt(m, own.file).fs === pg.FileSystem.ramfs;
  return isRamfs || own.old > own.first * PAGE_SIZE;
}

const truncateLocals = { file: ref, size: wide, first: wide, old: wide, twice: int } as const;

/** ftruncate(): mappings are cleared before and, but for hugetlbfs, after the pages go. */
const do_truncate = routine("do_truncate", truncateLocals, (own, m: Kvm) => {
  const unmap = call(unmap_mapping_range, {
    file: () => pg.address_space.at(m, own.file),
    first: "first",
    beyond: TO_END,
  });
  return [
    act("T1", () => {
      shrink(m, own);
      const isOnce = fileAt(m, own.file).fs === pg.FileSystem.hugetlbfs;
      own.twice = !unmapsAtTruncate(m, own) ? 0 : isOnce ? 1 : 2;
    }),
    when(() => own.twice > 0, [unmap]),
    when(
      () => own.old > own.size,
      [
        call(shmem_truncate_range, {
          file: () => pg.address_space.at(m, own.file),
          from: "size",
          to: TO_END * PAGE_SIZE,
        }),
      ],
    ),
    when(() => own.twice > 1, [unmap]),
    done(0),
  ];
});

/** What the descriptor of a backing refuses, 0 for nothing. */
function punchRefusal(kind: number, isWritable: boolean): number {
  if (kind === Descriptor.none || !isWritable) return EBADF;
  if (kind === Descriptor.device) return ENODEV;
  return kind === Descriptor.pci || kind === Descriptor.ramfs ? EOPNOTSUPP : 0;
}

const descriptorLocals = {
  file: ref,
  descriptor: int,
  isWritable: int,
  from: wide,
  to: wide,
  r: int,
} as const;

/** fallocate() of the VMM on a backing's descriptor: bytes [from, to). 0 or a negative errno. */
export const ksys_fallocate = routine("ksys_fallocate", descriptorLocals, (own, m: Kvm) => [
  when(() => own.to <= own.from && own.descriptor !== Descriptor.none, [done(EINVAL)]),
  when(
    () => punchRefusal(own.descriptor, own.isWritable !== 0) !== 0,
    [done(() => punchRefusal(own.descriptor, own.isWritable !== 0))],
  ),
  call(shmem_punch, { file: () => pg.address_space.at(m, own.file), from: "from", to: "to" }, "r"),
  done("r"),
]);

/** A descriptor's length can be set if it is a file's, open for writing. */
function truncateRefusal(kind: number, isWritable: boolean, size: number): number {
  if (kind === Descriptor.none) return EBADF;
  if (kind === Descriptor.device || !isWritable) return EINVAL;
  return kind === Descriptor.hugetlbfs && size % PMD_SIZE !== 0 ? EINVAL : 0;
}

/** ftruncate() of the VMM on a backing's descriptor; `to` is the new size. */
export const do_sys_ftruncate = routine("do_sys_ftruncate", descriptorLocals, (own, m: Kvm) => [
  when(
    () => truncateRefusal(own.descriptor, own.isWritable !== 0, own.to) !== 0,
    [done(() => truncateRefusal(own.descriptor, own.isWritable !== 0, own.to))],
  ),
  when(() => own.descriptor === Descriptor.pci, [done(0)]),
  call(do_truncate, { file: () => pg.address_space.at(m, own.file), size: "to" }, "r"),
  done("r"),
]);

/** MADV_REMOVE: a hole in the file behind a shared, writable mapping. */
function removeRange(
  m: Kvm,
  own: { start: number; end: number; file: number; from: number; to: number; r: number },
): void {
  const vma = vmaAt(m, find_vma(m, own.start));
  const { descriptor, isOpenForWriting, kind } = kindOf(vma.kind);
  own.file = vma.vm_file;
  own.from = indexOf(vma, own.start) * PAGE_SIZE;
  own.to = own.from + (own.end - own.start);
  const isOfDriver = descriptor === Descriptor.device || descriptor === Descriptor.pci;
  // Private memory of hugetlbfs has a file too, one that no one else knows.
  const hasFile = own.file !== 0 || isOfDriver || (vma.vm_flags & pg.VM_HUGETLB) !== 0;
  if ((vma.vm_flags & pg.VM_LOCKED) !== 0 || !hasFile) own.r = EINVAL;
  else if ((vma.vm_flags & (pg.VM_SHARED | pg.VM_MAYWRITE)) !== (pg.VM_SHARED | pg.VM_MAYWRITE))
    own.r = EACCES;
  else if (kind === "shared") own.r = 0;
  else if (descriptor === Descriptor.pci && m.kernel.host.removesBarAtAddress) own.r = EFBIG;
  else own.r = punchRefusal(descriptor, isOpenForWriting);
}

export const MADV_REMOVE = routine(
  "madvise_remove",
  { start: wide, end: wide, r: int, file: ref, from: wide, to: wide },
  (own, m: Kvm) => [
    act("R1", () => removeRange(m, own)),
    when(() => own.r !== 0, [done("r")]),
    call(
      shmem_punch,
      { file: () => pg.address_space.at(m, own.file), from: "from", to: "to" },
      "r",
    ),
    done("r"),
  ],
);
