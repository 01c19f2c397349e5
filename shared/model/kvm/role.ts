// The role of a shadow page: level, access, and the guest's paging rules that it was made under.
// Pages of different roles never stand for each other. The layout is the kernel's own, as data.
// From: union kvm_mmu_page_role (arch/x86/include/asm/kvm_host.h), kvm_calc_cpu_role(),
// kvm_init_shadow_mmu(), kvm_mmu_child_role() (arch/x86/kvm/mmu/mmu.c), 6.12 and 7.2.
import { CR0_WP, CR4_SMAP, CR4_SMEP } from "../guest/paging.ts";
import type { Kvm } from "../state/machine.ts";

const LEVEL_MASK = 0xf;
const DIRECT = 1 << 7;
const ACCESS = 8;
const ROOT_LEVEL = 4;

export const ACC_WRITE_MASK = 2;
export const ACC_USER_MASK = 4;
/** The bit by itself stands for a present entry where the kernel counts reading as a right. */
export const accReadMask = (m: Kvm): number =>
  m.kernel.accessAll & ~(ACC_WRITE_MASK | ACC_USER_MASK | m.kernel.accessExec);

export const roleLevel = (role: number): number => role & LEVEL_MASK;
export const isDirectRole = (role: number): boolean => (role & DIRECT) !== 0;
export const roleAccess = (m: Kvm, role: number): number => (role >>> ACCESS) & m.kernel.accessAll;
export const invalidBit = (m: Kvm): number => 1 << m.kernel.forms.role.invalid;

/** kvm_mmu_child_role(): only level, access and directness differ from the parent's. */
export function childRole(m: Kvm, parent: number, isDirect: boolean, access: number): number {
  const kept = parent & ~(LEVEL_MASK | DIRECT | (m.kernel.accessAll << ACCESS));
  return kept | (roleLevel(parent) - 1) | (isDirect ? DIRECT : 0) | (access << ACCESS);
}

/** kvm_calc_cpu_role() with kvm_init_shadow_mmu(): EFER.NX is forced on in hardware. */
function shadowRootRole(m: Kvm, cr0: number, cr4: number): number {
  const { roleBits, accessAll, forms } = m.kernel;
  const hasWp = (cr0 & CR0_WP) !== 0;
  const hasSmep = (cr4 & CR4_SMEP) !== 0 && (roleBits.smepAlone || !hasWp);
  const hasSmap = (cr4 & CR4_SMAP) !== 0 && !hasWp;
  return (
    ROOT_LEVEL |
    (accessAll << ACCESS) |
    (1 << forms.role.efer_nx) |
    (hasWp ? 1 << roleBits.cr0_wp : 0) |
    (hasSmep ? 1 << roleBits.smep : 0) |
    (hasSmap ? 1 << roleBits.smap_andnot_wp : 0)
  );
}

/** kvm_init_mmu(): the role of the roots that a vCPU uses from now on. */
export function rootRoleOf(m: Kvm, vcpu: Kvm["vcpus"][number]): number {
  return m.mode === "npt0" ? shadowRootRole(m, vcpu.cr0, vcpu.cr4) : m.kernel.tdpRootRole;
}
