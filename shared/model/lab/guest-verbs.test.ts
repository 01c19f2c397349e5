// The lab's verbs where the plan's own
// tables decide: what the VMM makes of an
// address.
import { expect, test } from "vitest";
import { runLines, stepLines } from "../kvm/plan-lines.ts";

test("a directory entry without execution still leads the VMM to its table", () => {
  const run = runLines("6.12", "tdp", [
    "back A touched 64k",
    "slot 1 P A 64k",
    "gpde D 0x8000 pwuax",
    "gpte D+1p P+2p pwuad",
    "gwrite D+1p 7",
    "hread A+2p",
  ]);
  expect(stepLines(run, 3).at(-1)).toBe("RESULT ok");
  expect(stepLines(run, 5).at(-1)).toBe("RESULT host ok value=0x7");
});
