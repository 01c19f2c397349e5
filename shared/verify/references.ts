// Changes of watched pages' reference counts: the real kernel's, seen by a watchpoint, against the
// model's page_ref events. Pages, order, counts before and after are compared; functions are shown.
// A page counts from the step after its watchpoint was set.
// From: the trace files' lab_ref lines (at most four pages, from their first PAGE line).
import { joinHalves } from "#shared/units/halves";
import { EVENTS } from "#shared/events/table";
import type { Difference } from "./difference.ts";
import { recordText } from "./match-record.ts";
import type { Renaming } from "./renaming.ts";
import type { Trace, TraceRecord, TraceStep } from "./trace.ts";

export interface RefChange {
  /** The real page. */
  readonly pfn: number;
  readonly before: number;
  readonly after: number;
  readonly record: TraceRecord;
}

const AROUND = 2;
const pfnOf = ({ cells }: TraceRecord): number => joinHalves(cells[0] ?? 0, cells[1] ?? 0);

export class WatchedPages {
  readonly #pages = new Set<number>();

  /** From the next step on these pages count; a watchpoint that could not be set does not. */
  watch(refs: readonly TraceRecord[]): void {
    for (const record of refs) {
      if (record.id === EVENTS.labWatch.id && record.cells[3] === 0) this.#pages.add(pfnOf(record));
    }
  }

  realChanges(refs: readonly TraceRecord[]): readonly RefChange[] {
    return refs.flatMap((record) => {
      const pfn = pfnOf(record);
      if (record.id !== EVENTS.labRef.id || !this.#pages.has(pfn)) return [];
      return [{ pfn, before: record.cells[2] ?? 0, after: record.cells[3] ?? 0, record }];
    });
  }

  /** Ours of watched pages. Asked before the step's events change the renaming. */
  changesOf(events: readonly TraceRecord[], renaming: Renaming): readonly RefChange[] {
    return events.flatMap((record) => {
      if (record.id !== EVENTS.pageRef.id) return [];
      const pfn = renaming.realPage(pfnOf(record));
      if (pfn === undefined || !this.#pages.has(pfn)) return [];
      const after = record.cells[3] ?? 0;
      return [{ pfn, before: after - (record.cells[2] ?? 0), after, record }];
    });
  }
}

function differingPart(a: RefChange | undefined, b: RefChange | undefined): string | null {
  if (a === undefined || b === undefined) return "event";
  if (a.pfn !== b.pfn) return "pfn";
  if (a.before !== b.before) return "before";
  return a.after === b.after ? null : "after";
}

/** The first change in which two steps differ. */
export function differingReference(
  step: TraceStep,
  real: readonly RefChange[],
  ours: readonly RefChange[],
  trace: Trace,
): Difference | null {
  const text = (change: RefChange | undefined): string | null =>
    change === undefined ? null : recordText(change.record, trace);
  const around = (list: readonly RefChange[], index: number): string[] =>
    list
      .slice(Math.max(0, index - AROUND), index + AROUND + 1)
      .map((change) => recordText(change.record, trace));
  for (let index = 0; index < Math.max(real.length, ours.length); index++) {
    const expected = real[index];
    const got = ours[index];
    const field = differingPart(expected, got);
    if (field === null) continue;
    return {
      kind: "reference",
      step: step.n,
      plan: step.plan,
      expected: text(expected),
      got: text(got),
      field,
      line: expected?.record.line ?? 0,
      by: got?.record.by ?? "",
      shape: expected === undefined ? "extra" : got === undefined ? "missing" : "changed",
      around: { expected: around(real, index), got: around(ours, index) },
    };
  }
  return null;
}
