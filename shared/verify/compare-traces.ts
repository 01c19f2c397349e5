// A real trace against a simulated one (or another real one), step by step, to the first
// difference. In each step: results, then events in order, then KVM's tables, then tracked pages;
// both sides under one renaming. Own events of the model only tell what was freed.
// From: the traces' rules of comparison.
import { joinHalves } from "#shared/units/halves";
import { TablePageChange } from "#shared/events/own";
import { eventOf, EVENTS } from "#shared/events/table";
import { shapeOf } from "./difference.ts";
import type { Difference, Verdict } from "./difference.ts";
import { differingField, makeAdapter, recordText } from "./match-record.ts";
import { MemoryKinds } from "./memory-kinds.ts";
import { isForeignRange, withoutInterrupted } from "./noise.ts";
import { differingPage, type PageDifference, PageStates } from "./page-states.ts";
import { differingReference, WatchedPages } from "./references.ts";
import type { RefChange } from "./references.ts";
import { Renaming } from "./renaming.ts";
import { differingEntry, type EntryPlace, TableStates } from "./table-states.ts";
import type { SimulatedTrace, Trace, TraceRecord, TraceStep } from "./trace.ts";

const AROUND = 2;

/** Where two lists of records part. */
interface Place {
  readonly real: readonly TraceRecord[];
  readonly ours: readonly TraceRecord[];
  readonly index: number;
  readonly field: string;
}

interface Side {
  readonly tables: TableStates;
  readonly pages: PageStates;
}

/** Names of our functions, by the state they left at the end of a step; "" where none is known. */
export interface Writers {
  entry(step: number, place: EntryPlace): string;
  page(step: number, record: TraceRecord, field: string): string;
}

/** Options of a comparison. */
export interface CompareOptions {
  /** Who wrote what our tables and pages hold, asked for the state that differs. */
  readonly writers?: Writers;
  /** Compare each change of a watched page's reference count too (traces that watched them). */
  readonly references?: boolean;
}

class Comparison {
  readonly #trace: Trace;
  readonly #real: Side;
  readonly #ours: Side;
  readonly #adapt: (record: TraceRecord) => TraceRecord;
  readonly #renaming = new Renaming();
  readonly #kinds = new MemoryKinds();
  /** A run that watched reference counts was recorded without SPTE lines: nothing to compare. */
  readonly #hasTables: boolean;
  readonly #watched: WatchedPages | null;
  readonly #writers: Writers | undefined;
  readonly counts = {
    steps: 0,
    results: 0,
    events: 0,
    entries: 0,
    pages: 0,
    references: 0,
    labMarks: 0,
  };

  constructor(real: Trace, ours: SimulatedTrace, options: CompareOptions) {
    // Adapted records have the real trace's strings and forms: both sides print alike.
    const side = (): Side => ({ tables: new TableStates(), pages: new PageStates(real.texts) });
    this.#trace = real;
    this.#writers = options.writers;
    this.#real = side();
    this.#ours = side();
    this.#adapt = makeAdapter(ours, real);
    this.#watched = options.references === true ? new WatchedPages() : null;
    this.#hasTables = real.steps.some((step) => step.tables.length > 0);
  }

  step(real: TraceStep, ours: TraceStep): readonly Difference[] {
    this.#kinds.read(real.plan);
    const adapted = this.#adaptStep(ours);
    const events = this.#comparable(withoutInterrupted(real.events));
    const ourChanges = this.#watched?.changesOf(adapted.events, this.#renaming);
    const found = [
      this.#sequence("result", real, real.results, adapted.results),
      this.#sequence("event", real, events, adapted.events),
      this.#compareTables(real, adapted.tables),
      this.#compareReferences(real, ourChanges ?? []),
      this.#comparePages(real, adapted.pages),
    ].filter((difference) => difference !== null);
    this.#watched?.watch(real.refs);
    this.counts.steps += 1;
    return found;
  }

  #compareReferences(step: TraceStep, ours: readonly RefChange[]): Difference | null {
    if (this.#watched === null) return null;
    const real = this.#watched.realChanges(step.refs);
    this.counts.references += real.length;
    return differingReference(step, real, ours, this.#trace);
  }

  #adaptStep(step: TraceStep): TraceStep {
    const all = (records: readonly TraceRecord[]): TraceRecord[] => records.map(this.#adapt);
    return {
      ...step,
      results: all(step.results),
      events: all(step.events).filter((record) => !isForeignRange(record.id, record.cells)),
      tables: all(step.tables),
      pages: all(step.pages),
    };
  }

  #comparable(records: readonly TraceRecord[]): readonly TraceRecord[] {
    return records.filter((record) => eventOf(record.id)?.origin !== "own");
  }

