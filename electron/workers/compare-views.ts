// Two runs side by side in the contract's shapes; an alignment is made once and kept for its
// windows. Owns the kept comparison only; what is equal, renamed or different is decided by the
// comparison itself.
import { type Comparison, compareRuns } from "#shared/compare/compare";
import { mailText } from "#shared/compare/mail";
import { fieldName, MARKS } from "#shared/compare/rows";
import { compareEntries, type TableEntry, type TableReader } from "#shared/compare/tables";
import type { Input, Output } from "#shared/contract/methods";
import {
  addressOf,
  entriesAt,
  spaceOf,
  viewOf,
  type ComparedEntry,
  type Space,
} from "./compared-tables.ts";
import { ownInt32s } from "./owned.ts";
import type { HeldRun, RunCache } from "./run-cache.ts";
import type { TaskContext } from "./serve-tasks.ts";

export interface Pair {
  readonly a: HeldRun;
  readonly b: HeldRun;
  readonly comparison: Comparison;
  /** Entries of the tables at the ends of the runs. */
  readonly ends: { readonly a: readonly ComparedEntry[]; readonly b: readonly ComparedEntry[] };
  readonly space: Space;
}

/** Table entries that a view gets at most. */
const MAX_ENTRIES = 20_000;

export class Comparisons {
  readonly #cache: RunCache;
  #last: (Pair & { ids: string }) | null = null;

  constructor(cache: RunCache) {
    this.#cache = cache;
  }

  pair({ a, b }: { a: string; b: string }, context: TaskContext): Pair {
    const ids = `${a} ${b}`;
    if (this.#last?.ids === ids) return this.#last;
    const space = spaceOf(this.#cache.modeOf(a), this.#cache.modeOf(b));
    const rulesA = this.#cache.rules(a, context);
    const entriesA = entriesAt(this.#cache.live(a, context).live, 0, space);
    const rulesB = this.#cache.rules(b, context);
    const entriesB = entriesAt(this.#cache.live(b, context).live, 0, space);
    const heldA = this.#cache.get(a, context);
    const heldB = this.#cache.get(b, context);
    context.checkCancelled();
    context.meter("events", null, "aligning").end(heldA.index.count + heldB.index.count);
    const comparison = compareRuns(
      { run: heldA.run, rules: rulesA, tables: fixedEntries(entriesA) },
      { run: heldB.run, rules: rulesB, tables: fixedEntries(entriesB) },
    );
    const ends = { a: entriesA, b: entriesB };
    this.#last = { ids, a: heldA, b: heldB, comparison, ends, space };
    return this.#last;
  }

  tables(input: Input<"compare.tables">, context: TaskContext): Output<"compare.tables"> {
    const { ends, space } = this.pair(input, context);
    // Another place than the end needs the machine there: one run after the other.
    const at = (id: string, event: number): readonly ComparedEntry[] =>
      entriesAt(this.#cache.live(id, context).live, event, space);
    const entriesA = input.eventA === 0 ? ends.a : at(input.a, input.eventA);
    const entriesB = input.eventB === 0 ? ends.b : at(input.b, input.eventB);
    const rows = compareEntries(entriesA, entriesB);
    return {
      rows: rows.slice(0, MAX_ENTRIES).map((row) => ({
        level: row.level,
        address: addressOf(space, row.page),
        gfn: row.gfn,
        a: viewOf(row.a),
        b: viewOf(row.b),
        mark: row.mark,
        text: row.text,
      })),
      total: rows.length,
      space,
    };
  }
}

const fixedEntries = (entries: readonly TableEntry[]): TableReader => ({ entries: () => entries });

export function compareSummary({ a, b, comparison }: Pair): Output<"compare.runs"> {
  const { rows } = comparison;
  const [equal, renamed, differs, onlyA, onlyB] = rows.counts;
  return {
    sentence: comparison.sentence,
    detail: comparison.detail,
    a: a.row.summary,
    b: b.row.summary,
    sameScenario: comparison.sameScenario,
    equal,
    renamed,
    differs,
    onlyA,
    onlyB,
    balanceA: comparison.balanceA,
    balanceB: comparison.balanceB,
    entriesDiffer: comparison.entriesDiffer,
    estimatedDeltaNs: comparison.estimatedDeltaNs,
    rows: rows.mark.length,
    firstDifference: rows.first,
    differences: ownInt32s(rows.differences),
    cut: rows.cut,
    pages: sharedPages(a, b),
  };
}

/** Tracked pages that both runs have, as handles for state.page. */
function sharedPages(a: HeldRun, b: HeldRun): Output<"compare.runs">["pages"] {
  const handle = (held: HeldRun, name: string): string => {
    const [pfn] = [...held.index.names].find(([, known]) => known === name) ?? [];
    return pfn === undefined ? "" : `pfn:${pfn.toString(16)}`;
  };
  const names = a.run.plan.pages.map(({ name }) => name);
  const both = names.filter((name) => b.run.plan.pages.some((page) => page.name === name));
  return both
    .map((name) => ({ name, a: handle(a, name), b: handle(b, name) }))
    .filter((page) => page.a !== "" || page.b !== "");
}

export function alignedWindow(
  { a, b, comparison }: Pair,
  { from, count }: Input<"compare.rows">,
): Output<"compare.rows"> {
  const { rows } = comparison;
  const end = Math.min(rows.mark.length, from + count);
  const window: Output<"compare.rows">["rows"] = [];
  for (let index = from; index < end; index++) {
    const left = rows.a[index] ?? 0;
    const right = rows.b[index] ?? 0;
    window.push({
      index,
      mark: MARKS[rows.mark[index] ?? 0] ?? "=",
      a: left === 0 ? null : a.index.row(left),
      b: right === 0 ? null : b.index.row(right),
      field: fieldName(a.run, rows, index),
    });
  }
  return { rows: window, total: rows.mark.length };
}

export const compareText = ({ a, b, comparison }: Pair): Output<"compare.text"> => ({
  text: mailText(comparison, a.run, b.run),
});
