// What one kernel is, as data: values of entries, roles, print forms, and named switches. A switch
// is named after what changed and says where; the fault path asks the switch, never the version.
// From: arch/x86/kvm/mmu/{spte.h,tdp_mmu.c} of the kernels that the profiles name.
import type { PrintForms } from "#shared/events/forms";

export type KernelId = "6.12" | "7.2";

export interface KernelProfile {
  readonly id: KernelId;
  /** For people: "Linux 6.12". */
  readonly title: string;
  /** The build whose traces witness this profile. */
  readonly witness: string;
  /** The lookup design that this kernel shipped with. */
  readonly lookup: "V0" | "V3";
  readonly forms: PrintForms;

  /** Low half of FROZEN_SPTE; its high half is the non-present marker, bit 63. spte.h */
  readonly frozenLow: number;
  /** ACC_ALL as kvm_mmu_spte_requested prints it and roles hold it. */
  readonly accessAll: number;
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
  /** make_spte() grants no dirty bit when the old value had the writable bit (6.12). */
  readonly keepsCleanOverWritable: boolean;
  /** The name of the function that does an entry's bookkeeping, as ftrace shows it. */
  readonly handleChangedName: "handle_changed_spte" | "__handle_changed_spte";
  /** Functions that the compiler inlined in the witness build, so that no trace shows them. */
  readonly inlined: readonly string[];
  /** Instructions per call of a function without its callees; see costs tables. */
  readonly costs: Readonly<Record<string, number>>;
}
