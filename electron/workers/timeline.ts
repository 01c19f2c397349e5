// The lanes of a run's timeline over one part of it: blocks of functions, marks and bins of events,
// counts of pages. What is narrower than a bin is counted in the bins alone; what is over the
// limits is counted in `cut`. Owns which lanes there are; which function is which block is in
// timeline-lanes.table.ts.
import type { Lane } from "#shared/contract/runs";
import type { Input, Output } from "#shared/contract/methods";
import { LockCode, LockMode } from "#shared/events/own";
import { EventId } from "#shared/events/table";
import { type Block, spanBlocks } from "#shared/profile/blocks";
import { placeOf } from "#shared/profile/functions";
import { countCurve } from "#shared/rules/ledger";
import { intAt, scanEvents } from "#shared/rules/scan";
import { VERB_BY_NAME } from "#shared/scenario/words";
import type { HeldRun } from "./run-cache.ts";
import { KIND_LETTERS, type RunIndex } from "./run-index.ts";
import { Axis } from "./timeline-axis.ts";
import { LOOKUP_BLOCKS, PHASE_BLOCKS, VCPU_BLOCKS } from "./timeline-lanes.table.ts";

/** Blocks and marks of one lane that a view gets. */
const MAX_BLOCKS = 1500;
const MAX_MARKS = 1500;
const MAX_STEPS = 2000;
const MAX_SPANS = 100_000;
/** Pages that have a lane of their own. */
const MAX_PAGES = 8;

type Draft = { -readonly [K in keyof Lane]: Lane[K] };
type LaneKind = Lane["kind"];

export function readTimeline(
  held: HeldRun,
  input: Input<"runs.timeline">,
): Output<"runs.timeline"> {
  const axis = new Axis(held.index, input);
  const builder = new Lanes(held, axis);
  builder.addFunctions();
  builder.addLocks();
  builder.addPages();
  builder.addEvents();
  return {
    from: axis.from,
    to: axis.to,
    end: axis.end,
    lanes: builder.lanes(),
    steps: stepsInView(held.index, axis),
  };
}

function stepsInView(index: RunIndex, axis: Axis): Output<"runs.timeline">["steps"] {
  const { steps } = index.run;
  const rows: Output<"runs.timeline">["steps"] = [];
  for (const [at, step] of steps.entries()) {
    const from = axis.of(step.firstEvent);
    const next = steps[at + 1];
    const to = next === undefined ? axis.end : axis.of(next.firstEvent);
    if (to < axis.from || from > axis.to || rows.length >= MAX_STEPS) continue;
    rows.push({ n: step.n, line: step.step.line, from, to });
  }
  return rows;
}

const LETTER_LANES: Readonly<Partial<Record<string, string>>> = {
  L: "lookup",
  K: "locks",
  S: "sptes",
  Z: "sptes",
  T: "tlb",
};

class Lanes {
  readonly #held: HeldRun;
  readonly #index: RunIndex;
  readonly #axis: Axis;
  /** In the order in which they are shown. */
  readonly #lanes = new Map<string, Draft>();

  constructor(held: HeldRun, axis: Axis) {
    this.#held = held;
    this.#index = held.index;
    this.#axis = axis;
    for (const vcpu of this.#vcpus()) {
      this.#add(`vcpu${vcpu}`, `vCPU ${vcpu}`, "vcpu");
      this.#add(`phase${vcpu}`, `vCPU ${vcpu} fault`, "vcpu");
    }
    this.#add("host", "Host", "host");
    this.#add("lookup", "Lookup", "lookup");
    this.#add("locks", "Locks", "lock");
    this.#add("sptes", "SPTEs", "spte");
    this.#add("tlb", "TLB", "tlb");
  }

