// A record divided into the plan's steps: which events and ticks belong to which line. A step
// begins at its STEP mark and ends before its thread's next one; its events are those of its thread
// in between.
// From: the lab's marks; nothing happens between steps of one thread.
import type { RunRecord } from "#shared/engine/record";
import { ResultForm } from "#shared/events/lab";
import { EventId } from "#shared/events/table";
import type { Texts } from "#shared/events/texts";
import type { Plan, PlanStep } from "#shared/scenario/plan";
import type { StepSpan } from "./sim-run.ts";

/** Steps of the scenario and then of its threads: the index is the step's number. */
export const allSteps = (plan: Plan): readonly PlanStep[] => [
  ...plan.steps,
  ...plan.threads.flatMap((thread) => thread.steps),
];

/**
 * The strings of a simulated run: text n is the plan line of step n; behind them stand the lists of
 * dirty pages, in the order in which they were printed.
 */
export function runTexts(plan: Plan, record: RunRecord): Texts {
  const lines = [...allSteps(plan).map((step) => step.line), ...dirtyLists(record)];
  return {
    idOf: (text) => lines.indexOf(text),
    textOf: (id) => lines[id] ?? "",
    all: () => lines,
  };
}

/** Pages of each dirty RESULT, with commas, or "-": from the dirtyPage events before it. */
function dirtyLists(record: RunRecord): string[] {
  const lists: string[] = [];
  let pages: number[] = [];
  record.eachEvent((index, event) => {
    if (event !== EventId.dirtyPage && event !== EventId.labResult) return;
    const { fields } = record.event(index);
    if (event === EventId.dirtyPage) pages.push(fields[1] ?? 0);
    else if (fields[0] === ResultForm.dirty) {
      lists.push(pages.length === 0 ? "-" : pages.join(","));
      pages = [];
    }
  });
  return lists;
}

interface Open {
  readonly step: PlanStep;
  readonly firstEvent: number;
  readonly firstTick: number;
  count: number;
  lastTick: number;
  result: number;
}

/** In order of their STEP marks. */
export function spansOfSteps(plan: Plan, record: RunRecord): readonly StepSpan[] {
  const steps = allSteps(plan);
  const open = new Map<number, Open>();
  const done: StepSpan[] = [];
  const close = (thread: number): void => {
    const span = open.get(thread);
    if (span === undefined) return;
    done.push({
      step: span.step,
      n: span.step.n,
      thread,
      firstEvent: span.firstEvent,
      eventCount: span.count,
      firstTick: span.firstTick,
      endTick: span.lastTick + 1,
      resultEvent: span.result,
    });
  };
  record.eachEvent((index, event, thread, tick) => {
    if (event === EventId.labStep) {
      close(thread);
      const step = steps[record.event(index).fields[0] ?? -1];
      if (step !== undefined)
        open.set(thread, {
          step,
          firstEvent: index + 1,
          firstTick: tick,
          count: 0,
          lastTick: tick,
          result: 0,
        });
    }
    const span = open.get(thread);
    if (span === undefined) return;
    span.count++;
    span.lastTick = tick;
    if (event === EventId.labResult) span.result = index + 1;
  });
  for (const thread of open.keys()) close(thread);
  return done.toSorted((a, b) => a.firstEvent - b.firstEvent);
}
