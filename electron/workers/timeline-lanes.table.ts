// Which functions are blocks on which lane of the timeline, and how they are called there.
// A function that another kernel lacks does no harm: its row is never met.
// From: the fault path of 6.12 and 7.2 (vcpu_enter_guest down to the map and the release).

/** What a vCPU is in, from entry to entry. */
export const VCPU_BLOCKS: Readonly<Record<string, string>> = {
  runGuest: "guest",
  kvm_mmu_load: "load root",
  npf_interception: "page fault",
};

/** What the fault path is doing. */
export const PHASE_BLOCKS: Readonly<Record<string, string>> = {
  fast_page_fault: "fast path",
  mmu_topup_memory_caches: "fill caches",
  kvm_faultin_pfn: "fault in",
  kvm_mmu_faultin_pfn: "fault in",
  is_page_fault_stale: "stale?",
  kvm_tdp_mmu_map: "map",
  kvm_mmu_finish_page_fault: "release",
  kvm_release_pfn_clean: "release",
  kvm_handle_error_pfn: "error pfn",
};

/** How a lookup finds its frame. */
export const LOOKUP_BLOCKS: Readonly<Record<string, string>> = {
  hva_to_pfn_fast: "GUP fast",
  hva_to_pfn_slow: "GUP slow",
  hva_to_pfn_remapped: "remapped",
  kvm_try_get_pfn: "try get",
  kvm_resolve_pfn: "resolve",
};
