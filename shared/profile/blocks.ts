// Spans as blocks on a timeline: from, to and depth of each call of a part of the run, as columns.
// Owns the limit of blocks; narrow ones are left out and counted, so that the picture can say so.
// From: span words; position is estimated ns, ticks or events.
import { CONTINUED } from "#shared/engine/machine";
import { SPAN_ENTER, SPAN_LEAVE, spanKind, spanValue } from "#shared/engine/spans";
import type { SimRun } from "#shared/model/sim-run";
import { costsOf } from "./functions.ts";

export type AxisUnit = "time" | "tick" | "event";

export interface BlockRequest {
  readonly unit: AxisUnit;
  /** Part of the axis. */
  readonly from: number;
  readonly to: number;
  /** Blocks narrower than this are left out. */
  readonly narrowest: number;
  readonly most: number;
}

export interface Block {
  readonly from: number;
  readonly to: number;
  readonly fn: number;
  readonly thread: number;
  /** 0: the thread's outermost function. */
  readonly depth: number;
  /** The last event before the function was entered; 0: none. */
  readonly event: number;
}

interface OpenBlock {
  readonly from: number;
  readonly fn: number;
  readonly event: number;
}

/**
 * Blocks that reach into the part, in the order in which they end; `cut` says how many are left
 * out.
 */
export function spanBlocks(
  run: SimRun,
  request: BlockRequest,
): { readonly blocks: readonly Block[]; readonly cut: number } {
  const blocks: Block[] = [];
  let cut = 0;
  const axis = new SpanAxis(run, request.unit);
  const stacks = new Map<number, OpenBlock[]>();
  const close = (thread: number): void => {
    const stack = stacks.get(thread) ?? [];
    const open = stack.pop();
    if (open === undefined || open.from > request.to || axis.now < request.from) return;
    const isNarrow = axis.now - open.from < request.narrowest;
    if (isNarrow || blocks.length >= request.most) cut++;
    else blocks.push({ ...open, to: axis.now, thread, depth: stack.length });
  };
  const { words } = run.record.spans;
  let thread = 0;
  for (const word of words) {
    axis.advance(word);
    const kind = spanKind(word);
    if (kind === SPAN_ENTER) {
      const stack = stacks.get(thread) ?? [];
      stack.push({ from: axis.entered, fn: spanValue(word), event: axis.event });
      stacks.set(thread, stack);
    } else if (kind === SPAN_LEAVE) close(thread);
    else thread = spanValue(word);
  }
  axis.finish();
  for (const [open, stack] of stacks) while (stack.length > 0) close(open);
  return { blocks, cut };
}

/** The position on the axis while span words are read one after another. */
class SpanAxis {
  now = 0;
  /** Position before the word just read. */
  entered = 0;
  event = 0;
  private readonly run: SimRun;
  private readonly unit: AxisUnit;
  private readonly costs: Float64Array;
  private word = 0;
  private row = 0;
  private tick = 0;

  constructor(run: SimRun, unit: AxisUnit) {
    this.run = run;
    this.unit = unit;
    this.costs = costsOf(run.functions, run.kernel);
  }

  advance(word: number): void {
    this.countEvents();
    this.countTicks();
    if (this.unit !== "time") this.now = this.unit === "event" ? this.event : this.tick;
    this.entered = this.now;
    if (this.unit === "time" && spanKind(word) === SPAN_ENTER)
      this.now += this.costs[spanValue(word)] ?? 0;
    this.word++;
  }

  finish(): void {
    if (this.unit === "event") this.now = this.run.record.events;
    else if (this.unit === "tick") this.now = this.run.record.ticks;
  }

  private countEvents(): void {
    const [, kinds, spans] = this.run.record.columns.events;
    for (; this.row < (kinds?.length ?? 0) && (spans?.[this.row] ?? 0) <= this.word; this.row++) {
      if (((kinds?.[this.row] ?? 0) & 0xff) !== CONTINUED) this.event++;
    }
  }

  private countTicks(): void {
    const spans = this.run.record.columns.ticks[2];
    while (this.tick < (spans?.length ?? 0) && (spans?.[this.tick] ?? 0) <= this.word) this.tick++;
  }
}
