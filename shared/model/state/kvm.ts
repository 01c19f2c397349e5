// KVM's objects as cells: the VM, its memslots, vCPUs with their TLB, shadow pages, a fault, a
// table iterator. Fields carry the kernel's names where they are the kernel's.
// From: struct kvm, struct kvm_memory_slot (include/linux/kvm_host.h), struct kvm_vcpu, struct
// kvm_mmu_page, struct kvm_page_fault (arch/x86/kvm/mmu/mmu_internal.h), struct tdp_iter
// (arch/x86/kvm/mmu/tdp_iter.h), 6.12 and 7.2.
import { mutex, rwlock } from "#shared/engine/locks";
import { bit, int, list, local, pair, ref, struct, wide } from "#shared/engine/struct";

export const struct_kvm = struct("kvm", {
  mmu_lock: rwlock,
  slots_lock: mutex,
  mmu_invalidate_seq: int,
  mmu_invalidate_in_progress: int,
  mmu_invalidate_range_start: wide,
  mmu_invalidate_range_end: wide,
  mn_active_invalidate_count: int,
  /** Generation of the memslots; two address spaces, so each update adds 2. */
  generation: int,
  /** First memslot in order of gfn. */
  memslots: ref,
  /** Newest TDP root. */
  tdp_mmu_roots: ref,
  /** vCPUs created so far. */
  online_vcpus: int,
  /** The scenario's steps are done: its threads may start. */
  stepsDone: int,
});

export const KVM_MEM_LOG_DIRTY_PAGES = 1;
export const KVM_MEM_READONLY = 2;
export const KVM_MEMSLOT_INVALID = 1 << 16;

export const kvm_memory_slot = struct("kvm_memory_slot", {
  id: int,
  flags: int,
  base_gfn: wide,
  npages: wide,
  userspace_addr: wide,
  next: ref,
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

export const kvm_vcpu = struct("kvm_vcpu", {
  created: int,
  requests: int,
  /** Shadow page of the root in use; 0 before the first entry. */
  root: ref,
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
  // What the CPU wrote into the VMCB at the last exit.
  exit_code: int,
  exit_info_1: pair,
  exit_info_2: wide,
  /** The instruction in execution is past this many of its accesses. */
  tlb_valid: pair,
  tlb: list(TLB_ENTRIES, local(tlbEntry)),
});

/** Exits of the modelled CPU. */
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
  /** Next older root. */
  nextRoot: ref,
  /** Cell of the entry that links this page; 0 for a root. */
  ptep: ref,
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

export const kvm_page_fault = struct("kvm_page_fault", {
  addr: wide,
  error_code: pair,
  gfn: wide,
  slot: ref,
  exec: bit,
  write: bit,
  present: bit,
  user: bit,
  prefetch: bit,
  map_writable: bit,
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
