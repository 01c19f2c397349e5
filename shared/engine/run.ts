// A simulated run: which thread goes on at each tick, how far, until when. Same input, same bytes,
// however often `advance` is called. First the schedule's items, then the default policy: stay with
// a thread while it can go on, else the lowest that can; after a turn of 1,000 ticks the next one,
// so that a retrying fault lets others go on.
import { fail } from "./faults.ts";
import {
  enabledThreads,
  labelOf,
  outcomesOf,
  programOf,
  rowOf,
  runOn,
  threadBase,
} from "./loop.ts";
import type { Machine, RecordSwitches, ThreadId, ThreadSet, Tick } from "./machine.ts";
import { THREAD_HEAD } from "./machine.ts";
import { FRAME_HEAD } from "./program.ts";
import { Recorder, type ChunkSink } from "./recorder.ts";
import { canonical, printItem, type Schedule, type ScheduleItem } from "./schedule.ts";
import { namesOf, waitsOf, waitText, type Wait } from "./waits.ts";

export interface RunBounds {
  readonly ticks: number;
  /** Tested every 256 ticks, so a run may have a few more. */
  readonly events: number;
}

export interface RunInput {
  /** Makes the first state and starts the threads; called after a reset, with nothing recorded. */
  readonly build: (m: Machine) => void;
  readonly schedule: Schedule;
  readonly record: RecordSwitches;
  readonly bounds: RunBounds;
}

/**
 * more: the budget is used up. blocked: threads wait and none can go on. fails: a schedule item
 * cannot be done.
 */
export type RunState = "more" | "finished" | "blocked" | "bound" | "fails";

/** Why an item of the schedule could not be done. */
export interface RunProblem {
  readonly tick: Tick;
  readonly item: string;
  readonly message: string;
  readonly waits: readonly Wait[];
}

export const TURN_TICKS = 1_000;
export const LABEL_TICKS = 10_000;
const EVENTS_TESTED_EVERY = 256;

/** Resets the machine, builds the first state, and stands before the first tick. */
export function startRun(m: Machine, input: RunInput, sink: ChunkSink): Run {
  m.reset();
  input.build(m);
  return new Run(m, input, sink);
}

export class Run {
  readonly machine: Machine;
  problem: RunProblem | null = null;
  private readonly bounds: RunBounds;
  private readonly recorder: Recorder;
  private readonly trail = new Trail();
  private items: Schedule;
  private nextItem = 0;
  /** Ticks made of the item in progress. */
  private itemTicks = 0;
  private last = -1;
  /** Ticks the last thread has made one after another. */
  private turn = 0;
  private state: RunState = "more";

  constructor(m: Machine, input: RunInput, sink: ChunkSink) {
    this.machine = m;
    this.bounds = input.bounds;
    this.items = input.schedule;
    this.recorder = new Recorder(m, sink);
    m.setRecord(input.record);
    if (input.record.control) fail("bad-word", "a run does not log control; use a search");
    if (m.spansOn !== 0) for (let t = 0; t < m.threads.length; t++) openSpans(m, t as ThreadId);
  }

  get position(): Tick {
    return this.machine.tick;
  }

  enabled(): ThreadSet {
    return enabledThreads(this.machine);
  }

  /** Who waits now, and for whom: asked of a blocked run. */
  waits(): Wait[] {
    return waitsOf(this.machine);
  }

  /** The schedule of the ticks so far, without what the default policy does by itself. */
  schedule(): Schedule {
    return this.trail.schedule((thread) => this.machine.threads[thread]?.name ?? "");
  }

  /** Replaces what is left of the schedule: a branch of the run. */
  reschedule(schedule: Schedule): void {
    this.items = schedule;
    this.nextItem = 0;
    this.itemTicks = 0;
    if (this.state === "blocked" || this.state === "finished") this.state = "more";
  }

  /** Goes on for at most `maxTicks`; once it says anything but "more" the record is complete. */
  advance(maxTicks: number): RunState {
    if (this.state !== "more") return this.state;
    let budget = maxTicks;
    while (budget > 0 && this.state === "more") {
      if (this.isOverBound()) this.state = "bound";
      else if (this.nextItem < this.items.length) budget -= this.itemStep(budget);
      else budget -= this.defaultStep(budget);
    }
    if (this.state !== "more") this.recorder.finish();
    return this.state;
  }

