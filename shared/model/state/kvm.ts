// KVM's objects as cells: the VM, its memslots, vCPUs with their TLB, shadow pages, a fault, a
// table iterator. Fields carry the kernel's names where they are the kernel's.
// From: struct kvm, struct kvm_memory_slot (include/linux/kvm_host.h), struct kvm_vcpu, struct
// kvm_mmu_page, struct kvm_page_fault (arch/x86/kvm/mmu/mmu_internal.h), struct tdp_iter
// (arch/x86/kvm/mmu/tdp_iter.h), 6.12 and 7.2.
import { mutex, rwlock, srcu } from "#shared/engine/locks";
import { bit, int, list, local, pair, ref, struct, wide } from "#shared/engine/struct";

/** Buckets of the shadow pages' hash. */
export const MMU_PAGE_HASH = 512;

export const struct_kvm = struct("kvm", {
  mmu_lock: rwlock,
  slots_lock: mutex,
  mmu_invalidate_seq: int,
  mmu_invalidate_in_progress: int,
  mmu_invalidate_range_start: wide,
  mmu_invalidate_range_end: wide,
  mn_active_invalidate_count: int,
  /** Grace periods of srcu that have begun: one each time slots are published. */
  srcu_period: int,
  /** Generation of the memslots; two address spaces, so each update adds 2. */
  generation: int,
  /** First memslot in order of gfn. */
  memslots: ref,
  /** Newest TDP root. */
  tdp_mmu_roots: ref,
  /** Walks of the TDP tables without mmu_lock held for writing. */
  rcu: srcu,
  /**
   * Tables taken out of the TDP MMU that a reader may still be in: the newest, linked by `pending`.
   */
  pendingTables: ref,
  mmu_valid_gen: int,
  manual_dirty_log_protect: int,
  /** Lists of dirty pages printed so far: the number of the next one's text. */
  dirtyLists: int,
  // Shadow pages: the list of those in use (newest and oldest), by gfn, how many.
  newestPage: ref,
  oldestPage: ref,
  mmu_page_hash: list(MMU_PAGE_HASH, ref),
  n_used_mmu_pages: int,
  n_max_mmu_pages: int,
  /** Pages that shadow a guest's table. */
  indirect_shadow_pages: int,
  /** vCPUs created so far. */
  online_vcpus: int,
  /** The scenario's steps are done: its threads may start. */
  stepsDone: int,
  /** The VMM has closed the VM's descriptors; a child of it may hold them still. */
  isClosed: bit,
  /** The last descriptor of the VM is closed. */
  isDestroyed: bit,
});

export const KVM_MEM_LOG_DIRTY_PAGES = 1;
export const KVM_MEM_READONLY = 2;
export const KVM_MEMSLOT_INVALID = 1 << 16;

/** Requests to a vCPU, served before it enters the guest. */
export const KVM_REQ_MMU_FREE_OBSOLETE_ROOTS = 1;
export const KVM_REQ_MMU_SYNC = 2;

export const kvm_memory_slot = struct("kvm_memory_slot", {
  id: int,
  flags: int,
  base_gfn: wide,
  npages: wide,
  userspace_addr: wide,
  /** Per gfn of each level: sparse arrays of rmap heads and counts (kvm/slot-arch.ts). */
  arch: list(3, ref),
  /** Root of the bitmap of written pages; 0 while nothing is logged. */
  dirty_bitmap: ref,
  next: ref,
  /** Generation that put it in its place among the slots that begin at the same host address. */
  placed: int,
});

/** A translation that the CPU keeps; `gvaPage` is the gva without its low 12 bits. */
export const tlbEntry = struct("tlb", {
  gvaPage: pair,
  pfn: wide,
  flags: int,
  gfn: wide,
});
export const TLB_ENTRIES = 64;
export const TLB_WRITABLE = 1;
export const TLB_USER = 2;
export const TLB_EXECUTABLE = 4;

/** A root that a vCPU may come back to. */
export const kvm_mmu_root_info = struct("kvm_mmu_root_info", { root: ref, pgd: wide });
export const KVM_MMU_NUM_PREV_ROOTS = 3;

