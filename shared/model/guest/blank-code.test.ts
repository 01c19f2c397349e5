// Memory without code, executed: zeros and the lab's file bytes
// both read address 0 first, which is the guest's own page
// fault.
import { expect, test } from "vitest";
import { runLines, stepLines } from "../kvm/plan-lines.ts";

test.each(["tdp", "tdp0", "npt0"] as const)("%s: blank memory faults at address 0", (mode) => {
  for (const kind of ["touched", "file-private"]) {
    const run = runLines("6.12", mode, [
      `back A ${kind} 64k`,
      "slot 1 P A 64k",
      "gexec D",
      "gexec D user",
      "boot",
    ]);
    expect(stepLines(run, 2).at(-1)).toBe("RESULT guest-exception pf cr2=0x0 ec=0x0");
    expect(stepLines(run, 3).at(-1)).toBe("RESULT guest-exception pf cr2=0x0 ec=0x4");
    expect(run.end).toBe("finished");
  }
});
