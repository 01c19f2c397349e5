// One real trace, verified: its STEP lines become a scenario, the scenario is simulated, the two
// are compared. Owns the way from text to verdict; what is wrong with a file comes back as problems
// with line and column.
// From: the lab's rules for comparing; a plan that needs what is not simulated is a problem, never
// an equality.
import type { KernelProfile } from "#shared/model/kernels/profile";
import { kernelNamed } from "#shared/model/kernels/profiles";
import { unsupportedSteps } from "#shared/model/lab/support";
import type { LookupDesign } from "#shared/model/lookup/design";
import { LOOKUP_DESIGNS } from "#shared/model/lookup/designs";
import type { SimRun } from "#shared/model/sim-run";
import type { ModeId } from "#shared/model/state/machine";
import { type Control, FULL, type Simulator } from "#shared/model/simulate";
import { importPlan } from "#shared/scenario/import";
import { parseScenario } from "#shared/scenario/parse";
import { compareTraces } from "./compare-traces.ts";
import type { Verdict } from "./difference.ts";
import { traceOrigin } from "./origin.ts";
import { writersOfRun } from "./made-by.ts";
import { readTrace } from "./read-trace.ts";
import { simulatedTrace } from "./simulated-trace.ts";

/** What is wrong: lines and columns are 1-based, 0 where the whole file is meant. */
export interface VerifyProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface VerifyAxes {
  /** Empty: by the folders above the file. */
  readonly kernel: string;
  readonly mode: string;
  readonly lookup: string;
}

export type Verification =
  | { readonly kind: "compared"; readonly verdict: Verdict }
  /** Not compared: the model cannot run this yet. Counts as a failure, not as bad input. */
  | { readonly kind: "not simulated"; readonly message: string; readonly line: number }
  | { readonly kind: "problems"; readonly problems: readonly VerifyProblem[] };

interface Chosen {
  readonly kernel: KernelProfile;
  readonly mode: ModeId;
  readonly lookup: LookupDesign;
}

const whole = (message: string): Verification => ({
  kind: "problems",
  problems: [{ line: 0, column: 0, message }],
});

/**
 * The axes given, else those that the folders name, else the kernel's own lookup. "" where none is
 * known, and for a kernel that was built with a lookup of no design.
 */
export function axesOf(name: string, axes: VerifyAxes): VerifyAxes {
  const origin = traceOrigin(name);
  const kernel = axes.kernel || origin?.kernel || "";
  const built = origin === null ? kernelNamed(kernel)?.lookup : origin.lookup;
  const lookup = axes.lookup || (built ?? "");
  return { kernel, mode: axes.mode || origin?.mode || "", lookup };
}

function choose(name: string, axes: VerifyAxes): Chosen | Verification {
  const { kernel: kernelId, mode, lookup: lookupId } = axesOf(name, axes);
  if (kernelId === "" || mode === "") {
    return whole(
      "The folders above the file name no kernel and mode (…/6.12/tdp/file.trace). " +
        "Give --kernel and --mode.",
    );
  }
  const kernel = kernelNamed(kernelId);
  if (kernel === null)
    return { kind: "not simulated", message: `Kernel ${kernelId} is not simulated yet.`, line: 0 };
  if (mode !== "tdp" && mode !== "tdp0" && mode !== "npt0")
    return { kind: "not simulated", message: `Mode ${mode} is not simulated.`, line: 0 };
  const lookup = LOOKUP_DESIGNS.find((design) => design.id === lookupId);
  if (lookupId === "") {
    const remark = traceOrigin(name)?.remark ?? "";
    return { kind: "not simulated", message: `The kernel's lookup: ${remark}`, line: 0 };
  }
  if (lookup === undefined) {
    return { kind: "not simulated", message: `Lookup ${lookupId} is not simulated yet.`, line: 0 };
  }
  return { kernel, lookup, mode };
}

/** Line of a step's STEP mark in the trace; 0 when it is not found. */
function lineOfStep(text: string, n: number): number {
  const at = text.search(new RegExp(`STEP ${n} `, "u"));
  return at < 0 ? 0 : text.slice(0, at).split("\n").length;
}

interface Recording {
  readonly folder: RegExp;
  readonly line: RegExp;
  readonly what: string;
}

