// From span words to a call tree: whole run or a part of it, equal paths joined or in the order of
// time.
// Promises: the root's total is the sum of all weights of the part. Frames entered before the part
// are shown, not counted.
// From: the engine's spans; weights are estimated ns, ticks, events or calls.
import { SPAN_LEAVE, SPAN_THREAD, spanKind, spanValue } from "#shared/engine/spans";
import type { RunRecord } from "#shared/engine/record";
import type { SimRun } from "#shared/model/sim-run";
import { costsOf, inlinedOf, kernelName, placeOf } from "./functions.ts";
import { TreeRows, type CallTree } from "./tree.ts";

export type Weight = "est" | "ticks" | "events" | "calls";
export const WEIGHT_UNITS: Readonly<Record<Weight, string>> = {
  est: "ns",
  ticks: "ticks",
  events: "events",
  calls: "calls",
};

export interface ProfileRequest {
  readonly by: Weight;
  /** Event numbers; the part reaches from the first of them to the last. 0 and 0: the whole run. */
  readonly fromEvent: number;
  readonly toEvent: number;
  readonly merged: boolean;
  readonly withInlined: boolean;
}

export interface Profile {
  readonly tree: CallTree;
  readonly unit: string;
  readonly isEstimate: boolean;
  /** "" or what the picture leaves out, with numbers. */
  readonly note: string;
}

export const WHOLE_RUN = { fromEvent: 0, toEvent: 0 } as const;

/** Name of row 0. */
const ROOT = "run";
/** What a hidden frame leaves on the stack. */
const HIDDEN = -1;

export function buildProfile(run: SimRun, request: ProfileRequest): Profile {
  const builder = new ProfileBuilder(run, request);
  builder.read();
  const rows = builder.rows;
  const { total, start } = rows.totals(request.merged);
  const names = [ROOT, ...run.functions.map((info) => kernelName(info.name))];
  const places = names.map((name) => placeOf(name));
  const tree: CallTree = {
    parent: Int32Array.from(rows.parent),
    fn: Int32Array.from(rows.fn),
    total,
    self: Float64Array.from(rows.self),
    count: Int32Array.from(rows.count),
    start,
    functions: names,
    families: places.map((place) => place.family),
    files: places.map((place) => place.file),
    merged: request.merged,
  };
  return {
    tree,
    unit: WEIGHT_UNITS[request.by],
    isEstimate: request.by === "est",
    note: noteOf(run, rows.lost),
  };
}

function noteOf(run: SimRun, lost: number): string {
  if (run.record.spans.count === 0)
    return "This run was made without call spans. Run again with spans.";
  return lost === 0 ? "" : `${lost.toLocaleString("en-US")} frames are merged into their callers.`;
}

interface Part {
  readonly from: number;
  readonly to: number;
}

function partOf(record: RunRecord, { fromEvent, toEvent }: ProfileRequest): Part {
  const end = record.spans.count;
  if (fromEvent === 0 && toEvent === 0) return { from: 0, to: end };
  const at = (event: number, none: number): number =>
    event < 1 || event > record.events ? none : record.event(event - 1).spanAt;
  return { from: at(fromEvent, 0), to: Math.max(at(fromEvent, 0), at(toEvent, end)) };
}

/** Where weight 1 falls among the span words, with its thread: ticks or events. */
interface Mark {
  readonly spanAt: Int32Array;
  readonly thread: (index: number) => number;
}

class ProfileBuilder {
  readonly rows = new TreeRows();
  private readonly run: SimRun;
  private readonly request: ProfileRequest;
  private readonly costs: Float64Array;
  private readonly hidden: Uint8Array;
  /** Function ids of each thread's stack. */
  private readonly stacks = new Map<number, number[]>();
  /** Rows of the current thread's stack, HIDDEN for frames not shown. */
  private path: number[] = [];
  private readonly paths = new Map<number, number[]>();
  private thread = 0;
  private clock = 0;

  constructor(run: SimRun, request: ProfileRequest) {
    this.run = run;
    this.request = request;
    this.costs = costsOf(run.functions, run.kernel);
    this.hidden = request.withInlined
      ? new Uint8Array(run.functions.length)
      : inlinedOf(run.functions, run.kernel);
  }

