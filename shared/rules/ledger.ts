// The ledger: every get and put of a page's reference, with its pair, its step and its call path.
// Promises: a put is paired with the newest open get of its group and thread, else of another
// thread; an entry without pair stays open. The count before a page's first entry is taken for
// other owners'.
// From: page_ref events; who puts what a lookup took (virt/kvm/kvm_main.c, 6.12 and 7.2).
import { EventId } from "#shared/events/table";
import type { SimRun } from "#shared/model/sim-run";
import { causeWords, groupOf, type RefGroup } from "./causes.ts";
import { callPaths } from "./paths.ts";
import { intAt, scanEvents, wideAt, type ScannedEvent } from "./scan.ts";
import { StepFinder } from "./steps.ts";

export interface LedgerEntry {
  /** Event number, from 1. */
  readonly event: number;
  readonly tick: number;
  readonly step: number;
  readonly thread: number;
  readonly spanAt: number;
  readonly pfn: number;
  readonly delta: number;
  /** After the change. */
  readonly count: number;
  readonly cause: number;
  readonly group: RefGroup;
  /** References that other owners hold after the change: what the count may not fall below. */
  readonly owners: number;
  /** Event of the matching put or get; null: none in this run. */
  readonly pair: number | null;
}

export interface Ledger {
  /** In the order of the run. */
  readonly entries: readonly LedgerEntry[];
  readonly byPage: ReadonlyMap<number, readonly LedgerEntry[]>;
}

/** A row as a view shows it; the shape is the contract's. */
export interface LedgerRow {
  readonly event: number;
  readonly step: number;
  readonly delta: number;
  readonly count: number;
  readonly fn: string;
  readonly path: string;
  readonly cause: string;
  readonly pair: number | null;
  readonly isOpen: boolean;
}

type Open = { -readonly [K in keyof LedgerEntry]: LedgerEntry[K] };

/** One page between two allocations: its open gets, newest last, and what its owners hold. */
class PageLife {
  private readonly open: Open[] = [];
  private held: number;

  constructor(before: number) {
    this.held = before;
  }

  get owners(): number {
    return this.held;
  }

  take(entry: Open): void {
    this.open.push(entry);
    if (isOwners(entry.group)) this.held += entry.delta;
  }

  /** The get that this put ends; null when it has none and no owner from before the run either. */
  give(put: Open): Open | null {
    const at = this.find(put);
    if (isOwners(put.group)) this.held += put.delta;
    return at < 0 ? null : (this.open.splice(at, 1)[0] ?? null);
  }

  private find(put: Open): number {
    const fits = (get: Open): boolean => get.group === put.group && get.delta === -put.delta;
    const own = this.open.findLastIndex((get) => fits(get) && get.thread === put.thread);
    return own >= 0 ? own : this.open.findLastIndex(fits);
  }
}

const isOwners = (group: RefGroup): boolean => group === "owner" || group === "pin";

/** Pairs all reference changes of a run. */
export function buildLedger(run: SimRun): Ledger {
  const finder = new StepFinder(run.steps);
  const lives = new Map<number, PageLife>();
  const entries: Open[] = [];
  scanEvents(run.record, [EventId.pageRef], (event) => {
    const entry = entryOf(event, finder);
    const before = entry.count - entry.delta;
    let life = lives.get(entry.pfn);
    // A count that begins at 0 is a new page in an old frame.
    if (life === undefined || (before === 0 && entry.delta > 0)) {
      life = new PageLife(before);
      lives.set(entry.pfn, life);
    }
    pairUp(life, entry);
    entries.push(entry);
  });
  return { entries, byPage: Map.groupBy(entries, (entry) => entry.pfn) };
}

function pairUp(life: PageLife, entry: Open): void {
  if (entry.delta > 0) life.take(entry);
  else {
    const get = life.give(entry);
    if (get !== null) {
      entry.pair = get.event;
      get.pair = entry.event;
    }
  }
  entry.owners = life.owners;
}

function entryOf(event: ScannedEvent, finder: StepFinder): Open {
  const cause = intAt(event.cells, 4);
  return {
    event: event.n,
    tick: event.tick,
    step: finder.numberOf(event.n, event.thread),
    thread: event.thread,
    spanAt: event.spanAt,
    pfn: wideAt(event.cells, 0),
    delta: intAt(event.cells, 2),
    count: intAt(event.cells, 3),
    cause,
    group: groupOf(cause),
    owners: 0,
    pair: null,
  };
}

/** Entries as rows with their call paths. */
export function ledgerRows(run: SimRun, entries: readonly LedgerEntry[]): readonly LedgerRow[] {
  const paths = callPaths(run, entries);
  return entries.map((entry, index) => {
    const path = paths[index] ?? [];
    return {
      event: entry.event,
      step: entry.step,
      delta: entry.delta,
      count: entry.count,
      fn: path.at(-1) ?? "",
      path: path.join(" > "),
      cause: causeWords(entry.cause),
      pair: entry.pair,
      isOpen: entry.pair === null,
    };
  });
}

/** The count over the run: one point per change, in front the count before the first. */
export function countCurve(entries: readonly LedgerEntry[]): {
  event: Int32Array;
  count: Int32Array;
} {
  const first = entries[0];
  if (first === undefined) return { event: new Int32Array(0), count: new Int32Array(0) };
  return {
    event: Int32Array.from([0, ...entries.map((entry) => entry.event)]),
    count: Int32Array.from([first.count - first.delta, ...entries.map((entry) => entry.count)]),
  };
}

/** Sum of all changes: 0 when every get has its put. */
export const balanceOf = (entries: readonly LedgerEntry[]): number =>
  entries.reduce((sum, entry) => sum + entry.delta, 0);
