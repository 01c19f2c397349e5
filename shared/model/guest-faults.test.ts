// The lab guest's own faults as the simulated CPU raises them: by its walk of the guest's tables
// with nested paging, by KVM's walk without. The two differ in one bit, where the traces' CPU
// departs from hardware.
// From: the rules of guest/paging.ts, KVM's of kvm/paging64.ts; the code is what the guest's
// handler sees.
import { describe, expect, test } from "vitest";
import { ResultForm } from "#shared/events/lab";
import { EventId } from "#shared/events/table";
import { parseScenario } from "#shared/scenario/parse";
import { LINUX_7_2 } from "./kernels/linux-7.2.ts";
import { V3_MERGED } from "./lookup/v3-merged.ts";
import type { SimRun } from "./sim-run.ts";
import { FULL, Simulator } from "./simulate.ts";
import type { ModeId } from "./state/machine.ts";

const simulator = new Simulator();

function simulate(mode: ModeId, steps: readonly string[]): SimRun {
  // Without nested paging a changed entry counts from the flush on.
  const flushed = steps.flatMap((step) =>
    step.startsWith("gpte") ? [step, "ginvlpg D+1p"] : [step],
  );
  const lines = ["boot", "gread D+0", ...flushed].map((step) => `  - ${step}\n`).join("");
  const setup = "  - back B touched 4M\n  - slot 1 P B 4M\n";
  const { plan } = parseScenario(`faultline: 1\ntitle: t\nsetup:\n${setup}steps:\n${lines}`);
  if (plan === null) throw new Error(lines);
  const run = { plan, kernel: LINUX_7_2, lookup: V3_MERGED, mode, schedule: "", record: FULL };
  return simulator.simulate(run);
}

/** Code of the last step's page fault in the guest; -1 when it ends otherwise. */
function faultCode({ record }: SimRun): number {
  const results = Array.from({ length: record.events }, (_, at) => record.event(at)).filter(
    ({ event }) => event === EventId.labResult,
  );
  const [form, , , code] = results.at(-1)?.fields ?? [];
  return form === ResultForm.pageFault ? (code ?? -1) : -1;
}

const NX_RESERVED = ["gpte D+1p P+1p pwuadx", "setcr nx 0", "gread D+1p"];

describe.each([
  [
    "an entry that is not present, by a user's write",
    ["gpte D+1p P -", "gwrite D+1p 1 user"],
    6,
    6,
  ],
  ["a user's read of a supervisor page", ["gpte D+1p P pwad", "gread D+1p user"], 5, 5],
  ["a write of a read-only page", ["gpte D+1p P puad", "gwrite D+1p 1"], 3, 3],
  ["the same without CR0.WP", ["setcr wp 0", "gpte D+1p P puad", "gwrite D+1p 1"], -1, -1],
  ["a fetch from a page with NX", ["gpte D+1p P+1p puadx", "gexec D+1p"], 0x11, 0x11],
  ["a fetch from a user page with SMEP", ["setcr smep 1", "gexec D+1p"], 0x11, 0x11],
  ["a read of a user page with SMAP", ["setcr smap 1", "gread D+1p"], 1, 1],
  ["NX while EFER.NXE is clear: reserved", NX_RESERVED, 8, 9],
  ["code of zeroes, which adds to address 0", ["gexec D+1p"], 0, 0],
  ["the same for a user", ["gexec D+1p user"], 4, 4],
  ["a jump to such code", ["gtouch D+1p 1 w", "gexec D+1p"], 0, 0],
  ["code of 0x11, which reads address 0", ["hfill B+1p 1p 0x11", "gexec D+1p"], 0, 0],
  ["bits below 2 MiB in the address", ["gpde D+2M P+2p pwuads", "gread D+2M"], 8, 9],
  ["bit 12 of a 2 MiB page: its memory type", ["gpde D+2M P+1p pwuads", "gread D+2M"], -1, -1],
] as const)("%s", (_, steps, nested, shadow) => {
  test.each([
    ["tdp", nested],
    ["npt0", shadow],
  ] as const)("%s", (mode, code) => {
    const run = simulate(mode, steps);
    expect([run.message, faultCode(run)]).toEqual(["", code]);
  });
});

test.each(["tdp", "npt0"] as const)("%s: #GP is not simulated, and the run says so", (mode) => {
  const run = simulate(mode, ["gread 0x800000000000"]);
  expect(run.end).toBe("failed");
  expect(run.message).toContain("non-canonical address");
});
