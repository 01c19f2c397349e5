// Plan, kernel and lookup to a finished run: one machine per simulator, linked once, reset for each
// run. Owns the machine; a worker makes one simulator and no more (two linked machines slow each
// other down).
// From: the engine's run and record; the lab's agent as the first thread.
import { EngineFault } from "#shared/engine/faults";
import { link } from "#shared/engine/link";
import { RECORD_FULL, type RecordSwitches } from "#shared/engine/machine";
import { MemorySink, RunRecord } from "#shared/engine/record";
import type { ChunkSink } from "#shared/engine/recorder";
import { functionTable } from "#shared/engine/routine";
import { startRun, type Run, type RunInput } from "#shared/engine/run";
import { createSeeker, type Seeker } from "#shared/engine/seek";
import { parseSchedule, printSchedule } from "#shared/engine/schedule";
import { waitText } from "#shared/engine/waits";
import type { Plan } from "#shared/scenario/plan";
import { KVM_NOTIFIER_OPS } from "./kvm/kvm-main.ts";
import { LINUX_6_12 } from "./kernels/linux-6.12.ts";
import type { KernelProfile } from "./kernels/profile.ts";
import { buildLab, MAIN_THREAD, planSteps, threadSteps } from "./lab/agent.ts";
import type { LookupDesign } from "./lookup/design.ts";
import { V0_LEGACY } from "./lookup/v0-legacy.ts";
import type { RunEnd, SimRun } from "./sim-run.ts";
import { NotSimulated } from "./state/not-simulated.ts";
import { Kvm, type Axes, type MachineOptions, type ModeId } from "./state/machine.ts";
import { runTexts, spansOfSteps } from "./steps.ts";

/** Part of every run's digest: change it whenever the same inputs may give other bytes. */
export const ENGINE_VERSION = "5";

export interface SimulateInput {
  readonly plan: Plan;
  readonly kernel: KernelProfile;
  readonly lookup: LookupDesign;
  /** Default: the TDP MMU. */
  readonly mode?: ModeId;
  /** Schedule text; "" for the default policy. */
  readonly schedule: string;
  readonly record: RecordSwitches;
  /** What pages of the lab carry from an earlier plan: see Axes. */
  readonly labMarks?: number;
}

export const DEFAULT_TICKS = 200_000_000;
export const DEFAULT_EVENTS = 20_000_000;
/** All by the default policy. */
export const DEFAULT_SCHEDULE = "schedule/1 ~";
const SLICE = 4096;

/** Progress of a run, and whether to go on. */
export interface Control {
  /** Called between slices of at most 4,096 ticks; false stops the run. */
  readonly goOn: (at: { ticks: number; events: number; step: number }) => boolean;
}
const ALWAYS: Control = { goOn: () => true };

const EMPTY_PLAN: Plan = {
  title: "",
  about: "",
  tags: [],
  setupCount: 0,
  steps: [],
  threads: [],
  backings: [],
  pages: [],
  switches: [],
  bounds: {},
  expect: [],
};

export interface StreamedEnd {
  readonly end: RunEnd;
  readonly message: string;
  readonly schedule: string;
  readonly ticks: number;
  readonly events: number;
}

export class Simulator {
  readonly machine: Kvm;

  constructor(options: MachineOptions = {}) {
    const axes: Axes = { kernel: LINUX_6_12, lookup: V0_LEGACY, mode: "tdp", plan: EMPTY_PLAN };
    this.machine = new Kvm(axes, KVM_NOTIFIER_OPS, options);
    link(this.machine, [planSteps, threadSteps]);
  }

  /** Runs and hands chunks to a sink; nothing is kept. */
  stream(input: SimulateInput, sink: ChunkSink, control: Control = ALWAYS): StreamedEnd {
    const { machine: m } = this;
    const started = this.start(input, sink);
    if ("message" in started)
      return {
        end: "failed",
        message: started.message,
        schedule: input.schedule,
        ticks: 0,
        events: 0,
      };
    const { end, message } = drive(m, started.run, control);
    const schedule = printSchedule(started.run.schedule());
    return { end, message, schedule, ticks: m.tick, events: m.eventBase + m.eventCount };
  }

  /** Runs and keeps everything in memory. */
  simulate(input: SimulateInput, control: Control = ALWAYS): SimRun {
    const sink = new MemorySink();
    const { end, message, schedule } = this.stream(input, sink, control);
    return assemble(input, sink.record(), { end, message, schedule });
  }

  /** Time travel over the run just simulated with all streams; valid until the next run. */
  seeker(run: SimRun): Seeker {
    return createSeeker(this.machine, run.record);
  }

  private start(input: SimulateInput, sink: ChunkSink): { run: Run } | { message: string } {
    const { machine: m } = this;
    const parsed = parseSchedule(input.schedule === "" ? DEFAULT_SCHEDULE : input.schedule);
    const [problem] = parsed.problems;
    if (problem !== undefined) return { message: problem.message };
    const { kernel, lookup, mode = "tdp", plan, labMarks = 0 } = input;
    m.configure({ kernel, lookup, mode, plan, labMarks });
    const { bounds } = input.plan;
    const runInput: RunInput = {
      build: () => buildLab(m),
      schedule: parsed.schedule,
      record: input.record,
      bounds: { ticks: bounds.ticks ?? DEFAULT_TICKS, events: bounds.events ?? DEFAULT_EVENTS },
    };
    return { run: startRun(m, runInput, sink) };
  }
}

/**
 * Advances to the end; a programmer's error or something not simulated ends the run with its
 * sentence.
 */
function drive(m: Kvm, run: Run, control: Control): { end: RunEnd; message: string } {
  try {
    for (;;) {
      const state = run.advance(SLICE);
      if (state === "finished") return { end: "finished", message: "" };
      if (state === "blocked") return { end: "blocked", message: waitText(run.waits()) };
      if (state === "bound")
        return { end: "bound", message: "The run reached its bound on ticks or events." };
      if (state === "fails") return { end: "failed", message: run.problem?.message ?? "" };
      const at = { ticks: m.tick, events: m.eventBase + m.eventCount, step: 0 };
      if (!control.goOn(at)) return { end: "bound", message: "The run was stopped." };
    }
  } catch (error) {
    run.abandon();
    if (error instanceof NotSimulated) return { end: "failed", message: error.message };
    if (error instanceof EngineFault || error instanceof Error) {
      return { end: "failed", message: `${error.message} (act ${m.tick})` };
    }
    throw error;
  }
}

export function assemble(
  input: SimulateInput,
  record: RunRecord,
  outcome: { end: RunEnd; message: string; schedule: string },
): SimRun {
  const { plan, kernel, lookup } = input;
  return {
    plan,
    kernel,
    mode: input.mode ?? "tdp",
    lookup: { id: lookup.id, title: lookup.title, posted: lookup.posted },
    ...outcome,
    record,
    texts: runTexts(plan, record),
    functions: functionTable(),
    threads: [MAIN_THREAD, ...plan.threads.map((thread) => thread.name)],
    steps: spansOfSteps(plan, record),
  };
}

export const FULL: RecordSwitches = RECORD_FULL;
