// The one simulator of a worker, and the way from a request to its inputs. A request that cannot be
// run is a failure with its place and what to do; nothing has happened then. The plan read last is
// kept, because a run is first looked for and then made.
import { setFlagsFromString } from "node:v8";
import { RECORD_FULL, type RecordSwitches } from "#shared/engine/machine";
import { parseSchedule, printSchedule } from "#shared/engine/schedule";
import { kernelNamed, KERNELS } from "#shared/model/kernels/profiles";
import { unsupportedSteps } from "#shared/model/lab/support";
import { LOOKUP_DESIGNS } from "#shared/model/lookup/designs";
import {
  DEFAULT_SCHEDULE,
  ENGINE_VERSION,
  Simulator,
  type SimulateInput,
} from "#shared/model/simulate";
import { parseScenario } from "#shared/scenario/parse";
import { type Plan, planText } from "#shared/scenario/plan";
import { runDigest, scenarioDigest } from "./digest.ts";
import { TaskFailure } from "./protocol.ts";
import type { PreparedRun, RunRequest } from "./run-types.ts";

/**
 * Bytes of bytecode that V8 compiles into one function from those it calls. A simulated act is some
 * fifty small functions; with V8's own 920 it stops at the first few (measured: 1.4 times as long).
 */
const INLINED_BYTECODE = 4_000;

let simulator: Simulator | null = null;
/** Made when first needed; a worker never has two. */
export function theSimulator(): Simulator {
  if (simulator !== null) return simulator;
  setFlagsFromString(`--max-inlined-bytecode-size-cumulative=${INLINED_BYTECODE}`);
  simulator = new Simulator();
  return simulator;
}

let lastText = "";
let lastPlan: Plan | null = null;

function readPlan(text: string, scenario: string): Plan {
  if (lastPlan !== null && text === lastText) return lastPlan;
  const { plan, diagnostics } = parseScenario(text);
  if (plan === null) {
    const error = diagnostics.find(({ severity }) => severity === "error");
    const place = placeOf(scenario, error ?? { line: 1, column: 1 });
    throw new TaskFailure("bad-scenario", `${place}: ${error?.message ?? "It cannot be read."}`);
  }
  lastText = text;
  lastPlan = plan;
  return plan;
}

/** `lab-tail.yaml:7:5` */
const placeOf = (scenario: string, { line, column }: { line: number; column: number }): string =>
  `${scenario === "" ? "scenario" : scenario}:${line}:${column}`;

function canonicalSchedule(text: string): string {
  const { schedule, problems } = parseSchedule(text.trim() === "" ? DEFAULT_SCHEDULE : text);
  const [problem] = problems;
  if (problem !== undefined) {
    throw new TaskFailure(
      "bad-schedule",
      `Schedule, character ${problem.from + 1}: ${problem.message}`,
    );
  }
  return printSchedule(schedule);
}

/** A plan that the machine cannot run whole never starts: a part would be a wrong picture. */
function refuseUnsupported(plan: Plan, scenario: string): void {
  const [missing] = unsupportedSteps(plan);
  if (missing !== undefined) {
    const place = placeOf(scenario, missing.step.range);
    throw new TaskFailure("not-simulated", `${place}: ${missing.message}.`);
  }
  if (plan.switches.length > 0) {
    const place = placeOf(scenario, { line: 1, column: 1 });
    const names = plan.switches.join(", ");
    throw new TaskFailure("not-simulated", `${place}: switches (${names}) are not simulated yet.`);
  }
}

/** What the simulator is to do for a request. */
export function inputOf(request: RunRequest): SimulateInput {
  const kernel = kernelNamed(request.kernel);
  if (kernel === null) {
    const known = KERNELS.map(({ id }) => id).join(", ");
    throw new TaskFailure(
      "unknown-kernel",
      `There is no kernel ${request.kernel}. Choose ${known}.`,
    );
  }
  const { mode } = request;
  const lookup = LOOKUP_DESIGNS.find(({ id }) => id === request.lookup);
  if (lookup === undefined) {
    const known = LOOKUP_DESIGNS.map(({ id }) => id).join(", ");
    throw new TaskFailure(
      "not-simulated",
      `Lookup ${request.lookup} is not simulated yet. Choose ${known}.`,
    );
  }
  const record: RecordSwitches = { ...RECORD_FULL, spans: request.spans };
  const schedule = canonicalSchedule(request.schedule);
  const plan = readPlan(request.text, request.scenario);
  refuseUnsupported(plan, request.scenario);
  return { plan, kernel, mode, lookup, schedule, record };
}

interface Identified {
  readonly plan: Plan;
  readonly request: RunRequest;
  /** Canonical text. */
  readonly schedule: string;
}

/** The identity of a run with this schedule. */
export function identify({ plan, request, schedule }: Identified): PreparedRun {
  const { kernel, mode, lookup } = request;
  const text = planText(plan);
  const { switches } = plan;
  const inputs = { planText: text, kernel, mode, lookup, schedule, switches };
  const id = runDigest({ ...inputs, engine: ENGINE_VERSION });
  return { id, scenarioDigest: scenarioDigest(text) };
}

/**
 * The identity that a request's run will have, if its schedule is the one that a run prints.
 * Another text for the same order of ticks is found out when the run is made.
 */
export function prepareRun(request: RunRequest): PreparedRun {
  const { plan, schedule } = inputOf(request);
  return identify({ plan, request, schedule });
}
