// The runs that a seek worker holds: a few records in memory, and one machine that stands in one of
// them. A run comes here by re-execution of its stored inputs, which gives the same bytes as the
// first time. Promises: a record is made at most once while it is held; asking for the machine of
// another run moves it there.
import { RECORD_FULL } from "#shared/engine/machine";
import { page_ref_count } from "#shared/model/host/page";
import { ENGINE_VERSION } from "#shared/model/simulate";
import type { ModeId } from "#shared/model/state/machine";
import type { SimRun } from "#shared/model/sim-run";
import { pfn_valid } from "#shared/model/state/layout";
import { runClock, type RunClock } from "#shared/profile/clock";
import { checkRules, type RuleResult } from "#shared/rules/check";
import { buildLedger, type Ledger } from "#shared/rules/ledger";
import { pageNames } from "#shared/rules/page-names";
import { createLibrary, type Library } from "../store/library.ts";
import { openForReading } from "../store/open.ts";
import type { RunRecordRow } from "../store/runs.ts";
import { LiveRun } from "./live-run.ts";
import { checkAgainstReal, notCompared, type RealCheck } from "./real-check.ts";
import { TaskFailure } from "./protocol.ts";
import { storedRun } from "./stored-run.ts";
import { RunIndex } from "./run-index.ts";
import type { TaskContext } from "./serve-tasks.ts";
import { inputOf, theSimulator } from "./simulation.ts";

export interface HeldRun {
  readonly id: string;
  readonly row: RunRecordRow;
  readonly run: SimRun;
  readonly clock: RunClock;
  readonly index: RunIndex;
  readonly ledger: Ledger;
  readonly real: RealCheck;
  /** Counts of the named pages at the end, by frame: a page that nothing counted has no ledger. */
  readonly endCounts: ReadonlyMap<number, number>;
}

export interface CacheOptions {
  readonly libraryPath: string;
  /** Where real traces are, in traces/. */
  readonly fixturesDir: string;
}

/** Records kept at once: two runs that are compared, and two seen before. */
const MAX_HELD = 4;
/** Columns of all held records together, beyond which older ones are dropped. */
const MAX_HELD_BYTES = 2 ** 30;

export class RunCache {
  readonly #path: string;
  readonly #fixturesDir: string;
  #library: Library | null = null;
  readonly #held = new Map<string, HeldRun>();
  readonly #rules = new WeakMap<HeldRun, RuleResult>();
  #live: { id: string; live: LiveRun } | null = null;

  constructor({ libraryPath, fixturesDir }: CacheOptions) {
    this.#path = libraryPath;
    this.#fixturesDir = fixturesDir;
  }

  /** The run's record. */
  get(id: string, context: TaskContext): HeldRun {
    const known = this.#held.get(id);
    if (known !== undefined) {
      // The one used last is dropped last.
      this.#held.delete(id);
      this.#held.set(id, known);
      return known;
    }
    const row = this.#read(id);
    return canReplay(row) ? this.#execute(row, context) : this.#load(row);
  }