  read(): void {
    const { words } = this.run.record.spans;
    const part = partOf(this.run.record, this.request);
    this.skipTo(words, part.from);
    this.enterThread(this.thread);
    const marks = this.marks();
    let next = 0;
    while (marks !== null && (marks.spanAt[next] ?? part.to) < part.from) next++;
    for (let at = part.from; at < part.to; at++) {
      for (
        ;
        marks !== null && (marks.spanAt[next] ?? part.to) <= at && next < marks.spanAt.length;
        next++
      ) {
        this.weigh(this.rowOfThread(marks.thread(next)), 1);
      }
      this.word(words[at] ?? 0);
    }
    const isWhole = part.to === words.length;
    for (; marks !== null && isWhole && next < marks.spanAt.length; next++) {
      this.weigh(this.rowOfThread(marks.thread(next)), 1);
    }
  }

  /** The stacks at the beginning of the part. */
  private skipTo(words: Int32Array, end: number): void {
    for (let at = 0; at < end; at++) {
      const word = words[at] ?? 0;
      const kind = spanKind(word);
      if (kind === SPAN_THREAD) this.thread = spanValue(word);
      else if (kind === SPAN_LEAVE) this.stackOf(this.thread).pop();
      else this.stackOf(this.thread).push(spanValue(word));
    }
  }

  private word(word: number): void {
    const kind = spanKind(word);
    if (kind === SPAN_THREAD) this.enterThread(spanValue(word));
    else if (kind === SPAN_LEAVE) {
      this.stackOf(this.thread).pop();
      this.path.pop();
    } else this.enter(spanValue(word));
  }

  private enter(fn: number): void {
    const { by } = this.request;
    this.stackOf(this.thread).push(fn);
    const row = this.open(fn);
    this.path.push(row);
    if (row !== HIDDEN) this.rows.count[row] = (this.rows.count[row] ?? 0) + 1;
    if (by === "est") this.weigh(this.top(this.path), this.costs[fn] ?? 0);
    else if (by === "calls" && row !== HIDDEN) this.weigh(row, 1);
  }

  private open(fn: number): number {
    if (this.hidden[fn] === 1) return HIDDEN;
    const parent = this.top(this.path);
    return this.request.merged
      ? this.rows.child(parent, fn + 1)
      : this.rows.add(parent, fn + 1, this.clock);
  }

  /** In time order a frame ends where another thread goes on, and begins again after it. */
  private enterThread(thread: number): void {
    this.thread = thread;
    const known = this.request.merged ? this.paths.get(thread) : undefined;
    this.path = known ?? [];
    this.paths.set(thread, this.path);
    if (known === undefined) for (const fn of this.stackOf(thread)) this.path.push(this.open(fn));
  }

  private rowOfThread(thread: number): number {
    return thread === this.thread ? this.top(this.path) : this.top(this.paths.get(thread) ?? []);
  }

  private top(path: readonly number[]): number {
    for (let at = path.length - 1; at >= 0; at--) {
      const row = path[at] ?? HIDDEN;
      if (row !== HIDDEN) return row;
    }
    return 0;
  }

  private weigh(row: number, amount: number): void {
    this.rows.self[row] = (this.rows.self[row] ?? 0) + amount;
    this.clock += amount;
  }

  private stackOf(thread: number): number[] {
    const known = this.stacks.get(thread);
    if (known !== undefined) return known;
    const made: number[] = [];
    this.stacks.set(thread, made);
    return made;
  }

  private marks(): Mark | null {
    const { events, ticks } = this.run.record.columns;
    const none = new Int32Array(0);
    if (this.request.by === "ticks") {
      const who = ticks[0] ?? none;
      return { spanAt: ticks[2] ?? none, thread: (index) => (who[index] ?? 0) >>> 24 };
    }
    if (this.request.by !== "events") return null;
    const kinds = events[1] ?? none;
    const rows = Int32Array.from(kinds.keys()).filter((row) => ((kinds[row] ?? 0) & 0xff) !== 255);
    const spanAt = rows.map((row) => events[2]?.[row] ?? 0);
    return { spanAt, thread: (index) => (kinds[rows[index] ?? 0] ?? 0) >>> 8 };
  }
}
