// A finished run made ready for windows of rows: for each event its step, function and frames, as
// columns. Built in one walk over events and span words; rows become objects and text only when a
// view asks for them. Event n (from 1) has index n - 1 in every column.
import type { EventRow } from "#shared/contract/runs";
import { SPAN_LEAVE, SPAN_THREAD, spanKind, spanValue } from "#shared/engine/spans";
import { printBody } from "#shared/events/print";
import { EventId, eventOf } from "#shared/events/table";
import type { SimRun } from "#shared/model/sim-run";
import type { RunClock } from "#shared/profile/clock";
import { pageNames } from "#shared/rules/page-names";
import { intAt, scanEvents, type ScannedEvent } from "#shared/rules/scan";
import { StepFinder } from "#shared/rules/steps";
import { type EventFacts, eventFilter } from "./event-filter.ts";
import { placesOf } from "./event-places.ts";

/** In the order of the contract's schema: bit n of a lane's kinds is letter n. */
export const KIND_LETTERS = ["G", "F", "L", "R", "S", "Z", "T", "N", "K", "M", "X", "!"] as const;
type Letter = (typeof KIND_LETTERS)[number];

export type Equality = EventRow["equal"];

const NONE = -1;
const MAX_FILTERS = 8;

export class RunIndex {
  readonly run: SimRun;
  readonly count: number;
  readonly clock: RunClock;
  readonly letters: Uint8Array;
  readonly ticks: Int32Array;
  readonly steps: Int32Array;
  readonly threads: Uint8Array;
  /** Innermost function; -1 without spans. */
  readonly functions: Int32Array;
  readonly gfns: Float64Array;
  readonly pfns: Float64Array;
  readonly names: ReadonlyMap<number, string>;
  readonly #equality: (n: number) => Equality;
  readonly #filtered = new Map<string, Int32Array>();

  constructor(run: SimRun, clock: RunClock, equality: (n: number) => Equality) {
    const count = run.record.events;
    this.run = run;
    this.count = count;
    this.clock = clock;
    this.letters = new Uint8Array(count);
    this.ticks = new Int32Array(count);
    this.steps = new Int32Array(count);
    this.threads = new Uint8Array(count);
    this.functions = new Int32Array(count);
    this.gfns = new Float64Array(count);
    this.pfns = new Float64Array(count);
    this.names = pageNames(run);
    this.#equality = equality;
    const finder = new StepFinder(run.steps);
    const stacks = new SpanWalk(run.record.spans.words);
    scanEvents(run.record, null, (event) => this.#enter(event, finder, stacks));
  }

  #enter(event: ScannedEvent, finder: StepFinder, stacks: SpanWalk): void {
    const index = event.n - 1;
    const letter = eventOf(event.id)?.letter(event.cells, 0) ?? "!";
    const places = placesOf(event.id);
    this.letters[index] = KIND_LETTERS.indexOf(letter);
    this.ticks[index] = event.tick;
    this.threads[index] = event.thread;
    this.steps[index] = finder.numberOf(event.n, event.thread);
    this.functions[index] = stacks.innermost(event.spanAt, event.thread);
    this.gfns[index] = places.gfn(event.cells);
    this.pfns[index] = places.pfn(event.cells);
  }

  /** Event n as a view shows it. */
  row(n: number): EventRow {
    const index = n - 1;
    const { event: id, fields, tick, thread } = this.run.record.event(index);
    const declared = eventOf(id);
    const cells = Int32Array.from(fields);
    return {
      n,
      tick,
      step: this.steps[index] ?? NONE,
      thread,
      t: this.clock.at[n] ?? 0,
      kind: this.#letter(index),
      name: declared?.name ?? `event ${id}`,
      detail: this.#detail(id, cells),
      delta: id === EventId.pageRef ? intAt(cells, 2) : null,
      fn: this.#functionName(index),
      tracepoint: declared?.origin === "tracepoint",
      equal: this.#equality(n),
      gfn: orNull(this.gfns[index]),
      pfn: orNull(this.pfns[index]),
    };
  }

  /** Numbers of the events that pass, in order; null when the filter is empty and all do. */
  filtered(typed: string, check: () => void): Int32Array | null {
    const known = this.#filtered.get(typed);
    if (known !== undefined) return known;
    const filter = eventFilter(typed);
    if (filter.isEmpty) return null;
    const passing: number[] = [];
    const facts = new IndexedFacts(this);
    for (let n = 1; n <= this.count; n++) {
      if ((n & 0xfff) === 0) check();
      facts.n = n;
      if (filter.matches(facts)) passing.push(n);
    }
    if (this.#filtered.size >= MAX_FILTERS) this.#filtered.clear();
    const numbers = Int32Array.from(passing);
    this.#filtered.set(typed, numbers);
    return numbers;
  }

  #letter(index: number): Letter {
    return KIND_LETTERS[this.letters[index] ?? 0] ?? "!";
  }

  #functionName(index: number): string {
    return this.run.functions[this.functions[index] ?? NONE]?.name ?? "";
  }

  #detail(id: number, cells: Int32Array): string {
    return printBody(id, cells, 0, { forms: this.run.kernel.forms, texts: this.run.texts });
  }
}

const orNull = (value: number | undefined): number | null =>
  value === undefined || value < 0 ? null : value;

/** One event as the filter sees it; moved along by setting `n`. Text is made when asked. */
class IndexedFacts implements EventFacts {
  readonly #index: RunIndex;
  #n = 0;
  #row: EventRow | null = null;

  constructor(index: RunIndex) {
    this.#index = index;
  }

  set n(n: number) {
    this.#n = n;
    this.#row = null;
  }

  get kind(): string {
    return KIND_LETTERS[this.#index.letters[this.#n - 1] ?? 0] ?? "!";
  }
  get name(): string {
    return this.#made().name;
  }
  get step(): number {
    return this.#index.steps[this.#n - 1] ?? NONE;
  }
  get thread(): string {
    return this.#index.run.threads[this.#index.threads[this.#n - 1] ?? 0] ?? "";
  }
  get equal(): Equality {
    return this.#made().equal;
  }
  get gfn(): number | null {
    return orNull(this.#index.gfns[this.#n - 1]);
  }
  get pfn(): number | null {
    return orNull(this.#index.pfns[this.#n - 1]);
  }
  fn(): string {
    const id = this.#index.functions[this.#n - 1] ?? NONE;
    return this.#index.run.functions[id]?.name ?? "";
  }
  detail(): string {
    return this.#made().detail;
  }
  pages(): readonly string[] {
    const name = this.#index.names.get(this.#index.pfns[this.#n - 1] ?? NONE);
    return name === undefined ? [] : [name];
  }

  #made(): EventRow {
    this.#row ??= this.#index.row(this.#n);
    return this.#row;
  }
}

/** Walks the span words once; questions must come in the order of the words. */
class SpanWalk {
  readonly #words: Int32Array;
  readonly #stacks: number[][] = [];
  #at = 0;
  #thread = 0;

  constructor(words: Int32Array) {
    this.#words = words;
  }

  innermost(spanAt: number, thread: number): number {
    const end = Math.min(spanAt, this.#words.length);
    for (; this.#at < end; this.#at++) {
      const word = this.#words[this.#at] ?? 0;
      const kind = spanKind(word);
      if (kind === SPAN_THREAD) this.#thread = spanValue(word);
      else if (kind === SPAN_LEAVE) this.#stacks[this.#thread]?.pop();
      else (this.#stacks[this.#thread] ??= []).push(spanValue(word));
    }
    return this.#stacks[thread]?.at(-1) ?? NONE;
  }
}
