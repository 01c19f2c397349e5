// For tests: a plan's run as the lines that a trace of it has, step by step. Promises nothing about
// times, places in memory or the host's own steps; those are other tests' matter.
// From: the events' declarations (shared/events), which print as the kernel does.
import { eventOf } from "#shared/events/table";
import { printEvent } from "#shared/events/print";
import { parseScenario } from "#shared/scenario/parse";
import type { KernelId } from "../kernels/profile.ts";
import { KERNELS } from "../kernels/profiles.ts";
import { LOOKUP_DESIGNS } from "../lookup/designs.ts";
import type { SimRun } from "../sim-run.ts";
import { FULL, Simulator } from "../simulate.ts";
import type { ModeId } from "../state/machine.ts";

const simulator = new Simulator();

/** The run of a plan whose lines are given; a faulty line throws. */
export function runLines(kernelId: KernelId, mode: ModeId, lines: readonly string[]): SimRun {
  const steps = lines.map((line) => `  - ${line}`);
  const text = ["faultline: 1", "title: t", "steps:", ...steps, ""].join("\n");
  const { plan, diagnostics } = parseScenario(text);
  const kernel = KERNELS.find(({ id }) => id === kernelId);
  const lookup = LOOKUP_DESIGNS.find(({ id }) => id === kernel?.lookup);
  if (plan === null || kernel === undefined || lookup === undefined)
    throw new Error(`${JSON.stringify(diagnostics[0])}\n${text}`);
  return simulator.simulate({ plan, kernel, lookup, mode, schedule: "", record: FULL });
}

/** What a trace would show of one step, its STEP mark left out; addresses of tables are `at`. */
export function stepLines(run: SimRun, n: number): readonly string[] {
  const step = run.steps.find((one) => one.n === n);
  if (step === undefined) throw new RangeError(`no step ${n}: ${run.end} ${run.message}`);
  const printed: string[] = [];
  const context = { forms: run.kernel.forms, texts: run.texts };
  for (let at = step.firstEvent; at < step.firstEvent - 1 + step.eventCount; at++) {
    const { event, fields } = run.record.event(at);
    if (eventOf(event)?.origin === "own") continue;
    printed.push(printEvent(event, Int32Array.from(fields), 0, context));
  }
  return printed;
}
