// The kernels that the model knows. Adding
// one: its file, one line here, its
// traces.
import { LINUX_6_1 } from "./linux-6.1.ts";
import { LINUX_6_12 } from "./linux-6.12.ts";
import { LINUX_7_2 } from "./linux-7.2.ts";
import { LINUX_7_3 } from "./linux-7.3.ts";
import type { KernelProfile } from "./profile.ts";

export const KERNELS: readonly KernelProfile[] = [LINUX_6_1, LINUX_6_12, LINUX_7_2, LINUX_7_3];

export const kernelNamed = (id: string): KernelProfile | null =>
  KERNELS.find((kernel) => kernel.id === id) ?? null;
