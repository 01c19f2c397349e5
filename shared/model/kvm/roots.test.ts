// Which of its roots a vCPU lets go first: the previous ones, then
// the current one, as kvm_mmu_free_roots() does in 6.1, 6.12 and
// 7.2.
import { expect, test } from "vitest";
import { KERNELS } from "../kernels/profiles.ts";
import { runLines, stepLines } from "./plan-lines.ts";

/** Frames of the roots that went, in order. */
const invalidRoots = (lines: readonly string[]): readonly string[] =>
  lines.flatMap((line) => /gfn (?<gfn>\w+) l4 .* invalid/u.exec(line)?.groups?.["gfn"] ?? []);

test.each(KERNELS.map(({ id }) => id))("%s: zapped roots are freed oldest first", (kernel) => {
  const run = runLines(kernel, "npt0", [
    "back A touched 64k",
    "slot 1 P A 64k",
    "boot",
    "gwrite 0xf000 0x4027",
    "gcr3 0xf000",
    "slot-del 1",
    "boot",
  ]);
  expect(invalidRoots(stepLines(run, 6))).toEqual(["3", "f"]);
});
