// The host's objects as cells: struct page, the VMM's address space, its mappings. Fields carry the
// kernel's names where they are the kernel's; the rest is what a model needs instead of pointers.
// From: struct page and struct folio, struct mm_struct, struct vm_area_struct
// (include/linux/mm_types.h, 6.12).
import { rwlock } from "#shared/engine/locks";
import { bit, int, list, ref, struct, wide } from "#shared/engine/struct";

/**
 * A page's own counts; a folio's are those of its head. `head` is the head's pfn, 0 for a page by
 * itself. The kernel's _mapcount begins at -1; here it is the number of mappings.
 */
export const page = struct("page", {
  _refcount: int,
  /** Page-table entries of 4 KiB that map this very page. */
  _mapcount: int,
  /** Head only: all mappings of the folio, and those by one huge entry. */
  _large_mapcount: int,
  _entire_mapcount: int,
  /** Head only: pins of a large folio; a small one's are in its reference count. */
  _pincount: int,
  flags: int,
  /** Marks of use beyond the first that the generational LRU counts before it sets workingset. */
  lruRefs: int,
  order: int,
  head: int,
  /** The file of a page-cache page and its place there, in pages of 4 KiB; 0 for other pages. */
  mapping: ref,
  index: int,
  /** NUMA node. */
  nid: int,
  /** Contents: 0 all zero, > 0 cell of a block, < 0 minus the cell of a list of words. */
  contents: int,
  /** Pages of a driver are never freed to the allocator: the driver holds them for good. */
  isDriver: int,
  /** Owned by the pool of huge pages: goes back there, not to the allocator. */
  isHugetlb: int,
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
  /** A page of this address space was pinned once: fork looks at each page (MMF_HAS_PINNED). */
  hasPinned: bit,
  /** Top-level table of the sleeping child; 0 without one. */
  childPgd: ref,
});

/** A file's pages: a list of nodes of 512 slots each, ordered by `base`. */
export const address_space = struct("address_space", {
  /** FileSystem. */
  fs: int,
  i_size: wide,
  nodes: ref,
  /** hugetlbfs: huge pages that are reserved or there, a bit each (host/hugetlb-resv.ts). */
  hugetlbResv: int,
});
export const FileSystem = { tmpfs: 0, ramfs: 1, hugetlbfs: 2 } as const;

export const NODE_SLOTS = 512;
/** A slot: 0 nothing, pfn + 1 a page, -(number + 1) a slot of the swap device. */
export const pageCacheNode = struct("page cache node", {
  base: int,
  next: ref,
  slots: list(NODE_SLOTS, int),
});

/** A page written to the swap device: how many entries lead to it, and its contents. */
export const swapSlot = struct("swap slot", {
  count: int,
  contents: int,
  /** Page that the swap cache has for it, as pfn + 1. */
  cached: int,
});

/** A reference that the lab's module holds until `unpin`. */
export const heldPage = struct("held page", { pfn: int, isPin: bit, next: ref });

/** A page that was taken off the lists to be moved: from where, to which page, how far it got. */
export const queuedFolio = struct("queued folio", {
  pfn: int,
  hva: wide,
  /** The page it moves to, as pfn + 1. */
  target: int,
  state: int,
  next: ref,
});

/** What the VMM remembers of a backing: where it lies and what its descriptor is. */
export const vmmBacking = struct("backing of the VMM", {
  hva: wide,
  size: wide,
  /** What its descriptor is (host/kinds.ts), and whether it is open for writing. */
  descriptor: int,
  isWritable: bit,
  file: ref,
});
export const VMM_BACKINGS = 32;

/** Pages of one batch of the LRU lists (include/linux/pagevec.h, 6.1). */
export const PAGEVEC_SIZE = 15;

/** The host's memory manager beyond one address space. */
export const hostMemory = struct("host memory", {
  /** The huge zero page, as pfn + 1; made at its first use. */
  hugeZero: int,
  /** How many anon_vmas were made. */
  anonVmas: int,
  /** Free huge pages of the pool, newest first (as pfn + 1, linked by `gathered`). */
  hugetlbFree: int,
  /** Pages of the pool that have frames, on node 0 and on node 1, and that are in use. */
  hugetlbMade: int,
  hugetlbMadeThere: int,
  hugetlbUsed: int,
  /** Free pages of the pool that are promised to mappings (resv_huge_pages). */
  hugetlbReserved: int,
  isSwapOn: bit,
  /** Old pages of this move_pages(), newest first (as pfn + 1, linked by `gathered`). */
  leftBehind: int,
  /** Last status of the newest move_pages() that was not the node asked for. */
  migrateStatus: int,
  /** Pages that the lab's module holds. */
  held: ref,
  /** The batch of pages that wait to become active (host/page.ts), as pfns. */
  activating: list(PAGEVEC_SIZE, int),
  activatingCount: int,
  /** The lab looks at pages after each step, and empties all batches before it does. */
  isTracking: bit,
});

export const vm_area_struct = struct("vm_area_struct", {
  vm_start: wide,
  vm_end: wide,
  vm_flags: int,
  /** Page of the backing that vm_start shows. */
  vm_pgoff: int,
  /** Number of the backing kind (host/kinds.ts). */
  kind: int,
  /** Cell of the file's address_space; 0 for anonymous memory and drivers. */
  vm_file: ref,
  /** Number of its anon_vma; 0 while it has none. With one, fork copies it. */
  anon_vma: int,
  /** Private memory of hugetlbfs: its reservation map (host/hugetlb-resv.ts). */
  hugetlbResv: int,
  vm_next: ref,
});

/**
 * What the VMM remembers of a slot it asked for: the argument of its next call, refused or not.
 * From: the lab's agent (struct slot).
 */
export const vmmSlot = struct("slot of the VMM", { flags: int, gpa: wide, size: wide, hva: wide });
export const VMM_SLOTS = 32;

/** Control registers that the VMM gives to its vCPUs. */
export const vmmRegisters = struct("registers of the VMM", { cr0: int, cr4: int, efer: int });

/** Flags of a mapping: VM_READ … as in include/linux/mm.h, low half only. */
export const VM_READ = 0x1;
export const VM_WRITE = 0x2;
export const VM_EXEC = 0x4;
export const VM_SHARED = 0x8;
export const VM_MAYREAD = 0x10;
export const VM_MAYWRITE = 0x20;
export const VM_MAYEXEC = 0x40;
export const VM_MAYSHARE = 0x80;
export const VM_PFNMAP = 0x400;
export const VM_LOCKED = 0x2000;
export const VM_IO = 0x4000;
export const VM_DONTEXPAND = 0x40000;
export const VM_ACCOUNT = 0x100000;
export const VM_HUGETLB = 0x400000;
export const VM_MIXEDMAP = 0x10000000;
export const VM_HUGEPAGE = 0x20000000;
export const VM_NOHUGEPAGE = 0x40000000;
export const VM_MERGEABLE = 0x80000000 | 0;
/** Mappings that are never merged with a neighbour. */
export const VM_SPECIAL = VM_IO | VM_DONTEXPAND | VM_PFNMAP | VM_MIXEDMAP;

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
export const PG_anonExclusive = 1 << 13;
export const PG_workingset = 1 << 14;
/** hugetlb_restore_reserve: the pool counts the page as reserved again when it comes back. */
export const PG_restoreReserve = 1 << 15;
/** hugetlb_temporary: a huge page beyond the pool, which goes back to the allocator. */
export const PG_temporary = 1 << 16;