  private isOverBound(): boolean {
    const { machine: m, bounds } = this;
    if (m.tick >= bounds.ticks) return true;
    return m.tick % EVENTS_TESTED_EVERY === 0 && m.eventBase + m.eventCount >= bounds.events;
  }

  /**
   * Ends a run whose act threw: what was recorded up to then is handed over, and nothing goes on.
   */
  abandon(): void {
    if (this.state !== "more") return;
    this.state = "fails";
    this.recorder.finish();
  }

  /** Ticks that may be made before the scheduler must look again. */
  private room(budget: number, thread: number): number {
    const { tick } = this.machine;
    const turn = thread === this.last ? this.turn : 0;
    return Math.min(
      budget,
      this.bounds.ticks - tick,
      TURN_TICKS - (turn % TURN_TICKS),
      EVENTS_TESTED_EVERY - (tick % EVENTS_TESTED_EVERY),
    );
  }

  /** The thread that goes on when no item says otherwise; -1 when none can. */
  private byDefault(): number {
    const turnIsOver = this.turn > 0 && this.turn % TURN_TICKS === 0;
    const lastCan = this.last >= 0 && this.can(this.last);
    if (lastCan && !turnIsOver) return this.last;
    const others = this.enabled() & ~(lastCan ? 1 << this.last : 0);
    if (others === 0) return lastCan ? this.last : -1;
    return turnIsOver && lastCan ? nextOf(others, this.last) : lowest(others);
  }

  private can(thread: number): boolean {
    return outcomesOf(this.machine, thread as ThreadId) > 0;
  }

  private defaultStep(budget: number): number {
    const thread = this.byDefault();
    if (thread < 0) {
      this.state = this.hasLiveThread() ? "blocked" : "finished";
      return 0;
    }
    return this.go(thread, this.room(budget, thread), 0);
  }

  private hasLiveThread(): boolean {
    return this.machine.threads.some((_, t) => rowOf(this.machine, t) !== 0);
  }

  /** Makes ticks of one thread and accounts for them. */
  private go(thread: number, ticks: number, outcome: number): number {
    const { machine: m } = this;
    if (m.record.choices && (thread !== this.last || outcome > 0)) {
      const enabled = this.enabled();
      if (outcome > 0 || (enabled & (enabled - 1)) !== 0) {
        this.recorder.choice([m.tick, thread, enabled, outcome]);
      }
    }
    const made = runOn(m, thread as ThreadId, ticks, outcome);
    if (made > 0) {
      this.turn = thread === this.last ? this.turn + made : made;
      this.last = thread;
    }
    return made;
  }

  private itemStep(budget: number): number {
    const item = this.items[this.nextItem];
    if (item === undefined) return 0;
    const thread = this.machine.threads.findIndex((info) => info.name === item.thread);
    if (thread < 0) {
      return this.stop(item, `there is no thread "${item.thread}"; there are ${this.allNames()}`);
    }
    const want = this.wanted(item, thread);
    if (want.done) {
      this.nextItem++;
      this.itemTicks = 0;
      return 0;
    }
    if (want.problem !== null) return this.stop(item, want.problem);
    const deviates = this.byDefault() !== thread || want.outcome > 0;
    const made = this.go(thread, Math.min(want.ticks, this.room(budget, thread)), want.outcome);
    this.trail.add({ thread, ticks: made, outcome: want.outcome, deviates });
    this.itemTicks += made;
    return made;
  }

