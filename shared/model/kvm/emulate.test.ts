// What the emulator does where it gets no bytes of the instruction: the guest runs into memory that
// has no slot, or KVM's walk is refused what the CPU's stale entry still allowed.
// From: handle_emulation_failure() and x86_decode_emulated_instruction() of arch/x86/kvm/x86.c.
import { expect, test } from "vitest";
import { ResultForm } from "#shared/events/lab";
import { EventId } from "#shared/events/table";
import { parseScenario } from "#shared/scenario/parse";
import { KERNELS } from "../kernels/profiles.ts";
import { LOOKUP_DESIGNS } from "../lookup/designs.ts";
import { FULL, Simulator } from "../simulate.ts";
import type { ModeId } from "../state/machine.ts";

const simulator = new Simulator();

/** Instructions that the emulator began ("48 8b 07", failed or not), then the step's result. */
function lastStep(lines: readonly string[], kernel: (typeof KERNELS)[number], mode: ModeId) {
  const steps = ["back A touched 64k", "slot 1 P A 64k", "boot", ...lines];
  const text = steps.map((line) => `  - ${line}\n`).join("");
  const { plan } = parseScenario(`faultline: 1\ntitle: t\nsteps:\n${text}`);
  const lookup = LOOKUP_DESIGNS.find(({ id }) => id === kernel.lookup);
  if (plan === null || lookup === undefined) throw new Error(text);
  const run = simulator.simulate({ plan, kernel, lookup, mode, schedule: "", record: FULL });
  const { firstEvent = 0, eventCount = 0 } = run.steps.at(-1) ?? {};
  const events = Array.from({ length: eventCount }, (_, at) =>
    run.record.event(firstEvent - 1 + at),
  );
  const emulated = events
    .filter(({ event }) => event === EventId.kvm_emulate_insn)
    .map(({ fields }) => ({ bytes: fields[3], failed: fields[9] }));
  const [form, a, , b] = events.find(({ event }) => event === EventId.labResult)?.fields ?? [];
  const result = { form, a, b };
  const mmio = events.filter(({ event }) => event === EventId.labMmio).length;
  return { end: run.end, emulated, result, mmio };
}

const axes = KERNELS.flatMap((kernel) =>
  (["tdp", "tdp0", "npt0"] as const).map((mode) => ({ kernel, mode, name: kernel.id })),
);

test.each(axes)("code without a slot is an internal error on $name $mode", ({ kernel, mode }) => {
  const expected = {
    end: "finished",
    emulated: [
      { bytes: 0, failed: 0 },
      { bytes: 0, failed: 1 },
    ],
    result: { form: ResultForm.internalError, a: 1, b: 0 },
    mmio: 0,
  };
  expect(lastStep(["gexec D+100p"], kernel, mode)).toEqual(expected);
  // The entry that says so is there now, and the guest goes on elsewhere.
  expect(lastStep(["gexec D+100p", "gread D", "gexec D+100p"], kernel, mode)).toEqual(expected);
  // What an exit leaves in 6.1's kvm_run is told by the next that fails.
  const { result } = lastStep(["gexec D+100p", "munmap A 1p", "gread D"], kernel, mode);
  expect(result).toEqual({ form: ResultForm.errno, a: 14, b: kernel.clearsExitReason ? 0 : 17 });
});

test.each(KERNELS)(
  "a fetch that KVM's walk is refused is traced without bytes on $id",
  (kernel) => {
    // Without INVLPG the shadow table keeps the code page that the guest has unmapped.
    const lines = ["gread D+100p", "gpte 0x1000 0x1000 -", "gread D+100p"];
    expect(lastStep(lines, kernel, "npt0")).toEqual({
      end: "finished",
      emulated: [{ bytes: 0, failed: 0 }],
      result: { form: ResultForm.pageFault, a: 0x1030, b: 0x10 },
      mmio: 0,
    });
  },
);

test.each(axes)("a locked add to memory is an exchange, or a write on $name $mode", (axis) => {
  const { kernel, mode } = axis;
  const slot = "back B lab-faultro 64k";
  // The driver's entry is read-only until it is written: KVM emulates, and the sum is in memory.
  const add = [slot, "slot 2 P+32p B 64k", "gxadd D+32p 5"];
  expect(lastStep([...add, "hread B"], kernel, mode).result.a).toBe(5);
  // A read-only slot: the old value comes from memory, the sum goes out.
  const closed = [slot, "hwrite B 7", "slot 2 P+32p B 64k ro", "gxadd D+32p 5"];
  const { result, mmio } = lastStep(closed, kernel, mode);
  expect([result.form, result.a, mmio]).toEqual([ResultForm.okValue, 7, 1]);
  expect(lastStep([...closed, "hread B"], kernel, mode).result.a).toBe(7);
});
