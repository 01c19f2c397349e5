// The VMM's own stores into the guest's tables:
// unseen by KVM, but not by the host's memory
// manager.
import { expect, test } from "vitest";
import { runLines, stepLines } from "../kvm/plan-lines.ts";

test.each(["tdp", "npt0"] as const)(
  "%s: a store to a table that a child shares copies it",
  (mode) => {
    const plan = ["back A touched 64k", "slot 1 P A 64k", "boot", "gread D"];
    const run = runLines("6.12", mode, [
      ...plan,
      "hpte D+1p P+2p pwuad",
      "fork",
      "hpte D+1p P+3p pwuad",
    ]);
    expect(stepLines(run, 4)).toEqual(["RESULT host ok"]);
    const copied = "0x007d0000008000 -- 0x007d0000009000";
    expect(stepLines(run, 6)).toEqual([
      `kvm_unmap_hva_range: mmu notifier unmap range: ${copied}`,
      "RESULT host ok",
    ]);
  },
);