  /** Walks two lists in step. Own events on our side end identities at their place. */
  #sequence(
    kind: "result" | "event",
    step: TraceStep,
    real: readonly TraceRecord[],
    ours: readonly TraceRecord[],
  ): Difference | null {
    const got = this.#comparable(ours);
    let index = 0;
    for (const record of ours) {
      if (eventOf(record.id)?.origin === "own") {
        this.#endIdentity(record);
        continue;
      }
      const expected = real[index];
      const field =
        expected === undefined ? "event" : differingField(expected, record, this.#renaming);
      if (field !== null) return this.#differenceAt(step, kind, { real, ours: got, index, field });
      index += 1;
    }
    if (index < real.length) {
      return this.#differenceAt(step, kind, { real, ours: got, index, field: "event" });
    }
    this.counts[kind === "result" ? "results" : "events"] += index;
    return null;
  }

  /** A frame whose count fell to 0, or a table page given back, may come back as something else. */
  #endIdentity({ id, cells }: TraceRecord): void {
    const pfn = joinHalves(cells[0] ?? 0, cells[1] ?? 0);
    if (id === EVENTS.pageRef.id && cells[3] === 0) {
      for (const frame of this.#ours.pages.giveBack(pfn)) this.#renaming.endOurPage(frame);
    } else if (id === EVENTS.tablePage.id && cells[2] === TablePageChange.freed) {
      this.#renaming.endOurTable(pfn);
    }
  }

  #differenceAt(step: TraceStep, kind: "result" | "event", place: Place): Difference {
    const { real, ours, index, field } = place;
    const expected = real[index];
    const got = ours[index];
    const text = (record: TraceRecord): string => recordText(record, this.#trace);
    const around = (list: readonly TraceRecord[]): string[] =>
      list.slice(Math.max(0, index - AROUND), index + AROUND + 1).map(text);
    return {
      kind,
      step: step.n,
      plan: step.plan,
      expected: expected === undefined ? null : text(expected),
      got: got === undefined ? null : text(got),
      field,
      line: expected?.line ?? 0,
      by: got?.by ?? "",
      shape: shapeOf(real, ours, index),
      around: { expected: around(real), got: around(ours) },
    };
  }

  #compareTables(step: TraceStep, ours: readonly TraceRecord[]): Difference | null {
    if (!this.#hasTables) return null;
    this.#real.tables.apply(step.tables);
    this.#ours.tables.apply(ours);
    const found = differingEntry(this.#real.tables, this.#ours.tables, this.#renaming);
    if (found === null) {
      for (const vcpu of this.#real.tables.vcpus()) {
        this.counts.entries += this.#real.tables.entriesOf(vcpu).length;
      }
      return null;
    }
    return {
      kind: "table",
      step: step.n,
      plan: step.plan,
      expected: found.real,
      got: found.ours,
      field: found.field,
      line: 0,
      by: found.by || (found.place && this.#writers?.entry(step.n, found.place)) || "",
      shape: found.real === null ? "extra" : found.ours === null ? "missing" : "changed",
      around: { expected: found.around.real, got: found.around.ours },
    };
  }

  #pageWriter(step: number, { ours, field }: PageDifference): string {
    if (ours === null) return "";
    return ours.by || (this.#writers?.page(step, ours, field) ?? "");
  }

  #comparePages(step: TraceStep, ours: readonly TraceRecord[]): Difference | null {
    this.#real.pages.apply(step.pages);
    this.#ours.pages.apply(ours);
    const isExact = (hva: number): boolean => this.#kinds.kindAt(hva)?.startsWith("lab-") ?? false;
    const found = differingPage(this.#real.pages, this.#ours.pages, this.#renaming, isExact);
    for (const pfn of this.#real.pages.takeFreed()) this.#renaming.endRealPage(pfn);
    for (const pfn of this.#ours.pages.takeFreed()) this.#renaming.endOurPage(pfn);
    if (found === null) {
      this.counts.pages += this.#real.pages.names().length;
      return null;
    }
    const text = (record: TraceRecord | null): string | null =>
      record === null ? null : recordText(record, this.#trace);
    const expected = text(found.real);
    const got = text(found.ours);
    return {
      kind: "page",
      step: step.n,
      plan: step.plan,
      expected,
      got,
      field: found.field,
      line: found.real?.line ?? 0,
      by: this.#pageWriter(step.n, found),
      shape: expected === null ? "extra" : got === null ? "missing" : "changed",
      around: {
        expected: step.pages.map((record) => recordText(record, this.#trace)),
        got: ours.map((record) => recordText(record, this.#trace)),
      },
    };
  }
}

/** Steps that one side lacks, or whose plan lines are not the same. */
function stepDifference(
  real: TraceStep | undefined,
  ours: TraceStep | undefined,
): Difference | null {
  if (real?.plan === ours?.plan) return null;
  const text = (step: TraceStep | undefined): string | null =>
    step === undefined ? null : `STEP ${step.n} ${step.plan}`;
  return {
    kind: "step",
    step: real?.n ?? ours?.n ?? 0,
    plan: real?.plan ?? ours?.plan ?? "",
    expected: text(real),
    got: text(ours),
    field: "plan",
    line: 0,
    by: "",
    shape: real === undefined ? "extra" : ours === undefined ? "missing" : "changed",
    around: { expected: [], got: [] },
  };
}

/** Compares up to and with the first step in which anything differs. */
export function compareTraces(
  real: Trace,
  ours: SimulatedTrace,
  options: CompareOptions = {},
): Verdict {
  const comparison = new Comparison(real, ours, options);
  const count = Math.max(real.steps.length, ours.steps.length);
  for (let index = 0; index < count; index++) {
    const expected = real.steps[index];
    const got = ours.steps[index];
    const unequal = stepDifference(expected, got);
    const found =
      unequal !== null
        ? [unequal]
        : expected === undefined || got === undefined
          ? []
          : comparison.step(expected, got);
    const [first, ...also] = found;
    if (first !== undefined) return { equal: false, counts: comparison.counts, first, also };
  }
  return { equal: true, counts: comparison.counts };
}
