// The host's objects as cells: struct page, the VMM's address space, its mappings. Fields carry the
// kernel's names where they are the kernel's; the rest is what a model needs instead of pointers.
// From: struct page and struct folio, struct mm_struct, struct vm_area_struct
// (include/linux/mm_types.h, 6.12).
import { rwlock } from "#shared/engine/locks";
import { int, ref, struct, wide } from "#shared/engine/struct";

/**
 * A page's own counts; a folio's are those of its head. `head` is the head's pfn, 0 for a page by
 * itself.
 */
export const page = struct("page", {
  _refcount: int,
  _mapcount: int,
  flags: int,
  order: int,
  head: int,
  /** Contents: 0 all zero, > 0 cell of a block, < 0 minus the cell of a list of words. */
  contents: int,
  /** Pages of a driver are never freed to the allocator: the driver holds them for good. */
  isDriver: int,
  /** Next page of an mmu_gather batch, as pfn + 1. */
  gathered: int,
});

export const PAGE_CELLS = page.size;
export const CONTENTS_OFFSET = page.offsets.contents;

export const mm_struct = struct("mm_struct", {
  mmap_lock: rwlock,
  /** Cell of the top-level host table. */
  pgd: ref,
  /** First mapping, in order of addresses. */
  mmap: ref,
  /** How many backings the VMM has made: the next one's address. */
  backings: int,
  notifierUsers: int,
});

export const vm_area_struct = struct("vm_area_struct", {
  vm_start: wide,
  vm_end: wide,
  vm_flags: int,
  /** Page of the backing that vm_start shows. */
  vm_pgoff: int,
  /** Number of the backing kind (host/kinds.ts). */
  kind: int,
  vm_next: ref,
});

/** Flags of a mapping: VM_READ … as in include/linux/mm.h, low half only. */
export const VM_READ = 0x1;
export const VM_WRITE = 0x2;
export const VM_EXEC = 0x4;
export const VM_SHARED = 0x8;
export const VM_PFNMAP = 0x400;
export const VM_IO = 0x4000;
export const VM_MIXEDMAP = 0x10000000;

/** Flags of a page, in the order in which the lab prints them (its module's flag table). */
export const PG_head = 1 << 0;
export const PG_tail = 1 << 1;
export const PG_reserved = 1 << 2;
export const PG_anon = 1 << 3;
export const PG_lru = 1 << 4;
export const PG_swapbacked = 1 << 5;
export const PG_dirty = 1 << 6;
export const PG_referenced = 1 << 7;
export const PG_active = 1 << 8;
export const PG_ksm = 1 << 9;
export const PG_zero = 1 << 10;
export const PG_unevictable = 1 << 11;
export const PG_swapcache = 1 << 12;
export const PG_anonExclusive = 1 << 13;
export const PG_workingset = 1 << 14;
