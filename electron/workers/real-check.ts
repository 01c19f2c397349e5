// A run held against a real kernel's trace of the same steps, where one comes with the program.
// Only what the kernel itself shipped is compared: its own lookup, no planted deviation, no
// threads. Owns the search for such a trace; the rules of comparing are the verification's.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { RealDifference } from "#shared/compare/verdict";
import type { EventRow, Finding } from "#shared/contract/runs";
import { eventOf } from "#shared/events/table";
import { allSteps } from "#shared/model/steps";
import type { SimRun } from "#shared/model/sim-run";
import { compareTraces } from "#shared/verify/compare-traces";
import type { Counts, Difference } from "#shared/verify/difference";
import { readTrace } from "#shared/verify/read-trace";
import { simulatedTrace } from "#shared/verify/simulated-trace";
import type { LiveRun } from "./live-run.ts";

export interface RealCheck {
  /** What the comparison says, as a finding's row. */
  readonly row: Finding;
  readonly difference: RealDifference | null;
  /** The trace that was found; null where none was compared. */
  readonly trace: { readonly name: string; readonly text: string } | null;
  /** "88 of 88 events", "" where none was compared. */
  readonly equalText: string;
  /** How event n stands to the real trace. */
  equality(n: number): EventRow["equal"];
}

const MAX_TRACES = 1000;
const NONE = { evidence: "", event: null, pfn: null, gfn: null };

/** No comparison was made, for this reason. */
export const notCompared = (sentence: string): RealCheck => ({
  row: { rule: "real", verdict: null, sentence, ...NONE },
  difference: null,
  trace: null,
  equalText: "",
  equality: () => "none",
});

export function checkAgainstReal(live: LiveRun, fixturesDir: string): RealCheck {
  const { run } = live;
  const { plan, kernel, lookup } = run;
  if (lookup.id !== kernel.lookup) {
    return notCompared(
      `No ${kernel.title} shipped ${lookup.id}; there is no real trace to hold it to.`,
    );
  }
  if (plan.threads.length > 0 || plan.switches.length > 0 || run.end !== "finished") {
    return notCompared("Only a finished run of steps alone is held to a real trace.");
  }
  const found = findTrace(run, join(fixturesDir, "traces", kernel.id, run.mode));
  if (found === null) return notCompared("No real trace of these steps comes with the program.");
  const reading = readTrace(found.text, found.name, kernel.id);
  if (!reading.ok) return notCompared(`The real trace ${found.name} cannot be read.`);
  const ours = simulatedTrace(run, live.machine, live.seeker);
  const verdict = compareTraces(reading.trace, ours);
  return verdict.equal
    ? equalCheck(run, found, verdict.counts)
    : differentCheck(run, found, verdict.first);
}

interface Found {
  readonly name: string;
  readonly text: string;
}

/** The trace in the folder whose steps are this plan's. */
function findTrace(run: SimRun, folder: string): Found | null {
  if (!existsSync(folder)) return null;
  const wanted = allSteps(run.plan).map(({ n, line }) => `${n} ${line}`);
  const files = readdirSync(folder).filter((file) => file.endsWith(".trace"));
  for (const name of files.toSorted().slice(0, MAX_TRACES)) {
    const text = readFileSync(join(folder, name), "utf8");
    const marks = Array.from(text.matchAll(/: STEP (\d+ .*)$/gm), ([, step = ""]) => step);
    const steps = marks.filter((step) => !step.endsWith(" end")); // the agent's own last mark
    const isSame = steps.length === wanted.length && wanted.every((step, at) => steps[at] === step);
    if (isSame) return { name, text };
  }
  return null;
}

const kernelText = ({ kernel }: SimRun): string => `Linux ${kernel.witness}`;

const isTracepoint = (run: SimRun, n: number): boolean =>
  eventOf(run.record.event(n - 1).event)?.origin === "tracepoint";

function equalCheck(run: SimRun, trace: Found, counts: Counts): RealCheck {
  const { steps, events, entries, pages } = counts;
  return {
    row: {
      ...NONE,
      rule: "real",
      verdict: null,
      sentence: `Equal to ${kernelText(run)} in every event, table entry and page.`,
      evidence:
        `${trace.name}: ${steps} steps, ${events} events, ` + `${entries} entries, ${pages} pages`,
    },
    difference: null,
    trace,
    equalText: `${events} of ${events} events`,
    equality: (n) => (isTracepoint(run, n) ? "equal" : "none"),
  };
}

function differentCheck(run: SimRun, trace: Found, first: Difference): RealCheck {
  const span = run.steps.find(({ n }) => n === first.step);
  const event = span?.firstEvent ?? 0;
  const end = event + (span?.eventCount ?? 0);
  const expected = first.expected ?? "nothing";
  return {
    row: {
      ...NONE,
      rule: "real",
      verdict: "differs",
      sentence: `Differs from ${kernelText(run)} in step ${first.step}, ${first.plan}.`,
      evidence: `${trace.name}: expected ${expected}; got ${first.got ?? "nothing"}`,
      event: event === 0 ? null : event,
    },
    difference: { event, kernel: kernelText(run), expected },
    trace,
    equalText: `equal up to step ${first.step - 1}`,
    equality: (n) => {
      if (!isTracepoint(run, n) || n >= end) return "none";
      return n < event ? "equal" : "differs";
    },
  };
}
