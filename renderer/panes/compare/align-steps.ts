// One axis for two runs of one scenario: each step gets the width of the run that has more events
// in it,
// so that what belongs together stands one above the other although the event numbers differ.
// Pure. Runs of different scenarios share no steps; then each run's own numbers are the axis.

export interface StepSpan {
  readonly n: number;
  readonly firstEvent: number; // 1-based; 0 when the step has no event
  readonly eventCount: number;
}

export interface StepAxis {
  readonly end: number;
  readonly steps: readonly { readonly n: number; readonly from: number; readonly to: number }[];
  placeA(event: number): number;
  placeB(event: number): number;
}

export function stepAxis(
  a: readonly StepSpan[],
  b: readonly StepSpan[],
  isAligned: boolean,
): StepAxis {
  if (!isAligned || a.length === 0) {
    const end = Math.max(lastEvent(a), lastEvent(b), 1);
    return { end, steps: [], placeA: (event) => event, placeB: (event) => event };
  }
  const other = new Map(b.map((step) => [step.n, step]));
  let from = 0;
  const steps = a.map((step) => {
    const width = Math.max(step.eventCount, other.get(step.n)?.eventCount ?? 0, 1);
    const span = { n: step.n, from, to: from + width };
    from += width;
    return span;
  });
  const starts = new Map(steps.map((step) => [step.n, step.from]));
  return {
    end: from,
    steps,
    placeA: (event) => placeIn(a, starts, event),
    placeB: (event) => placeIn(b, starts, event),
  };
}

const lastEvent = (steps: readonly StepSpan[]): number =>
  steps.reduce((last, step) => Math.max(last, step.firstEvent + step.eventCount - 1), 0);

/** Event 0 is the start of the axis; an event lies in the last step that begins at or before it. */
function placeIn(
  steps: readonly StepSpan[],
  starts: ReadonlyMap<number, number>,
  event: number,
): number {
  let place = 0;
  for (const step of steps) {
    if (step.firstEvent === 0 || step.firstEvent > event) continue;
    const start = starts.get(step.n);
    if (start !== undefined) place = start + Math.min(event - step.firstEvent + 1, step.eventCount);
  }
  return place;
}
