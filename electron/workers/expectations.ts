// The scenario's expectations held against a run: what the plan's sentences ask is read from the
// machine. A mapping is asked of vCPU 0's tables; a count is that of the page that the host maps at
// the address, else of the last that it did.
// From: the scenario language's closed sentences and its evaluation.
import type { StepOutcome } from "#shared/compare/outcomes";
import type { RunDetail } from "#shared/contract/runs";
import { PageForm } from "#shared/events/lab";
import { EventId } from "#shared/events/table";
import { oldPageLine, pageLine } from "#shared/model/lab/states";
import type { SimRun } from "#shared/model/sim-run";
import { intAt, scanEvents, wideAt } from "#shared/rules/scan";
import {
  evaluate,
  type Facts,
  type MappingFact,
  questionsOf,
  type ReferenceFact,
} from "#shared/scenario/evaluate";
import { frameOf, hasBit } from "#shared/units/halves";
import type { LiveRun } from "./live-run.ts";
import { mappingState } from "./table-walk.ts";

type Expectations = RunDetail["expectations"];

export interface Judged {
  readonly outcomes: readonly StepOutcome[];
  /** Ids of broken rules. */
  readonly broken: readonly string[];
  readonly verdict: string;
}

export function expectationsOf(live: LiveRun, judged: Judged): Expectations {
  const { run } = live;
  if (run.plan.expect.length === 0) return [];
  const facts = factsOf(live, judged);
  return run.plan.expect.map((expectation) => {
    const { outcome, because } = evaluate(expectation, facts);
    return {
      sentence: expectation.sentence,
      line: expectation.range.line,
      met: outcome === "does not apply" ? null : outcome === "met",
      because,
    };
  });
}

function factsOf(live: LiveRun, { outcomes, broken, verdict }: Judged): Facts {
  const { run } = live;
  const questions = questionsOf(run.plan);
  const last = lastFrames(run);
  return {
    lookup: run.lookup.id,
    kernel: run.kernel.id,
    mode: run.mode,
    switches: run.plan.switches,
    verdict,
    steps: outcomes.map(({ n, result, mmioCount }) => ({ n, result, mmioCount })),
    mappings: questions.mappings.flatMap(({ step, gfn }): MappingFact[] => {
      const tick = tickAfter(run, step);
      return tick === null ? [] : [{ step, gfn, state: mappingState(live.at(tick), 0, gfn) }];
    }),
    references: questions.references.flatMap(({ step, hva }): ReferenceFact[] => {
      const tick = tickAfter(run, step);
      if (tick === null) return [];
      return [{ step, hva, count: countAt(live, tick, hva, last) }];
    }),
    findings: broken,
  };
}

/** Tick after the step; null for a step that the run did not reach. */
function tickAfter(run: SimRun, step: number | null): number | null {
  if (step === null) return run.record.ticks;
  return run.steps.find(({ n }) => n === step)?.endTick ?? null;
}

interface Mapped {
  readonly tick: number;
  readonly pfn: number;
}

/** Frames that stood behind each address, in the order of the run. */
function lastFrames(run: SimRun): ReadonlyMap<number, readonly Mapped[]> {
  const frames = new Map<number, Mapped[]>();
  scanEvents(run.record, [EventId.hostPte], ({ cells, tick }) => {
    const lo = intAt(cells, 5);
    const hi = intAt(cells, 6);
    if (!hasBit(lo, hi, 0)) return;
    const hva = wideAt(cells, 0);
    const known = frames.get(hva) ?? [];
    known.push({ tick, pfn: frameOf(lo, hi) });
    frames.set(hva, known);
  });
  return frames;
}

function countAt(
  live: LiveRun,
  tick: number,
  hva: number,
  frames: ReadonlyMap<number, readonly Mapped[]>,
): number | null {
  const m = live.at(tick);
  const now = pageLine(m, hva);
  if (now.form === PageForm.present) return now.ref;
  const before = frames.get(hva)?.findLast((mapped) => mapped.tick < tick);
  return before === undefined ? null : oldPageLine(m, before.pfn).ref;
}
