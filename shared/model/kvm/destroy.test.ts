// Laws of a VM's end and of aging: whatever a plan did, closing the VM frees all that KVM had,
// in any mode and kernel; aging at the side of faults, zaps and a deleted slot ends in any
// order.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ResultForm } from "#shared/events/lab";
import { EventId } from "#shared/events/table";
import { parseScenario } from "#shared/scenario/parse";
import type { Plan } from "#shared/scenario/plan";
import { KERNELS } from "../kernels/profiles.ts";
import { LOOKUP_DESIGNS } from "../lookup/designs.ts";
import type { SimRun } from "../sim-run.ts";
import { FULL, Simulator } from "../simulate.ts";
import { KIND, type ModeId } from "../state/machine.ts";

const simulator = new Simulator();

const SETUP = ["back B touched 64k", "back T thp 2M", "slot 1 P B 64k", "slot 2 P+2M T 2M", "boot"];

function planOf(steps: readonly string[], threads: Record<string, string[]> = {}): Plan {
  const text = [
    "faultline: 1",
    "title: t",
    "setup:",
    ...SETUP.map((step) => `  - ${step}`),
    "steps:",
    ...steps.map((step) => `  - ${step}`),
    ...(Object.keys(threads).length === 0 ? [] : ["threads:"]),
    ...Object.entries(threads).map(([name, of]) => `  ${name}: [${of.join(", ")}]`),
    "",
  ].join("\n");
  const { plan, diagnostics } = parseScenario(text);
  if (plan === null) throw new Error(`${JSON.stringify(diagnostics[0])}\n${text}`);
  return plan;
}

function simulate(mode: ModeId, kernelAt: number, plan: Plan, schedule = ""): SimRun {
  const kernel = KERNELS[kernelAt];
  const lookup = LOOKUP_DESIGNS.find(({ id }) => id === kernel?.lookup);
  if (kernel === undefined || lookup === undefined) throw new Error("no kernel");
  return simulator.simulate({ plan, kernel, lookup, mode, schedule, record: FULL });
}

/** The numbers of each RESULT: its form and its first value. */
const resultsOf = ({ record }: SimRun): (readonly (number | undefined)[])[] =>
  Array.from({ length: record.events }, (_, at) => record.event(at))
    .filter(({ event }) => event === EventId.labResult)
    .map(({ fields }) => [fields[0], fields[1]]);

const OWNED = ["kvmTable", "shadowedTranslation", "slotArray", "pteListDesc", "memslot"] as const;
const owned = (): readonly number[] =>
  OWNED.map((kind) => [...simulator.machine.arena(KIND[kind]).live(simulator.machine)].length);

const MODES: readonly ModeId[] = ["tdp", "tdp0", "npt0"];

describe.each(MODES)("mode %s", (mode) => {
  const step = fc.constantFrom(
    "gread D+0",
    "gwrite D+1p 1",
    "gwrite D+2M 1",
    "v1 gread D+0",
    "v1 gwrite D+3p 2",
    "gpte D+5p P+2p puad",
    "gcr3",
    "slot-flags 1 log",
    "dirty-get 1",
    "slot-move 2 P+4M",
    "slot-del 2",
    "madvise B 2p dontneed",
    "age clear B 4p",
  );

  test("closing the VM frees all that KVM had", () => {
    const steps = fc.array(step, { maxLength: 12 });
    const law = fc.property(steps, fc.nat(KERNELS.length - 1), (of, kernelAt) => {
      const run = simulate(mode, kernelAt, planOf([...of, "destroy"]));
      expect(run.end, run.message).toBe("finished");
      expect(owned()).toEqual(OWNED.map(() => 0));
    });
    expect(() => fc.assert(law, { numRuns: 60 })).not.toThrow();
  }, 60_000);

  test("calls on a closed VM fail, the host's memory goes on", () => {
    const steps = ["gwrite D+0 1", "destroy", "age clear B 1p", "slot-del 1", "destroy"];
    for (const kernelAt of KERNELS.keys()) {
      const run = simulate(mode, kernelAt, planOf([...steps, "munmap B 64k"]));
      expect(resultsOf(run).slice(-5)).toEqual([
        [ResultForm.hostOk, 0],
        [ResultForm.young, 0],
        [ResultForm.hostErrno, 9],
        [ResultForm.hostOk, 0],
        [ResultForm.hostOk, 0],
      ]);
    }
  });

  test("a guest step on a closed VM is told to be not simulated", () => {
    const run = simulate(mode, 1, planOf(["destroy", "gread D+0"]));
    expect(run.end).toBe("failed");
    expect(run.message).toContain("after destroy");
  });

  test("aging ends beside faults, an invalidation and a deleted slot, in any order", () => {
    const plan = planOf(["gwrite D+0 1", "gwrite D+2M 1"], {
      v0: ["gwrite D+1p 2", "gread D+0"],
      a: ["age clear B 4p", "age flush T 2M", "age test B 1p"],
      h: ["madvise B 4p dontneed"],
      s: ["slot-del 2"],
    });
    const turn = fc.tuple(fc.constantFrom("v0", "a", "h", "s"), fc.integer({ min: 1, max: 25 }));
    const turns = fc.array(turn, { maxLength: 14 });
    const law = fc.property(turns, fc.nat(KERNELS.length - 1), (of, kernelAt) => {
      const schedule = `schedule/1 steps! ${of.map((one) => one.join("*")).join(" ")} ~`;
      const run = simulate(mode, kernelAt, plan, schedule);
      // A turn given to a thread that waits for a lock cannot be done, and says so.
      if (run.end === "failed") return /waits|cannot|turn/iu.test(run.message);
      return run.end === "finished" && simulator.machine.kvm.rcu.readers() === 0;
    });
    expect(() => fc.assert(law, { numRuns: 120 })).not.toThrow();
  }, 60_000);
});
