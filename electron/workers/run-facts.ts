// A finished run as the library keeps it: verdict, findings, steps, expectations, pages. Owns the
// joining of what rules, comparison and scenario language say of one run; none of it is decided
// here. Numbers of events are from 1; a finding's first rows say how the run stands to a real
// kernel and to the rules.
import { verdictOfStep, verdictOfSteps } from "#shared/compare/verdict";
import { stepOutcomes, type StepOutcome } from "#shared/compare/outcomes";
import type { Finding as FindingRow, RunDetail } from "#shared/contract/runs";
import { MEMORY_KINDS } from "#shared/model/host/kinds";
import { ENGINE_VERSION } from "#shared/model/simulate";
import type { SimRun } from "#shared/model/sim-run";
import { runClock } from "#shared/profile/clock";
import { checkRules, type RuleResult } from "#shared/rules/check";
import type { Plan } from "#shared/scenario/plan";
import { expectationsOf } from "./expectations.ts";
import type { LiveRun } from "./live-run.ts";
import type { RealCheck } from "./real-check.ts";
import type { MadeRun, RunRequest, StoredDetail } from "./run-types.ts";
import { identify } from "./simulation.ts";

export function makeFacts(
  live: LiveRun,
  request: RunRequest,
  real: RealCheck,
  durationMs: number,
): MadeRun {
  const { run } = live;
  const rules = checkRules(run, live);
  const outcomes = stepOutcomes(run);
  const broken = rules.findings.filter(({ isBroken }) => isBroken).map(({ rule }) => rule);
  const verdict = verdictOfSteps(run, outcomes, rules.findings, real.difference);
  const expectations = expectationsOf(live, { outcomes, broken, verdict: verdict.verdict });
  const detail: StoredDetail = {
    stepRows: outcomes.map(stepRow),
    threads: [...run.threads],
    pages: trackedPages(run.plan),
    expectations,
    hasSpans: run.record.spans.count > 0,
    decidingEvent: verdict.decidingEvent,
    decidingStep: verdict.decidingStep,
    estimatedNs: runClock(run).end,
    functions: run.functions.map(({ name }) => name),
  };
  return {
    run: {
      ...identify({ plan: run.plan, request, schedule: run.schedule }),
      ...axesOf(request),
      title: run.plan.title,
      text: request.text,
      schedule: run.schedule,
      origin: "sim",
      state: stateOf(run),
      verdict: verdict.verdict,
      sentence: verdict.sentence,
      engine: ENGINE_VERSION,
      steps: run.steps.length,
      ticks: run.record.ticks,
      events: run.record.events,
      durationMs,
      detail: JSON.stringify(detail),
    },
    findings: [real.row, rulesRow(rules), ...rules.findings.map(findingRow)],
  };
}

function axesOf({ scenario, kernel, mode, lookup }: RunRequest) {
  return { scenario, kernel, mode, lookup };
}

function stateOf({ end }: SimRun): RunDetail["state"] {
  if (end === "failed") return "failed";
  return end === "bound" ? "partial" : "complete";
}

function stepRow(outcome: StepOutcome): RunDetail["stepRows"][number] {
  const { span, n, result, deltaRef } = outcome;
  return {
    n,
    line: span.step.line,
    sourceLine: span.step.range.line,
    thread: span.thread,
    firstEvent: span.firstEvent,
    eventCount: span.eventCount,
    firstTick: span.firstTick,
    endTick: span.endTick,
    result,
    verdict: verdictOfStep(outcome),
    deltaRef,
  };
}

/** The tracked pages with the kind of memory that backs them. */
export function trackedPages({ pages, backings }: Plan): RunDetail["pages"] {
  return pages.map(({ name, hva }) => {
    const backing = backings.find((one) => hva >= one.hva && hva < one.hva + one.size);
    const kind = MEMORY_KINDS.find((one) => one.kind === backing?.kind);
    return { name, hva, kind: kind?.code ?? "??", kindTitle: kind?.title ?? backing?.kind ?? "" };
  });
}

/** The fixed row about the rules. */
function rulesRow({ findings, checked, notAsked }: RuleResult): FindingRow {
  const broken = new Set(findings.filter(({ isBroken }) => isBroken).map(({ rule }) => rule));
  const held = checked.length - broken.size;
  return {
    rule: "rules",
    verdict: null,
    sentence:
      broken.size === 0
        ? notAsked.length === 0
          ? `All ${checked.length} rules hold at every tick.`
          : `${checked.length} rules hold at every tick; ${notAsked.join(", ")} is not asked.`
        : `${held} of ${checked.length} rules hold; broken: ${[...broken].join(", ")}.`,
    evidence: [checked.join(" "), ...notAsked.map((id) => `${id} is not asked in this mode`)].join(
      "; ",
    ),
    event: null,
    pfn: null,
    gfn: null,
  };
}

function findingRow(finding: RuleResult["findings"][number]): FindingRow {
  const { rule, verdict, isBroken, sentence, evidence, event, pfn, gfn } = finding;
  return { rule, verdict: isBroken ? verdict : null, sentence, evidence, event, pfn, gfn };
}
