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

/** Frames that the step unmapped, in order. */
const unmapped = (lines: readonly string[]): readonly string[] =>
  lines.flatMap(
    (line) => /spte_changed: as id 0 gfn (?<gfn>\w+)/u.exec(line)?.groups?.["gfn"] ?? [],
  );

test.each(KERNELS.map(({ id }) => id))(
  "%s: slots go in order of their host addresses",
  (kernel) => {
    const plan = ["back A touched 64k", "slot 1 P+16p A 32k", "slot 2 P A+8p 32k", "boot"];
    const run = runLines(kernel, "tdp", [...plan, "gread D", "gread D+16p", "munmap A 64k"]);
    expect(unmapped(stepLines(run, 6))).toEqual(["10010", "10000"]);
  },
);

test.each(KERNELS.map(({ id }) => id))("%s: of two views the older goes first", (kernel) => {
  const plan = ["back A touched 64k", "slot 1 P+2048p A 64k", "slot 2 P A 64k", "boot"];
  const reads = ["gread D", "gread D+2048p"];
  const run = runLines(kernel, "tdp", [
    ...plan,
    ...reads,
    "madvise A 1p dontneed",
    ...reads,
    // A change of flags puts the slot in its place anew.
    "slot-flags 1 log",
    "munmap A 1p",
  ]);
  expect(unmapped(stepLines(run, 6))).toEqual(["10800", "10000"]);
  expect(unmapped(stepLines(run, 10))).toEqual(["10000", "10800"]);
});