  /** The run's mode; nothing is executed for it. */
  modeOf(id: string): ModeId {
    return (this.#held.get(id)?.row ?? this.#read(id)).summary.mode;
  }

  /** The run with the machine standing in it. */
  live(id: string, context: TaskContext): { held: HeldRun; live: LiveRun } {
    const known = this.#held.get(id);
    if (known !== undefined && this.#live?.id === id) return { held: known, live: this.#live.live };
    const row = this.#read(id);
    if (!canReplay(row)) throw cannotReplay(row);
    const held = this.#execute(row, context);
    if (this.#live === null) throw new Error(`run ${id} is not live after its execution`);
    return { held, live: this.#live.live };
  }

  /** What the rules say of the run; asked once. */
  rules(id: string, context: TaskContext): RuleResult {
    const known = this.#rules.get(this.get(id, context));
    if (known !== undefined) return known;
    const asked = this.get(id, context);
    if (!canReplay(asked.row)) return this.#keepRules(asked, checkRules(asked.run, null));
    const { held, live } = this.live(id, context);
    return this.#keepRules(held, checkRules(held.run, live));
  }

  #keepRules(held: HeldRun, result: RuleResult): RuleResult {
    this.#rules.set(held, result);
    return result;
  }

  /** From the library's chunks: the record as it was, without a machine. */
  #load(row: RunRecordRow): HeldRun {
    const run = storedRun(this.#opened(), row);
    const held = holdRun(row, run, NOT_LIVE, new Map());
    this.#hold(held);
    return held;
  }

  #execute(row: RunRecordRow, context: TaskContext): HeldRun {
    const { id, kernel, mode, lookup, schedule, scenario, events } = row.summary;
    const request = { text: row.text, scenario, kernel, mode, lookup, schedule, spans: true };
    const input = { ...inputOf(request), record: RECORD_FULL };
    const meter = context.meter("events", events, "replaying");
    this.#live = null;
    const run = theSimulator().simulate(input, {
      goOn(at) {
        meter.at(at.events);
        return !context.isCancelled();
      },
    });
    context.checkCancelled();
    const live = new LiveRun(run);
    const held = this.#held.get(id) ?? this.#holdLive(row, live);
    this.#live = { id, live };
    this.#hold(held);
    return held;
  }

  #holdLive(row: RunRecordRow, live: LiveRun): HeldRun {
    const { run } = live;
    const m = live.at(run.record.ticks);
    const counted = [...pageNames(run).keys()].filter((pfn) => pfn_valid(pfn));
    const endCounts = new Map(counted.map((pfn) => [pfn, page_ref_count(m, pfn)]));
    return holdRun(row, run, checkAgainstReal(live, this.#fixturesDir), endCounts);
  }

  #hold(held: HeldRun): void {
    this.#held.delete(held.id);
    this.#held.set(held.id, held);
    let bytes = 0;
    for (const [at, one] of [...this.#held.values()].toReversed().entries()) {
      bytes += bytesOf(one.run);
      // The newest two stay whatever they take: a comparison needs both.
      if (at >= MAX_HELD || (at >= 2 && bytes > MAX_HELD_BYTES)) this.#held.delete(one.id);
    }
  }

  #opened(): Library {
    if (this.#library === null) {
      const opened = openForReading(this.#path);
      if (!opened.ok) throw new TaskFailure(opened.failure.code, opened.failure.message);
      this.#library = createLibrary(opened.value);
    }
    return this.#library;
  }

  #read(id: string): RunRecordRow {
    const row = this.#opened().runs.read(id);
    if (row !== null) return row;
    throw new TaskFailure(
      "no-such-run",
      `Run ${id.slice(0, 6)} is not in this library. Run it again.`,
    );
  }
}

const bytesOf = ({ record }: SimRun): number =>
  Object.values(record.columns)
    .flat()
    .reduce((sum, column) => sum + column.byteLength, 0);

const canReplay = ({ summary }: RunRecordRow): boolean =>
  summary.origin === "sim" && summary.engine === ENGINE_VERSION;

const cannotReplay = ({ summary: { id, engine } }: RunRecordRow): TaskFailure =>
  new TaskFailure(
    "cannot-replay",
    `Run ${id.slice(0, 6)} was made by engine ${engine}, and this is ${ENGINE_VERSION}. ` +
      "Its events are shown; run it again for its state.",
  );

const NOT_LIVE = notCompared("A run of another engine version is not held to a real trace.");

function holdRun(
  row: RunRecordRow,
  run: SimRun,
  real: RealCheck,
  endCounts: ReadonlyMap<number, number>,
): HeldRun {
  const clock = runClock(run);
  const index = new RunIndex(run, clock, (n) => real.equality(n));
  const ledger = buildLedger(run);
  return { id: row.summary.id, row, run, clock, index, ledger, real, endCounts };
}
