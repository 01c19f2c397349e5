// Roles: the words that the kernels give their
// roots, and what a child keeps of its
// parent's.
import { describe, expect, test } from "vitest";
import { CR0, CR4 } from "../guest/layout.ts";
import { CR0_WP, CR4_SMAP, CR4_SMEP } from "../guest/paging.ts";
import { LINUX_6_12 } from "../kernels/linux-6.12.ts";
import { LINUX_7_2 } from "../kernels/linux-7.2.ts";
import type { KernelProfile } from "../kernels/profile.ts";
import { Simulator } from "../simulate.ts";
import type { ModeId } from "../state/machine.ts";
import { childRole, isDirectRole, roleAccess, roleLevel, rootRoleOf } from "./role.ts";

const { machine: m } = new Simulator();

function rootRole(kernel: KernelProfile, mode: ModeId, cr0: number, cr4: number): number {
  m.kernel = kernel;
  m.mode = mode;
  const [vcpu] = m.vcpus;
  if (vcpu === undefined) throw new Error("no vCPU");
  vcpu.cr0 = cr0;
  vcpu.cr4 = cr4;
  return rootRoleOf(m, vcpu);
}

describe("the role of a root", () => {
  const noWp = CR0 & ~CR0_WP;
  test.each([
    ["6.12, nested paging", LINUX_6_12, "tdp0", [CR0, CR4], 0x3784],
    ["7.2, nested paging", LINUX_7_2, "tdp0", [CR0, CR4], 0x6f84],
    ["6.12, shadow", LINUX_6_12, "npt0", [CR0, CR4], 0x3704],
    ["7.2, shadow", LINUX_7_2, "npt0", [CR0, CR4], 0x6f04],
    ["6.12, without CR0.WP", LINUX_6_12, "npt0", [noWp, CR4], 0x1704],
    ["7.2, without CR0.WP", LINUX_7_2, "npt0", [noWp, CR4], 0x2f04],
    ["6.12 has SMEP only without CR0.WP", LINUX_6_12, "npt0", [CR0, CR4 | CR4_SMEP], 0x3704],
    ["6.12, SMEP without CR0.WP", LINUX_6_12, "npt0", [noWp, CR4 | CR4_SMEP], 0x5704],
    ["7.2 has SMEP always", LINUX_7_2, "npt0", [CR0, CR4 | CR4_SMEP], 0x106f04],
    ["SMAP only without CR0.WP", LINUX_7_2, "npt0", [CR0, CR4 | CR4_SMAP], 0x6f04],
    ["7.2, SMAP without CR0.WP", LINUX_7_2, "npt0", [noWp, CR4 | CR4_SMAP], 0xaf04],
  ] as const)("%s", (_, kernel, mode, [cr0, cr4], role) => {
    expect(rootRole(kernel, mode, cr0, cr4).toString(16)).toBe(role.toString(16));
  });
});

test("a child differs from its parent in level, access and directness alone", () => {
  const parent = rootRole(LINUX_7_2, "npt0", CR0, CR4);
  const child = childRole(m, parent, true, 0xd);
  expect([roleLevel(child), roleAccess(m, child), isDirectRole(child)]).toEqual([3, 0xd, true]);
  expect(childRole(m, childRole(m, child, false, 0xf) + 2, false, 0xf)).toBe(parent - 1);
});
