// What KVM does with instructions that it must execute itself: a locked add to
// memory that the guest may not write directly, and code that lies in no
// memory.
import { describe, expect, test } from "vitest";
import { KERNELS } from "../kernels/profiles.ts";
import type { ModeId } from "../state/machine.ts";
import { runLines, stepLines } from "./plan-lines.ts";

const MODES: readonly ModeId[] = ["tdp", "tdp0", "npt0"];

/** Names of the step's events from its first emulated instruction on, with the walks' rights. */
const fromEmulation = (lines: readonly string[]): readonly string[] => {
  const kept = /^(?:kvm_emulate_insn|kvm_mmio|kvm_mmu_pagetable_walk.*pferr \w+|RESULT.*)/u;
  const names = lines.flatMap(
    (line) => kept.exec(line)?.[0].replace(/: addr \w+ pferr/u, "") ?? [],
  );
  return names.slice(names.lastIndexOf("kvm_emulate_insn"));
};

describe.each(KERNELS.map(({ id }) => id))("kernel %s", (kernel) => {
  test.each(MODES)("%s: lock xadd to a read-only slot reads memory and writes MMIO", (mode) => {
    const run = runLines(kernel, mode, [
      "back A touched 64k",
      "slot 1 P A 64k ro",
      "hwrite A 5",
      "gxadd D 3",
      "hread A",
    ]);
    const lines = stepLines(run, 3);
    const shadow = mode === "npt0";
    expect(fromEmulation(lines)).toEqual([
      "kvm_emulate_insn",
      // With shadow paging each of the three accesses translates: read, exchange, write.
      ...(shadow ? ["kvm_mmu_pagetable_walk 0"] : []),
      "kvm_mmu_pagetable_walk 2",
      ...(shadow ? ["kvm_mmu_pagetable_walk 2"] : []),
      "kvm_mmio",
      "RESULT ok value=0x5",
    ]);
    expect(lines).toContain("MMIO write gpa=0x10000000 len=8 data=0x8");
    expect(stepLines(run, 4)).toEqual(["RESULT host ok value=0x5"]);
    // 6.1 runs any such instruction once more before it emulates it.
    const decoded = lines.filter((line) => line.startsWith("kvm_emulate_insn"));
    expect(decoded).toHaveLength(kernel === "6.1" ? 2 : 1);
  });

  test("npt0: lock xadd to a table in use is emulated, since its page comes back at once", () => {
    const run = runLines(kernel, "npt0", ["boot", "gxadd 0x5800 2", "gread 0x5800"]);
    expect(fromEmulation(stepLines(run, 1))).toEqual([
      "kvm_emulate_insn",
      "kvm_mmu_pagetable_walk 0",
      "kvm_mmu_pagetable_walk 2",
      "RESULT ok value=0x0",
    ]);
    expect(stepLines(run, 2).at(-1)).toBe("RESULT ok value=0x2");
  });

  test.each(MODES)("%s: lock xadd to MMIO that the guest may only read", (mode) => {
    const steps = ["back A touched 64k", "slot 1 P A 64k", "gpte D+32p P+32p puad"];
    const run = runLines(kernel, mode, [...steps, "gxadd D+32p 1"]);
    const last = stepLines(run, 3).at(-1);
    // With nested paging the write goes where the read came from, whatever the guest allows.
    expect(last).toBe(
      mode === "npt0"
        ? "RESULT guest-exception pf cr2=0x40020000 ec=0x3"
        : "RESULT ok value=0x5a5a5a5a5a5a5a5a",
    );
  });

  test.each(["tdp", "tdp0"] as const)("%s: a table in no memory is the guest's fault", (mode) => {
    const steps = ["back A touched 64k", "slot 1 P A 64k", "gpde D P+2000p pwua"];
    const run = runLines(kernel, mode, [...steps, "gread D+1p", "gread D"]);
    const lines = stepLines(run, 3);
    expect(fromEmulation(lines).slice(0, 2)).toEqual([
      "kvm_emulate_insn",
      "kvm_mmu_pagetable_walk 0",
    ]);
    expect(lines.at(-1)).toBe("RESULT guest-exception pf cr2=0x40001000 ec=0x0");
    // The entry lies where the data would: KVM reads the one for the other.
    expect(stepLines(run, 4)).toContain("MMIO read gpa=0x107d0000 len=8");
  });

  test.each(MODES)("%s: code in no memory ends the run, and the vCPU goes on", (mode) => {
    const run = runLines(kernel, mode, ["boot", "gexec D", "gexec D", "boot"]);
    for (const n of [1, 2])
      expect(stepLines(run, n).slice(-3)).toEqual([
        "kvm_emulate_insn: 0:40000000: (prot64)",
        "kvm_emulate_insn: 0:40000000: (prot64) failed",
        "RESULT internal-error suberror=1 data0=0x0",
      ]);
    expect(stepLines(run, 3).at(-1)).toMatch(/^RESULT ok/u);
  });
});