/**
 * Recordings of more than events, by their folder or a line that only they have. Their events alone
 * would not say that the trace is equal.
 */
const RECORDINGS: readonly Recording[] = [
  {
    folder: /-calls$/u,
    line: /^[^\n|]*\|\s+[A-Za-z_]\w*( \[\w+\])?\(\)( \{|;)/mu,
    what: "Function calls are not compared yet.",
  },
  {
    folder: /-refs$/u,
    line: /: (WATCH pfn=|lab_ref: pfn=)/u,
    what: "Changes of watched reference counts are not compared yet.",
  },
];

/** What such a trace is answered with, at the first line that shows it. */
function notCompared(text: string, name: string): Trial | null {
  const folder = name.replaceAll("\\", "/").split("/").at(-2) ?? "";
  for (const recording of RECORDINGS) {
    const at = text.search(recording.line);
    if (at < 0 && !recording.folder.test(folder)) continue;
    return notSimulated(recording.what, text.slice(0, Math.max(at, 0)).split("\n").length);
  }
  return null;
}

/** What became of a trace, and the simulated run behind it; null where none came to its end. */
export interface Trial {
  readonly verification: Verification;
  readonly run: SimRun | null;
}

export const verifyText = (
  simulator: Simulator,
  text: string,
  name: string,
  axes: VerifyAxes,
): Verification => tryTrace(simulator, text, name, axes).verification;

const noRun = (verification: Verification): Trial => ({ verification, run: null });
const notSimulated = (message: string, line: number): Trial =>
  noRun({ kind: "not simulated", message, line });

export function tryTrace(
  simulator: Simulator,
  text: string,
  name: string,
  axes: VerifyAxes,
  control?: Control,
): Trial {
  const chosen = choose(name, axes);
  if ("kind" in chosen) return noRun(chosen);
  const other = notCompared(text, name);
  if (other !== null) return other;
  const real = readTrace(text, name, chosen.kernel.id);
  if (!real.ok) return noRun({ kind: "problems", problems: real.problems });
  const { plan, diagnostics } = parseScenario(importPlan(text));
  if (plan === null) {
    const first = diagnostics.find((one) => one.severity === "error");
    return noRun(
      whole(`The trace's STEP lines make no plan: ${first?.message ?? "unknown reason"}`),
    );
  }
  const [missing] = unsupportedSteps(plan);
  if (missing !== undefined) {
    return notSimulated(missing.message, lineOfStep(text, missing.step.n));
  }
  const compare = (labMarks: number): Trial => {
    const input = { plan, ...chosen, schedule: "", record: FULL, labMarks };
    const run = simulator.simulate(input, control);
    if (run.end !== "finished") return notSimulated(run.message, 0);
    const seeker = simulator.seeker(run);
    const ours = simulatedTrace(run, simulator.machine, seeker);
    const writers = writersOfRun(run, simulator.machine, seeker);
    const verdict = compareTraces(real.trace, ours, { writers });
    const counts = { ...verdict.counts, labMarks };
    return { verification: { kind: "compared", verdict: { ...verdict, counts } }, run };
  };
  return withUnseenMarks(compare, chosen.kernel.host.marksBeforeWorkingset);
}

/**
 * The lab clears the flags of its own pages before each plan, not the bits beside them in which the
 * generational LRU counts marks of use; no line of a trace tells them (7.3, lab_inserted_zap starts
 * with the two marks that lab_inserted left on the same page). So a flag of a page that comes at
 * another mark than ours is compared once more with each count there can have been. All else must
 * be
 * equal as before, and one count must do for the whole trace.
 */
function withUnseenMarks(compare: (marks: number) => Trial, most: number): Trial {
  const first = compare(0);
  if (!differsInFlags(first)) return first;
  for (let marks = 1; marks <= most; marks++) {
    const trial = compare(marks);
    const { verification } = trial;
    if (verification.kind === "compared" && verification.verdict.equal) return trial;
  }
  // Once more, so that the simulator stands at the end of the run that is told.
  return compare(0);
}

const differsInFlags = ({ verification }: Trial): boolean =>
  verification.kind === "compared" &&
  !verification.verdict.equal &&
  verification.verdict.first.kind === "page" &&
  verification.verdict.first.field === "flags";
