// Records in a row to steps: which part of a step a record belongs to, and where a step begins.
// Owns that sorting for both sides: lines read from a file, and the rows of a simulated run.
// From: the trace files' grammar: everything up to the next STEP belongs to a step.
import type { PrintForms } from "#shared/events/forms";
import { EVENTS } from "#shared/events/table";
import type { Texts } from "#shared/events/texts";
import type { SimulatedTrace, TraceRecord } from "./trace.ts";

export type Part = "results" | "events" | "tables" | "pages" | "refs";

const PART_OF: ReadonlyMap<number, Part> = new Map([
  [EVENTS.labResult.id, "results"],
  [EVENTS.labMmio.id, "results"],
  [EVENTS.labPage.id, "pages"],
  [EVENTS.labRoot.id, "tables"],
  [EVENTS.labSpte.id, "tables"],
  [EVENTS.labRef.id, "refs"],
  [EVENTS.labWatch.id, "refs"],
]);

/** A step that is being filled. */
export type OpenStep = { readonly n: number; readonly plan: string } & {
  readonly [P in Part]: TraceRecord[];
};

export const openStep = (n: number, plan: string): OpenStep => ({
  n,
  plan,
  results: [],
  events: [],
  tables: [],
  pages: [],
  refs: [],
});

export const partOf = (id: number): Part => PART_OF.get(id) ?? "events";

export interface RunRecords {
  readonly name: string;
  readonly forms: PrintForms;
  readonly texts: Texts;
  /** The run's events in order, labStep where a step begins; what stands before is left out. */
  readonly records: Iterable<TraceRecord>;
}

/** A simulated run's events as a trace. The last step, named "end", is none. */
export function traceOfRun({ name, forms, texts, records }: RunRecords): SimulatedTrace {
  const steps: OpenStep[] = [];
  for (const record of records) {
    if (record.id === EVENTS.labStep.id) {
      const plan = texts.textOf(record.cells[1] ?? 0);
      if (plan !== "end") steps.push(openStep(record.cells[0] ?? 0, plan));
    } else steps.at(-1)?.[partOf(record.id)].push(record);
  }
  return { name, forms, texts, steps };
}
