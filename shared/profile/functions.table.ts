// Which kernel file a function stands in, and the family under which a flame graph colours it.
// A name that no row has is placed by the longest prefix that fits; what is not the kernel's is
// "dim".
// From: the source trees of 6.12 and 7.2.
export const FAMILIES = ["mmu", "tdp", "kvm", "gup", "lock", "arch", "dim"] as const;
export type Family = (typeof FAMILIES)[number];

/** File, family, then names or prefixes (ending in `*`) of functions in it. */
export const FUNCTION_FILES: readonly (readonly [string, Family, string])[] = [
  [
    "virt/kvm/kvm_main.c",
    "kvm",
    `__gfn_to_pfn_memslot hva_to_pfn* kvm_follow_pfn
    __kvm_faultin_pfn kvm_release_* kvm_set_pfn_* kvm_pfn_to_refcounted_page kvm_set_page_*
    kvm_vcpu_gfn_to_memslot gfn_to_* kvm_mmu_notifier_* kvm_mmu_invalidate_* __kvm_handle_hva_range
    kvm_set_memory_region __kvm_set_memory_region kvm_set_memslot kvm_swap_active_memslots
    kvm_replace_memslot kvm_vm_ioctl kvm_flush_remote_tlbs kvm_make_* kvm_vcpu_kick
    __kvm_vcpu_kick kvm_sched_* kvm_io_bus_* __kvm_io_bus_* mark_page_dirty_in_slot kvm_try_get_pfn
    kvm_resolve_pfn kvm_prefetch_pages kvm_vcpu_read_guest_* __kvm_read_guest_page
    kvm_mmu_memory_cache_alloc kvm_mmu_topup_memory_cache __kvm_mmu_topup_memory_cache
    kvm_get_dirty_log_protect`,
  ],
  ["virt/kvm/pfncache.c", "kvm", "gfn_to_pfn_cache_* kvm_gpc_*"],
  [
    "arch/x86/kvm/mmu/tdp_mmu.c",
    "tdp",
    `kvm_tdp_mmu_* tdp_mmu_* handle_changed_spte
    __handle_changed_spte handle_removed_pt __tdp_mmu_*`,
  ],
  ["arch/x86/kvm/mmu/tdp_iter.c", "tdp", "tdp_iter_*"],
  [
    "arch/x86/kvm/mmu/spte.c",
    "mmu",
    `make_spte make_nonleaf_spte make_mmio_spte
    mark_spte_for_access_track spte_* kvm_is_mmio_pfn`,
  ],
  [
    "arch/x86/kvm/mmu/page_track.c",
    "mmu",
    "kvm_gfn_is_write_tracked kvm_page_track_* __kvm_write_track_*",
  ],
  ["arch/x86/kvm/mmu/paging_tmpl.h", "mmu", "paging64_* ept_gpte_changed"],
  [
    "arch/x86/kvm/mmu/mmu.c",
    "mmu",
    `kvm_mmu_* kvm_tdp_page_fault kvm_tdp_mmu_page_fault
    direct_page_fault direct_map kvm_faultin_pfn __kvm_mmu_* fast_page_fault is_page_fault_stale
    mmu_* kvm_handle_noslot_fault kvm_handle_error_pfn kvm_unmap_gfn_range kvm_age_gfn
    kvm_test_age_gfn kvm_zap_* __kvm_rmap_* kvm_rmap_* rmap_* slot_rmap_* __rmap_add gfn_to_rmap
    pte_list_* drop_spte __link_shadow_page __direct_pte_prefetch direct_pte_prefetch_many
    page_fault_handle_page_track walk_shadow_page_* shadow_walk_* handle_mmio_page_fault
    host_pfn_mapping_level update_gfn_disallow_lpage_count mark_mmio_spte memslot_rmap_alloc
    kvm_arch_mmu_*`,
  ],
  ["arch/x86/kvm/svm/svm.c", "arch", "svm_* npf_interception pf_interception"],
  ["arch/x86/kvm/svm/sev.c", "arch", "sev_*"],
  [
    "arch/x86/kvm/emulate.c",
    "arch",
    `x86_decode_insn x86_emulate_insn decode_* em_* linearize
    segmented_write read_emulated writeback writeback_registers init_decode_cache
    __do_insn_fetch_bytes __decode_register_operand fetch_register_operand`,
  ],
  [
    "arch/x86/kvm/x86.c",
    "arch",
    `x86_* emulator_* vcpu_enter_guest vcpu_run kvm_arch_* vcpu_mmio_*
    vcpu_is_mmio_gpa read_exit_mmio write_exit_mmio read_prepare write_mmio init_emulate_ctxt
    kvm_fetch_guest_virt kvm_get_rflags __kvm_set_rflags mmio_info_in_cache is_ibt_instruction`,
  ],
  [
    "mm/gup.c",
    "gup",
    `get_user_pages* __get_user_pages* gup_* pin_user_pages* follow_page_*
    try_grab_folio* faultin_page fixup_user_fault check_vma_flags`,
  ],
  [
    "mm/memory.c",
    "gup",
    `handle_mm_fault __handle_mm_fault handle_pte_fault do_anonymous_page
    do_fault do_wp_page wp_page_copy wp_page_reuse follow_pfnmap_* unmap_* zap_* copy_page_range`,
  ],
  ["mm/huge_memory.c", "gup", "do_huge_pmd_*"],
  ["mm/mmu_notifier.c", "kvm", "__mmu_notifier_* mmu_notifier_*"],
  ["mm/mmu_gather.c", "gup", "tlb_finish_mmu tlb_*"],
  ["mm/vma.c", "gup", "do_vmi_* vma_* split_vma"],
  ["mm/mmap.c", "gup", "find_vma __x64_sys_munmap do_mmap vm_mmap*"],
  ["mm/madvise.c", "gup", "do_madvise __x64_sys_madvise madvise_*"],
  ["mm/mprotect.c", "gup", "change_* mprotect_* __x64_sys_mprotect do_mprotect_*"],
  ["mm/swap.c", "gup", "mark_page_accessed folio_mark_accessed put_page __folio_put lru_*"],
  ["mm/page_alloc.c", "gup", "__alloc_pages* free_unref_*"],
  ["mm/rmap.c", "gup", "ptep_clear_flush folio_add_* folio_remove_*"],
  [
    "kernel/locking",
    "lock",
    "_raw_* down_* up_* mutex_* read_lock write_lock read_unlock write_unlock",
  ],
  ["arch/x86/kvm", "kvm", "kvm_*"],
];
