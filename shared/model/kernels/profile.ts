// What one kernel is, as data: values of entries, roles, print forms, and named switches. A switch
// is named after what changed and says where; the fault path asks the switch, never the version.
// From: arch/x86/kvm/mmu/{spte.h,tdp_mmu.c} of the kernels that the profiles name.
import type { PrintForms } from "#shared/events/forms";
import type { HostSwitches } from "./host-switches.ts";

export type KernelId = "6.1" | "6.12" | "7.2" | "7.3";

export interface KernelProfile {
  readonly id: KernelId;
  /** For people: "Linux 6.12". */
  readonly title: string;
  /** The build whose traces witness this profile. */
  readonly witness: string;
  /** The lookup design that this kernel shipped with. */
  readonly lookup: "V0" | "V3";
  readonly forms: PrintForms;

  /** High half of SHADOW_NONPRESENT_VALUE: bit 63 from 6.12 on, 0 before. spte.h */
  readonly nonpresentHigh: number;
  /** Low half of FROZEN_SPTE; its high half is the non-present value's. spte.h */
  readonly frozenLow: number;
  /** ACC_ALL as kvm_mmu_spte_requested prints it and roles hold it. */
  readonly accessAll: number;
  /** ACC_EXEC_MASK. */
  readonly accessExec: 1 | 8;
  /**
   * Bits of the role that a shadow root takes from the guest's control registers. SMEP is in the
   * role as it is (7.x) or only without CR0.WP (6.12).
   */
  readonly roleBits: {
    readonly cr0_wp: number;
    readonly smep: number;
    readonly smap_andnot_wp: number;
    readonly smepAlone: boolean;
  };
  /**
   * Bits of the memslots' generation in an MMIO entry, and how many of them lie in its low half.
   */
  readonly mmioGenerationBits: number;
  readonly mmioGenerationLowBits: number;
  /** Role word of a TDP root: level 4, direct, all access, efer_nx, cr0_wp. */
  readonly tdpRootRole: number;

  /**
   * handle_changed_spte() records its event before it removes the child table (6.12), or after
   * (7.x).
   */
  readonly recordsBeforeRemovingTable: boolean;
  /**
   * tdp_mmu_map_handle_target_level() leaves an entry alone that already allows the access (7.x).
   */
  readonly leavesSufficientEntry: boolean;
  /** mmu_spte_update() flushes TLBs for a lost accessed or dirty bit too (6.12). */
  readonly flushesOnLostBits: boolean;
  /** mmu_set_spte() leaves a prefetched entry alone that has the same pfn (7.x). */
  readonly keepsPrefetched: boolean;
  /** make_spte() sets the accessed bit of an entry that a sync rebuilds (7.x). */
  readonly syncSetsAccessed: boolean;
  /** A sync rebuilds entries whose rights are the same, too (6.1). */
  readonly syncRebuildsAll: boolean;
  /** INVLPG zaps the entry of an unsync page and maps it anew at once (6.1). */
  readonly invlpgPrefetches: boolean;
  /** A fault while an event waits for delivery zaps the shadow pages of its gfn first (6.1). */
  readonly unprotectsBeforeDelivery: boolean;
  /** Any emulated fault but MMIO may be retried once, not only one on a tracked table (6.1). */
  readonly retriesAnyEmulation: boolean;
  /** Levels of the passes in which a root is torn down (tdp_mmu_zap_root). */
  readonly zapLevels: readonly number[];
  /**
   * The lookup is bracketed by tests of the invalidation sequence without mmu_lock (not in 6.1).
   */
  readonly checksInvalidationEarly: boolean;
  /**
   * The range of a running invalidation is one of host addresses (6.1), not of gfns. They differ
   * where one page of the host shows in two slots: gfns between them are in the range too.
   */
  readonly invalidatesByAddress: boolean;
  /** Aging takes no mmu_lock, flushes no TLBs and looks at valid roots only (7.x). */
  readonly agesWithoutLock: boolean;
  /** KVM_RUN clears exit_reason when it starts (not in 6.1). */
  readonly clearsExitReason: boolean;
  /** Width of the error code inside KVM: 6.1 keeps the low 32 bits. */
  readonly errorCodeBits: 32 | 64;
  /** Fast GUP takes an order-0 page without a mapping: 6.1 and 7.3 do, 6.12 and 7.2 refuse. */
  readonly gupFastTakesUnmapped: boolean;
  /** Marks of use climb the multi-generation LRU (referenced, workingset); else the active list. */
  readonly hasGenerationalLru: boolean;
  /** Clearing the dirty log marks the page of each entry that loses W (not in 6.1). */
  readonly marksDirtyAtLogClear: boolean;
  /** make_spte() grants no dirty bit when the old value had the writable bit (6.12). */
  readonly keepsCleanOverWritable: boolean;
  /**
   * Logging ends over a table that may be one huge page: the entry is frozen and then cleared
   * (6.1), cleared (6.12), or replaced by the huge page at once (7.x).
   */
  readonly collapses: "frozen" | "cleared" | "replaced";
  /** What the host's memory manager does. */
  readonly host: HostSwitches;
  /** Functions that the compiler inlined in the witness build, so that no trace shows them. */
  readonly inlined: readonly string[];
  /** Instructions per call of a function without its callees; see costs tables. */
  readonly costs: Readonly<Record<string, number>>;
}