  lanes(): Lane[] {
    return [...this.#lanes.values()];
  }

  addFunctions(): void {
    const { from, to, unit, binWidth } = this.#axis;
    const request = { unit, from, to, narrowest: binWidth, most: MAX_SPANS };
    const { functions } = this.#index.run;
    for (const block of spanBlocks(this.#index.run, request).blocks) {
      const name = functions[block.fn]?.name ?? "";
      this.#addBlock(name, block);
    }
  }

  #addBlock(name: string, block: Block): void {
    const vcpu = this.#vcpuOf(block.event + 1);
    const place = (lane: string, label: string): void =>
      this.#block(lane, { ...block, label, family: placeOf(name).family });
    const own = VCPU_BLOCKS[name];
    const phase = PHASE_BLOCKS[name];
    const lookup = LOOKUP_BLOCKS[name];
    if (own !== undefined) place(`vcpu${vcpu}`, own);
    if (phase !== undefined) place(`phase${vcpu}`, phase);
    if (lookup !== undefined) place("lookup", lookup);
    if (block.depth === 1 && vcpu < 0) place("host", name);
  }

  /** A bar from each take of a lock to its release, by the thread that took it. */
  addLocks(): void {
    const open = new Map<string, number[]>();
    const names = Object.keys(LockCode);
    const wanted = [EventId.lockTaken, EventId.lockReleased];
    scanEvents(this.#index.run.record, wanted, ({ n, id, thread, cells }) => {
      const lock = intAt(cells, 0);
      const key = `${thread} ${lock}`;
      const taken = open.get(key) ?? [];
      open.set(key, taken);
      if (id === EventId.lockTaken) {
        taken.push(n);
        return;
      }
      const since = taken.pop();
      if (since === undefined) return;
      const isWrite = intAt(cells, 1) === LockMode.write;
      this.#block("locks", {
        from: this.#axis.of(since),
        to: this.#axis.of(n),
        event: since,
        label: `${names[lock] ?? "lock"} ${isWrite ? "w" : "r"}`,
        family: isWrite ? "write" : "read",
      });
    });
  }

  /** One lane for each tracked page: its count as a step line. */
  addPages(): void {
    const pages = [...this.#index.names].slice(0, MAX_PAGES);
    for (const [pfn, name] of pages) {
      const lane = this.#add(`page ${name}`, `Count of ${name}`, "reference");
      const entries = this.#held.ledger.byPage.get(pfn) ?? [];
      const curve = countCurve(entries);
      const at = Array.from(curve.event, (n) => this.#axis.of(n));
      const value = [...curve.count];
      const last = value.at(-1) ?? this.#held.endCounts.get(pfn);
      if (last === undefined) continue; // no struct page, nothing counts it
      if (at.length === 0) {
        at.push(0);
        value.push(last);
      }
      lane.line = { at: [...at, this.#axis.end], value: [...value, last] };
    }
  }

  /** Bins of all events in view, and marks of those of a subject's lane. */
  addEvents(): void {
    const first = this.#axis.firstAt(this.#axis.from);
    for (let n = first; n <= this.#index.count; n++) {
      const position = this.#axis.of(n);
      if (position > this.#axis.to) break;
      const bit = this.#index.letters[n - 1] ?? 0;
      const letter = KIND_LETTERS[bit] ?? "!";
      const vcpu = this.#vcpuOf(n);
      this.#count(vcpu < 0 ? "host" : `vcpu${vcpu}`, position, bit);
      const subject = LETTER_LANES[letter] ?? this.#pageLane(n, letter);
      if (subject === null) continue;
      this.#count(subject, position, bit);
      this.#mark(subject, {
        at: position,
        event: n,
        kind: letter,
        label: this.#labelOf(n, letter),
      });
    }
  }

  #pageLane(n: number, letter: string): string | null {
    if (letter !== "R") return null;
    const name = this.#index.names.get(this.#index.pfns[n - 1] ?? -1);
    return name === undefined ? null : `page ${name}`;
  }

  #labelOf(n: number, letter: string): string {
    if (letter !== "R") return "";
    const { event, fields } = this.#index.run.record.event(n - 1);
    if (event !== EventId.pageRef) return "";
    const delta = fields[2] ?? 0;
    return delta > 0 ? `+${delta}` : `\u2212${-delta}`;
  }

  /** vCPU of the step that the event belongs to; -1 for a step of the host. */
  #vcpuOf(n: number): number {
    const at = Math.min(Math.max(1, n), this.#index.count) - 1;
    return this.#stepVcpu().get(this.#index.steps[at] ?? -1) ?? -1;
  }

  #vcpuBySteps: ReadonlyMap<number, number> | null = null;
  #stepVcpu(): ReadonlyMap<number, number> {
    this.#vcpuBySteps ??= new Map(
      this.#index.run.steps.map(({ n, step }) => [n, isGuests(step.verb) ? step.vcpu : -1]),
    );
    return this.#vcpuBySteps;
  }

  #vcpus(): readonly number[] {
    const used = new Set([0, ...this.#stepVcpu().values()]);
    used.delete(-1);
    return [...used].toSorted((a, b) => a - b);
  }

  #add(key: string, title: string, kind: LaneKind): Draft {
    const { bins } = this.#axis;
    const lane: Draft = {
      key,
      title,
      kind,
      counts: new Uint32Array(bins),
      kinds: new Uint32Array(bins),
      blocks: [],
      marks: [],
      line: null,
      cut: 0,
    };
    this.#lanes.set(key, lane);
    return lane;
  }

  #block(key: string, { from, to, label, family, event }: Lane["blocks"][number]): void {
    const lane = this.#lanes.get(key);
    if (lane === undefined || to < this.#axis.from || from > this.#axis.to) return;
    if (lane.blocks.length < MAX_BLOCKS) lane.blocks.push({ from, to, label, family, event });
    else lane.cut++;
  }

  #mark(key: string, mark: Lane["marks"][number]): void {
    const lane = this.#lanes.get(key);
    if (lane === undefined) return;
    if (lane.marks.length < MAX_MARKS) lane.marks.push(mark);
    else lane.cut++;
  }

  #count(key: string, position: number, bit: number): void {
    const lane = this.#lanes.get(key);
    if (lane === undefined) return;
    const bin = this.#axis.binOf(position);
    lane.counts[bin] = (lane.counts[bin] ?? 0) + 1;
    lane.kinds[bin] = (lane.kinds[bin] ?? 0) | (1 << bit);
  }
}

/** A step in which a vCPU runs. */
const isGuests = (verb: string): boolean => VERB_BY_NAME.get(verb)?.side === "guest";