export const kvm_vcpu = struct("kvm_vcpu", {
  created: int,
  requests: int,
  /**
   * In kvm->srcu's read side, from the start of KVM_RUN on but not in the guest: 1 + the grace
   * periods that had begun then; else 0.
   */
  srcu_read: int,
  /** Shadow page of the root in use; 0 before the first entry. */
  root: ref,
  /** Guest table behind the root, with shadow paging. */
  root_pgd: wide,
  prev_roots: list(KVM_MMU_NUM_PREV_ROOTS, local(kvm_mmu_root_info)),
  root_role: int,
  // Registers that the VMM sets before each step.
  rip: wide,
  rdi: pair,
  rax: pair,
  rcx: wide,
  cpl: int,
  cr0: int,
  cr3: wide,
  cr4: int,
  efer: int,
  cr2: pair,
  /** Error code of the guest's own page fault, valid while `pending` is set. */
  pf_error_code: int,
  pending: int,
  /** The fault was given to the CPU once and came back undelivered. */
  injected: int,
  last_retry_eip: wide,
  last_retry_addr: pair,
  // What the CPU wrote into the VMCB at the last exit.
  exit_code: int,
  exit_info_1: pair,
  exit_info_2: pair,
  /** Why KVM_RUN returned to user space: KVM_EXIT_*. */
  exit_reason: int,
  /** The instruction at rip was executed by the emulator: the guest goes on behind its access. */
  isEmulated: int,
  /** An access to no memory that user space must answer: MmioPhase, address, length, data. */
  mmioPhase: int,
  mmioGpa: wide,
  mmioLength: int,
  mmioData: pair,
  /** Cached MMIO translation: gfn + 1 (0: none), rights, generation. */
  mmio_gfn: wide,
  /** Page of the virtual address that it is for, with shadow paging; 0 for none. */
  mmio_gva: pair,
  mmio_access: int,
  mmio_gen: int,
  tlb_valid: pair,
  tlb: list(TLB_ENTRIES, local(tlbEntry)),
});

export const KVM_EXIT_UNKNOWN = 0;
export const KVM_EXIT_IO = 2;
export const KVM_EXIT_MMIO = 6;
export const KVM_EXIT_INTERNAL_ERROR = 17;

/** What user space owes an MMIO access. */
export const MmioPhase = { none: 0, read: 1, write: 2 } as const;

/** Exits of the modelled CPU. */
/** A page fault of the guest, with shadow paging. */
export const SVM_EXIT_PF = 4;
export const SVM_EXIT_INVLPG = 5;
export const SVM_EXIT_WRITE_CR3 = 6;
export const SVM_EXIT_NPF = 1;
export const SVM_EXIT_IOIO = 2;
/** The guest's exception handler ended in an out instruction. */
export const SVM_EXIT_EXCEPTION_OUT = 3;

export const kvm_mmu_page = struct("kvm_mmu_page", {
  role: int,
  gfn: wide,
  root_count: int,
  /** Cell of the table. */
  spt: ref,
  /** A root that no new fault may use; it is torn down by whoever made it so. */
  isInvalid: int,
  /** Next older root. */
  nextRoot: ref,
  /** Next page that waits for its readers. */
  pending: ref,
  /** Cell of the entry that links this page; 0 for a root. */
  ptep: ref,
  // Pages of the shadow MMU.
  mmu_valid_gen: int,
  /** Neighbours in the list of pages in use. */
  newer: ref,
  older: ref,
  /** Next older page of the hash bucket. */
  hash_link: ref,
  unsync: int,
  unsync_children: int,
  unsync_child_bitmap: list(16, int),
  /** Entries that point to this page: an rmap head. */
  parent_ptes: int,
  /** What each entry was made of: gfn << 12 | access; 0 for a direct page. */
  shadowed_translation: ref,
  write_flooding_count: int,
});

/** pte_list_desc: more than one entry of an rmap. */
export const PTE_LIST_EXT = 14;
export const pte_list_desc = struct("pte_list_desc", {
  more: ref,
  spte_count: int,
  tail_count: int,
  sptes: list(PTE_LIST_EXT, int),
});

/** Why a lookup gave no pfn: the kernel's KVM_PFN_ERR_* and KVM_PFN_NOSLOT. */
export const PfnError = {
  none: 0,
  fault: 1,
  hwpoison: 2,
  roFault: 3,
  sigpending: 4,
  needsIo: 5,
  noslot: 6,
} as const;

/** What a walk of the guest's tables gathers, by level from 1. */
export const guest_walker = struct("guest_walker", {
  level: int,
  max_level: int,
  ptes: list(4, pair),
  table_gfn: list(4, wide),
  /** Byte of the entry in its table. */
  offset: list(4, int),
  pt_access: list(4, int),
  pte_writable: list(4, int),
  /** The block of entries around the last one, read under mmu_lock. */
  prefetch_ptes: list(8, pair),
  pte_access: int,
  gfn: wide,
  /** Code of the guest's page fault when the walk failed. */
  error_code: int,
});

export const kvm_page_fault = struct("kvm_page_fault", {
  addr: pair,
  error_code: pair,
  gfn: wide,
  slot: ref,
  exec: bit,
  write: bit,
  present: bit,
  user: bit,
  prefetch: bit,
  map_writable: bit,
  write_fault_to_shadow_pgtable: bit,
  /** Rights of the guest's own entry, all without shadow paging. */
  access: int,
  max_level: int,
  req_level: int,
  goal_level: int,
  mmu_seq: int,
  hva: wide,
  pfn: wide,
  pfnError: int,
  /** The page that GUP gave, as pfn + 1; 0 for none. V3 only. */
  refcounted_page: int,
  vcpu: int,
});

export const tdp_iter = struct("tdp_iter", {
  gfn: wide,
  level: int,
  root_level: int,
  min_level: int,
  /** Cell of the entry. */
  sptep: ref,
  old_spte: pair,
  valid: bit,
  /** First gfn after the range, and where the walk stands. */
  next_last_level_gfn: wide,
  /** Tables on the path, by level. */
  pt_path: list(6, ref),
});
