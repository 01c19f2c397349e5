// Exhaustive search, breadth first, over the same rows and acts as a run; shortest counterexamples
// as schedules. Keeps per state a digest, its parent and the choice that led to it: 23 bytes; a
// state is rebuilt by undo and re-execution along the tree of first parents. Order of threads and
// outcomes decides, so equal input, equal result.
import { fail } from "./faults.ts";
import { MAX_OUTCOMES } from "./link.ts";
import { outcomesOf, stepOne } from "./loop.ts";
import { RECORD_SEARCH, type Machine, type ThreadId } from "./machine.ts";
import type { Protocol } from "./protocol.ts";
import { canonical, printSchedule, type Schedule, type ScheduleItem } from "./schedule.ts";
import { MAX_DEPTH, StateTable } from "./state-table.ts";

/** A rule every state must keep. */
export interface StateRule {
  readonly id: string;
  readonly broken: (m: Machine) => boolean;
}

export interface SearchBound {
  readonly states: number;
  readonly depth: number;
  /** Memory of the state table. */
  readonly bytes: number;
}

export interface ExploreInput {
  readonly machine: Machine;
  /** Makes the first state; called after a reset. */
  readonly build: (m: Machine) => void;
  readonly rules: readonly StateRule[];
  readonly legalEnd: (m: Machine) => boolean;
  readonly bound?: Partial<SearchBound>;
  /** Searches again with other constants of the digest and demands equal counts. */
  readonly confirm?: boolean;
  readonly onProgress?: (states: number) => "go" | "stop";
}

export interface RuleFinding {
  readonly rule: string;
  readonly schedule: Schedule;
  readonly text: string;
  readonly length: number;
}

export interface ExploreResult {
  readonly states: number;
  readonly edges: number;
  readonly diameter: number;
  readonly bad: number;
  readonly ends: number;
  readonly stuck: number;
  readonly complete: boolean;
  /** Probability that two different states were taken for one. */
  readonly collisionChance: number;
  /** Per rule one shortest. */
  readonly findings: readonly RuleFinding[];
}

const DEFAULT_BOUND: SearchBound = { states: 50_000_000, depth: 65_000, bytes: 4 * 2 ** 30 };
const PROGRESS_EVERY = 4_096;

export function explore(input: ExploreInput): ExploreResult {
  const first = new Search(input, 0).run();
  if (input.confirm !== true) return first;
  const second = new Search(input, 0x51ed270b).run();
  const same =
    first.states === second.states && first.edges === second.edges && first.bad === second.bad;
  return same ? first : { ...first, complete: false };
}

/** One search. The machine stands at the state of the path's last place. */
class Search {
  private readonly m: Machine;
  private readonly input: ExploreInput;
  private readonly bound: SearchBound;
  private readonly table = new StateTable();
  /** States from the start to where the machine stands, and the log and digest there. */
  private readonly path: number[] = [];
  private readonly logs: number[] = [];
  private readonly down: number[] = [];
  private readonly found = new Map<string, number>();
  private edges = 0;
  private bad = 0;
  private ends = 0;
  private stuck = 0;
  private complete = true;

  constructor(input: ExploreInput, salt: number) {
    this.input = input;
    const bound = { ...DEFAULT_BOUND, ...input.bound };
    this.bound = { ...bound, depth: Math.min(bound.depth, MAX_DEPTH - 1) };
    this.m = input.machine;
    this.m.reset();
    input.build(this.m);
    this.m.setRecord(RECORD_SEARCH);
    this.m.salt = salt;
  }

  run(): ExploreResult {
    const { table } = this;
    table.add(0, 0, -1, 0);
    this.judge(0);
    this.path.push(0);
    this.logs.push(this.m.logCount);
    for (let state = 0; state < table.count; state++) {
      if (!this.mayGoOn(state)) break;
      this.goTo(state);
      this.expand(state);
    }
    return this.result();
  }

  private mayGoOn(state: number): boolean {
    const { table, bound } = this;
    const stopped = state % PROGRESS_EVERY === 0 && this.input.onProgress?.(table.count) === "stop";
    if (table.count < bound.states && table.bytes <= bound.bytes && !stopped) return true;
    this.complete = false;
    return false;
  }

  /** Climbs from the state to the nearest one on the path, undoes to it, and steps down again. */
  private goTo(state: number): void {
    const { table, path, logs, down, m } = this;
    down.length = 0;
    let meet = state;
    for (let depth = table.depth[state] as number; path[depth] !== meet; depth--) {
      down.push(meet);
      meet = table.parent[meet] as number;
    }
    const depth = table.depth[meet] as number;
    m.undoTo(logs[depth] as number, table.d0[meet] as number, table.d1[meet] as number);
    path.length = logs.length = depth + 1;
    for (let i = down.length - 1; i >= 0; i--) {
      const next = down[i] as number;
      const choice = table.choice[next] as number;
      stepOne(m, (choice >>> 3) as ThreadId, choice & 7);
      path.push(next);
      logs.push(m.logCount);
    }
  }

  private expand(state: number): void {
    const { table, m } = this;
    const log = m.logCount;
    const d0 = table.d0[state] as number;
    const d1 = table.d1[state] as number;
    const deepest = (table.depth[state] as number) >= this.bound.depth;
    let ways = 0;
    for (let t = 0; t < m.threads.length; t++) {
      const outcomes = outcomesOf(m, t as ThreadId);
      if (outcomes > MAX_OUTCOMES) fail("bad-word", `${outcomes} outcomes of one choice`);
      for (let outcome = 0; outcome < outcomes; outcome++) {
        ways++;
        if (deepest) {
          this.complete = false;
          continue;
        }
        stepOne(m, t as ThreadId, outcome);
        const next = table.add(m.d0, m.d1, state, (t << 3) | outcome);
        if (next >= 0) this.judge(next);
        m.undoTo(log, d0, d1);
      }
    }
    this.edges += ways;
    if (ways > 0) return;
    this.ends++;
    if (!this.input.legalEnd(m)) this.stuck++;
  }

  /** Asks the rules of a new state: the first broken one makes it bad. */
  private judge(state: number): void {
    for (const { id, broken } of this.input.rules) {
      if (!broken(this.m)) continue;
      this.bad++;
      if (!this.found.has(id)) this.found.set(id, state);
      return;
    }
  }

  private result(): ExploreResult {
    const { table } = this;
    const n = table.count;
    const findings = [...this.found].map(([rule, state]) => {
      const schedule = this.scheduleTo(state);
      const length = table.depth[state] as number;
      return { rule, schedule, text: printSchedule(schedule), length };
    });
    return {
      states: n,
      edges: this.edges,
      diameter: table.depth[n - 1] as number,
      bad: this.bad,
      ends: this.ends,
      stuck: this.stuck,
      complete: this.complete,
      collisionChance: (n * n) / 2 ** 65,
      findings,
    };
  }

  private scheduleTo(state: number): Schedule {
    const { table, m } = this;
    const items: ScheduleItem[] = [];
    for (let at = state; (table.parent[at] as number) >= 0; at = table.parent[at] as number) {
      const choice = table.choice[at] as number;
      const thread = m.threads[choice >>> 3]?.name ?? "";
      items.push({ kind: "outcome", thread, outcome: choice & 7 });
    }
    return canonical(items.toReversed());
  }
}

/** A search over a stated protocol. */
export const searchOf = (p: Protocol): ExploreInput => ({
  machine: p.m,
  build: () => p.build(),
  rules: p.rules,
  legalEnd: () => p.isLegalEnd(),
});
