// Which faults a running invalidation makes
// give up: those in its range, whose unit
// differs.
import { expect, test } from "vitest";
import { KERNELS } from "../kernels/profiles.ts";
import { runLines, stepLines } from "./plan-lines.ts";

test.each(KERNELS.map(({ id }) => id))(
  "%s: a page between two views of an invalid one",
  (kernel) => {
    const run = runLines(kernel, "tdp", [
      "back A touched 64k",
      "slot 1 P A 64k",
      "slot 2 P+2048p A 64k",
      "boot",
      "race A A+5p 1p 3",
      "gread D",
      "gread D+6p",
    ]);
    const faults = stepLines(run, 6).filter((line) => line.startsWith("kvm_page_fault"));
    // 6.1 keeps the host's addresses; later kernels all gfns from the first view to the last.
    expect(faults.length > 1).toBe(kernel !== "6.1");
  },
);
