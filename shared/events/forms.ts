// How a kernel prints: the parts of an event's body that changed between versions, as data.
// Owns the three known forms; a kernel profile names one of them. No event asks for a version.
// From: format files of tracefs in 6.1.192, 6.12.117 and 7.2.13; arch/x86/kvm/mmu/mmutrace.h.

/** Bit positions of union kvm_mmu_page_role that are printed. */
export interface RoleLayout {
  readonly accessBits: number;
  readonly invalid: number;
  readonly efer_nx: number;
  readonly ad_disabled: number;
}

export interface PrintForms {
  readonly name: "6.1" | "6.12" | "7.x";
  /** Texts of role.access, by value. */
  readonly access: readonly string[];
  readonly role: RoleLayout;
  /** kvm_mmu_spte_requested ends with `access %x`. */
  readonly requestedAccess: boolean;
  /** Names of error-code bits in the order they are printed. */
  readonly pferr: readonly (readonly [bit: number, name: string])[];
  /** Width of the error code that fast_page_fault records; a cut line's is that of its fault. */
  readonly fastErrorBits: 32 | 64;
}

const ACCESS_3 = ["---", "--x", "w--", "w-x", "-u-", "-ux", "wu-", "wux"];
const ACCESS_4 = [
  "----",
  "r---",
  "-w--",
  "rw--",
  "--u-",
  "r-u-",
  "-wu-",
  "rwu-",
  "---x",
  "r--x",
  "-w-x",
  "rw-x",
  "--ux",
  "r-ux",
  "-wux",
  "rwux",
];
const PFERR_OLD = [
  [0, "P"],
  [1, "W"],
  [2, "U"],
  [3, "RSVD"],
  [4, "F"],
] as const;
const PFERR_NEW = [
  [0, "P"],
  [1, "W"],
  [2, "U"],
  [5, "PK"],
  [6, "SS"],
  [15, "SGX"],
  [3, "RSVD"],
  [4, "F"],
] as const;

export const FORMS_6_12: PrintForms = {
  name: "6.12",
  access: ACCESS_3,
  role: { accessBits: 3, invalid: 11, efer_nx: 12, ad_disabled: 16 },
  requestedAccess: false,
  pferr: PFERR_OLD,
  fastErrorBits: 64,
};

export const FORMS_6_1: PrintForms = { ...FORMS_6_12, name: "6.1", fastErrorBits: 32 };

export const FORMS_7: PrintForms = {
  name: "7.x",
  access: ACCESS_4,
  role: { accessBits: 4, invalid: 12, efer_nx: 13, ad_disabled: 16 },
  requestedAccess: true,
  pferr: PFERR_NEW,
  fastErrorBits: 64,
};

/** The forms of a kernel named as the profiles are: 6.1, 6.12, 7.2, 7.3. */
export function formsOf(kernel: string): PrintForms {
  if (kernel === "6.1") return FORMS_6_1;
  return kernel.startsWith("6.") ? FORMS_6_12 : FORMS_7;
}