  /** What an item asks of its thread next. */
  private wanted(item: ScheduleItem, thread: number): Wanted {
    const { machine: m, itemTicks } = this;
    const ways = outcomesOf(m, thread as ThreadId);
    const cannot = ways > 0 ? null : this.cannot(thread);
    switch (item.kind) {
      case "ticks":
        return wanted(itemTicks >= item.count, cannot, item.count - itemTicks);
      case "end":
        return wanted(ways === 0, null, TURN_TICKS);
      case "label": {
        const tooFar =
          itemTicks >= LABEL_TICKS ? `${item.label} was not reached in ${LABEL_TICKS} ticks` : null;
        return wanted(labelOf(m, thread) === item.label, cannot ?? tooFar, 1);
      }
      case "outcome": {
        const none =
          item.outcome < ways ? null : `its next act has ${ways} outcomes, counted from 0`;
        return { ...wanted(itemTicks > 0, cannot ?? none, 1), outcome: item.outcome };
      }
    }
  }

  private cannot(thread: number): string {
    const name = this.machine.threads[thread]?.name ?? "";
    if (rowOf(this.machine, thread) === 0) return `${name} has finished`;
    return waitText(waitsOf(this.machine).filter((wait) => wait.thread === name));
  }

  private allNames(): string {
    return namesOf(this.machine, -1).join(", ");
  }

  private stop(failed: ScheduleItem, why: string): number {
    const { tick } = this.machine;
    const text = printItem(failed);
    const place = `Schedule item ${this.nextItem + 1}, "${text}"`;
    const message =
      `${place}, cannot be done at tick ${tick}: ${why}. ` +
      "Change the item, or end the schedule before it.";
    this.problem = { tick, item: text, message, waits: waitsOf(this.machine) };
    this.state = "fails";
    return 0;
  }
}

interface Wanted {
  readonly done: boolean;
  readonly problem: string | null;
  readonly ticks: number;
  readonly outcome: number;
}

const wanted = (done: boolean, problem: string | null, ticks: number): Wanted => ({
  done,
  problem,
  ticks,
  outcome: 0,
});

const lowest = (set: ThreadSet): number => 31 - Math.clz32(set & -set);

/** The first member after `thread`, round robin. */
function nextOf(set: ThreadSet, thread: number): number {
  const above = thread >= 30 ? 0 : set & (-1 << (thread + 1));
  return lowest(above === 0 ? set : above);
}

/** Enter words for the frames a thread stands in before its first tick, outermost first. */
function openSpans(m: Machine, thread: ThreadId): void {
  const p = programOf(m);
  const functions: number[] = [];
  const base = threadBase(m, thread);
  let row = m.mem[base] ?? 0;
  let fp = m.mem[base + 1] ?? 0;
  while (row !== 0 && fp >= base + THREAD_HEAD + FRAME_HEAD) {
    functions.push(p.routine[row] ?? 0);
    row = m.mem[fp - 2] ?? 0;
    fp = m.mem[fp - 1] ?? 0;
  }
  m.thread = thread;
  m.markThread();
  for (const id of functions.toReversed()) m.enter(id);
}

/** What the schedule made the threads do, and up to where it differed from the default policy. */
class Trail {
  private readonly parts: { thread: number; ticks: number; outcome: number }[] = [];
  /** Parts before this one are needed whole, and so many ticks of it. */
  private needed = { part: -1, ticks: 0 };

  add(step: { thread: number; ticks: number; outcome: number; deviates: boolean }): void {
    const { thread, ticks, outcome, deviates } = step;
    const before = this.parts.at(-1);
    const joins =
      before !== undefined && before.thread === thread && before.outcome === 0 && outcome === 0;
    if (!joins) this.parts.push({ thread, ticks: 0, outcome });
    const part = this.parts.at(-1);
    if (part === undefined) return;
    // The first tick of the step is the one that was decided; those after it follow by default.
    if (deviates) this.needed = { part: this.parts.length - 1, ticks: part.ticks + 1 };
    part.ticks += ticks;
  }

  schedule(nameOf: (thread: number) => string): Schedule {
    const items = this.parts.slice(0, this.needed.part + 1).map((part, i): ScheduleItem => {
      const thread = nameOf(part.thread);
      if (part.outcome > 0) return { kind: "outcome", thread, outcome: part.outcome };
      return {
        kind: "ticks",
        thread,
        count: i === this.needed.part ? this.needed.ticks : part.ticks,
      };
    });
    return canonical(items);
  }
}
