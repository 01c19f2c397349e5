// A report of up to four runs: what the report's rooms need is read run by run, then laid out as
// HTML or text. Owns the choice of page tables (after each step from the first access on) and of
// real lines; the rest is the report's. Promises: the same runs give the same bytes; a report that
// was cut says what it left out.
import type { Input, Output } from "#shared/contract/methods";
import { stepOutcomes } from "#shared/compare/outcomes";
import { verdictOfSteps } from "#shared/compare/verdict";
import { EventId } from "#shared/events/table";
import { ENGINE_VERSION } from "#shared/model/simulate";
import type { StepSpan } from "#shared/model/sim-run";
import { assembleReport, type ReportedRun } from "#shared/report/assemble";
import type { ReportInput, ReportTables } from "#shared/report/input";
import { byteLength, makeReportHtml } from "#shared/report/report";
import { makeReportText } from "#shared/report/text";
import type { LiveRun } from "./live-run.ts";
import type { HeldRun, RunCache } from "./run-cache.ts";
import type { TaskContext } from "./serve-tasks.ts";
import { lastAccess, walkAt } from "./state-views.ts";

/** Steps of a run whose page tables are walked. */
const MAX_STEPS = 60;
/** Lines of a real trace that are quoted. */
const MAX_REAL_LINES = 120;
const LETTERS = "ABCD";

export function makeReport(
  cache: RunCache,
  { runs, title, note, sections, form }: Input<"report.make">,
  context: TaskContext,
): Output<"report.make"> {
  const meter = context.meter("runs", runs.length, "reading the runs");
  const reported: ReportedRun[] = [];
  const tables: ReportTables[] = [];
  const real: ReportInput["real"][number][] = [];
  let first: HeldRun | null = null;
  for (const [at, id] of runs.entries()) {
    const rules = cache.rules(id, context);
    const { held, live } = cache.live(id, context);
    first ??= held;
    reported.push({ run: held.run, rules, id, equal: held.real.equalText });
    const deciding = decidingStep(held, rules);
    if (sections.includes("tables"))
      tables.push(tablesOf(held, live, LETTERS[at] ?? "A", deciding));
    if (held.real.trace !== null) real.push(realExcerpt(held, held.real.trace, deciding));
    context.checkCancelled();
    meter.at(at + 1);
  }
  if (first === null) throw new Error("a report needs a run");
  const { scenario, scenarioDigest } = first.row.summary;
  const input = assembleReport({
    title,
    note,
    sections,
    scenario: { name: scenario, digest: scenarioDigest, text: first.row.text },
    runs: reported,
    tables,
    real,
    engine: ENGINE_VERSION,
    provenance: [],
  });
  const name = fileName(input.title, runs);
  if (form === "text") {
    const content = makeReportText(input);
    return { name: `${name}.txt`, content, bytes: byteLength(content), cut: "" };
  }
  return { name: `${name}.html`, ...makeReportHtml(input) };
}

const fileName = (title: string, ids: readonly string[]): string => {
  const words = title.replaceAll(/[^A-Za-z0-9._-]+/g, "-").slice(0, 60);
  return [words, ...ids.map((id) => id.slice(0, 6))].join("-");
};

type Rules = ReportedRun["rules"];

const decidingStep = ({ run }: HeldRun, { findings }: Rules): number =>
  verdictOfSteps(run, stepOutcomes(run), findings, null).decidingStep;

function tablesOf(
  { run, id }: HeldRun,
  live: LiveRun,
  letter: string,
  deciding: number,
): ReportTables {
  const [access] = firstAccesses(live);
  const from = run.steps.findIndex(({ firstEvent, eventCount }) => {
    return access !== undefined && access < firstEvent + eventCount;
  });
  const chosen = from < 0 ? [] : run.steps.slice(from, from + MAX_STEPS);
  const steps = chosen.map((span) => ({
    n: span.n,
    line: span.step.line,
    walk: walkAfter(live, span),
  }));
  const shown = steps.some(({ n }) => n === deciding) ? deciding : (steps[0]?.n ?? 0);
  const { lookup, kernel, mode } = run;
  return {
    letter,
    title: `Run ${letter}: ${lookup.id}, ${kernel.title}, ${mode}`,
    steps,
    shown,
    captions: [],
    address: `run/${id.slice(0, 6)}?event=${eventAfter(run.steps, shown)}`,
  };
}

const eventAfter = (steps: readonly StepSpan[], n: number): number => {
  const span = steps.find((one) => one.n === n);
  return span === undefined ? 0 : span.firstEvent + span.eventCount - 1;
};

function walkAfter(live: LiveRun, span: StepSpan) {
  const { vcpu } = span.step;
  const address = lastAccess(live.run, span.firstEvent + span.eventCount - 1, vcpu);
  return walkAt(live, { tick: span.endTick, since: span.firstTick, vcpu, address });
}

/** Number of the first guest access after the guest's start; empty when there is none. */
function firstAccesses({ run }: LiveRun): number[] {
  const boot = run.steps.find(({ step }) => step.verb === "boot");
  const after = boot === undefined ? 0 : boot.firstEvent + boot.eventCount;
  for (let n = Math.max(1, after); n <= run.record.events; n++) {
    if (run.record.event(n - 1).event === EventId.guestAccess) return [n];
  }
  return [];
}

/** The deciding step's lines as the real kernel printed them. */
function realExcerpt(
  { run }: HeldRun,
  trace: { name: string; text: string },
  step: number,
): ReportInput["real"][number] {
  const lines = trace.text.split("\n");
  const from = lines.findIndex((line) => line.includes(`: STEP ${step} `));
  const start = Math.max(0, from);
  const length = lines.slice(start + 1).findIndex((line) => line.includes(": STEP "));
  const end = Math.min(length < 0 ? lines.length : start + 1 + length, start + MAX_REAL_LINES);
  return {
    title: `Linux ${run.kernel.witness}, ${trace.name}, step ${step}`,
    text: lines.slice(start, end).join("\n"),
  };
}
