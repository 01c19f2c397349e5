// What the host's memory manager does differently from kernel to kernel, as named switches. The
// host's code asks the switch, never the version.
// From: mm/{memory.c,huge_memory.c,hugetlb.c,ksm.c,vmscan.c} of the kernels named, and the lab's
// traces of them.

export interface HostSwitches {
  /**
   * A dirty entry that loses its write bit keeps that in a software bit of its own, so it reads as
   * clean (_PAGE_SAVED_DIRTY, arch/x86/include/asm/pgtable.h, since 6.6).
   */
  readonly savesDirtyOfReadOnly: boolean;
  /** A writable entry of a dirty page-cache page is made dirty (set_pte_range(), memory.c, 7.x). */
  readonly mapsDirtyFoliosDirty: boolean;
  /**
   * A write to the huge zero page splits its entry (do_huge_pmd_wp_page(), huge_memory.c, up to
   * 6.12); later a huge page takes its place.
   */
  readonly splitsHugeZeroOnWrite: boolean;
  /** A page of a large folio that only this process maps is written in place (memory.c, 7.x). */
  readonly reusesLargeFolioPages: boolean;
  /** The entries of a split huge page inherit its dirty bit (huge_memory.c, since 6.6). */
  readonly splitKeepsDirty: boolean;
  /**
   * Pages of zeroes of a folio that is split give way to the zero page (migrate.c,
   * try_to_map_unused_to_zeropage(), since 6.12).
   */
  readonly splitMapsZeroPage: boolean;
  /** A page read back from swap is writable at once if no one shares it (memory.c, since 6.9). */
  readonly swapinIsWritable: boolean;
  /** A page read back goes by the swap cache, also where no one else needs it (memory.c, 7.x). */
  readonly swapinGoesByCache: boolean;
  /** MADV_FREE's page stays one while others hold it, if it is clean (rmap.c, 7.x). */
  readonly heldStaysLazyFree: boolean;
  /** MADV_COLLAPSE of a range without a whole huge page does nothing (khugepaged.c, 7.x). */
  readonly collapsesNothing: boolean;
  /** MADV_REMOVE of a BAR is asked of sysfs at the BAR's address, which is too far, up to 6.12. */
  readonly removesBarAtAddress: boolean;
  /** Bare memory that becomes read-only does not count for the commit limit (mprotect.c, 6.6). */
  readonly dropsAccountOfBare: boolean;
  /** MADV_POPULATE_* goes on behind a hole (madvise.c, madvise_walk_vmas(), up to 6.8). */
  readonly populatesPastHoles: boolean;
  /** MADV_PAGEOUT takes young pages too (vmscan.c, reclaim_folio_list(), since 6.9). */
  readonly pageoutTakesYoung: boolean;
  /** References that the page cache holds to a huge page of hugetlbfs (filemap.c). */
  readonly hugetlbCacheReferences: 1 | 512;
  /**
   * Unmapping memory of hugetlbfs calls the notifier again inside the caller's call (hugetlb.c,
   * __unmap_hugepage_range(), up to 6.1).
   */
  readonly hugetlbUnmapCallsAgain: boolean;
  /** A private page that is unmapped is reserved again for its mapping (hugetlb.c, since 6.9). */
  readonly hugetlbRestoresReserve: boolean;
  /** Unmerging breaks a page by a write fault (ksm.c, 6.1) instead of FAULT_FLAG_UNSHARE. */
  readonly breaksKsmByWrite: boolean;
  /** vmf_insert_pfn_pmd() for ordinary memory (huge_memory.c; the lab uses it since 6.12). */
  readonly hasHugePfnmap: boolean;
  /**
   * Marks of use between the one that sets referenced and the one that sets workingset (swap.c,
   * lru_gen_inc_refs() in 7.x, folio_inc_refs() in 6.12).
   */
  readonly marksBeforeWorkingset: 0 | 3;
  /** Map counts are told of the page (page_mapcount(), 6.1) or of the folio. */
  readonly tellsMapcountOfPage: boolean;
  /** A move may begin at the start of its 2 MiB (mremap.c, try_realign_addr(), since 6.7). */
  readonly mremapRealigns: boolean;
  /** A mapping with an anon_vma merges into a neighbour without one (vma.c, 7.x). */
  readonly mergesIntoBareMapping: boolean;
  /** A move goes over more than one mapping, and over holes (mremap.c, remap_move(), 6.17). */
  readonly mremapMovesMany: boolean;
  /** MADV_DONTNEED frees page tables that became empty (CONFIG_PT_RECLAIM, since 6.14). */
  readonly reclaimsEmptyTables: boolean;
  /** Splitting a folio splits its huge entry within the walk over its mappings (rmap.c, 6.16). */
  readonly splitsPmdInRmapWalk: boolean;
  /**
   * A split folio's tails are made in the order of their addresses (huge_memory.c,
   * __folio_freeze_and_split_unmapped(), 7.x) instead of from the last to the first.
   */
  readonly splitsTailsForward: boolean;
  /** MADV_FREE, COLD and PAGEOUT end a table at a large folio they cannot have (madvise.c, 6.1). */
  readonly adviceEndsAtLargeFolio: boolean;
  /** Migration unmaps all folios before it moves the first (migrate.c, since 6.3). */
  readonly migratesInBatches: boolean;
  /**
   * Where move_pages() looks for a page as get_user_pages() does: a hole in anonymous memory is
   * EFAULT, no access no page, and only a head of hugetlbfs moves (migrate.c, up to 6.11).
   */
  readonly movesByFollowPage: boolean;
  /** Whether a folio is shared is guessed by its first page (mm.h, 6.12), or known (7.x). */
  readonly knowsFolioSharers: boolean;
  /** mprotect calls the notifier from the first entry for 2 MiB on (mprotect.c, up to 6.11). */
  readonly notifiesFromPmd: boolean;
  /**
   * mprotect gives the right to write back to small dirty pages only (mprotect.c, huge_memory.c, up
   * to 6.1).
   */
  readonly upgradesDirtyPagesOnly: boolean;
  /** A long-term pin may write to files whose pages are tracked (gup.c, up to 6.4). */
  readonly pinsTrackedFiles: boolean;
  /** Memory without a writable page is not collapsed (khugepaged.c, up to 6.17). */
  readonly collapsesWritableOnly: boolean;
}

export const HOST_6_12: HostSwitches = {
  savesDirtyOfReadOnly: true,
  mapsDirtyFoliosDirty: false,
  splitsHugeZeroOnWrite: true,
  reusesLargeFolioPages: false,
  splitKeepsDirty: true,
  splitMapsZeroPage: true,
  swapinIsWritable: true,
  pageoutTakesYoung: true,
  hugetlbCacheReferences: 512,
  hugetlbUnmapCallsAgain: false,
  hugetlbRestoresReserve: true,
  swapinGoesByCache: false,
  removesBarAtAddress: true,
  heldStaysLazyFree: false,
  collapsesNothing: false,
  populatesPastHoles: false,
  dropsAccountOfBare: true,
  breaksKsmByWrite: false,
  hasHugePfnmap: true,
  marksBeforeWorkingset: 0,
  tellsMapcountOfPage: false,
  mremapRealigns: true,
  mergesIntoBareMapping: false,
  mremapMovesMany: false,
  reclaimsEmptyTables: false,
  splitsPmdInRmapWalk: false,
  splitsTailsForward: false,
  adviceEndsAtLargeFolio: false,
  migratesInBatches: true,
  movesByFollowPage: false,
  knowsFolioSharers: false,
  notifiesFromPmd: false,
  upgradesDirtyPagesOnly: false,
  pinsTrackedFiles: false,
  collapsesWritableOnly: true,
};

export const HOST_6_1: HostSwitches = {
  ...HOST_6_12,
  savesDirtyOfReadOnly: false,
  splitKeepsDirty: false,
  splitMapsZeroPage: false,
  adviceEndsAtLargeFolio: true,
  swapinIsWritable: false,
  pageoutTakesYoung: false,
  hugetlbCacheReferences: 1,
  hugetlbUnmapCallsAgain: true,
  hugetlbRestoresReserve: false,
  populatesPastHoles: true,
  dropsAccountOfBare: false,
  breaksKsmByWrite: true,
  hasHugePfnmap: false,
  tellsMapcountOfPage: true,
  mremapRealigns: false,
  migratesInBatches: false,
  movesByFollowPage: true,
  notifiesFromPmd: true,
  upgradesDirtyPagesOnly: true,
  pinsTrackedFiles: true,
};

/** 7.2 and 7.3 alike. */
export const HOST_7: HostSwitches = {
  ...HOST_6_12,
  mapsDirtyFoliosDirty: true,
  splitsHugeZeroOnWrite: false,
  marksBeforeWorkingset: 3,
  reusesLargeFolioPages: true,
  mergesIntoBareMapping: true,
  swapinGoesByCache: true,
  removesBarAtAddress: false,
  heldStaysLazyFree: true,
  collapsesNothing: true,
  mremapMovesMany: true,
  reclaimsEmptyTables: true,
  splitsPmdInRmapWalk: true,
  splitsTailsForward: true,
  knowsFolioSharers: true,
  collapsesWritableOnly: false,
};
