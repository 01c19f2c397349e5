// A lab trace's text to steps of records, or the problems that make it unreadable.
// Promises a result for any text, never a throw; a problem names line, column and what to do.
// From: the trace files' own grammar: everything up to the next STEP belongs to a step.
import { formsOf } from "#shared/events/forms";
import { EVENTS } from "#shared/events/table";
import { makeTexts } from "#shared/events/texts";
import { readTraceText } from "#shared/events/trace-file";
import type { TraceProblem, TraceRow, TraceSink } from "#shared/events/trace-file";
import { isBackground, isForeignRange } from "./noise.ts";
import { openStep, partOf } from "./split-steps.ts";
import type { OpenStep } from "./split-steps.ts";
import type { Trace, TraceStep } from "./trace.ts";

export type TraceReading =
  | { readonly ok: true; readonly trace: Trace; readonly remarks: readonly string[] }
  | { readonly ok: false; readonly problems: readonly TraceProblem[] };

/** A trace file is at most this long; the longest known has 0.2 MB. */
export const TEXT_LIMIT = 64 * 1024 * 1024;
const UNKNOWN_LIMIT = 20;

class StepSink implements TraceSink {
  readonly texts = makeTexts();
  readonly steps: OpenStep[] = [];
  readonly problems: TraceProblem[] = [];
  readonly remarks: string[] = [];
  readonly #unknown = new Map<string, number>();
  #isEnded = false;
  #hasStopped = false;

  row(row: TraceRow): void {
    const { event, cells, line } = row;
    if (event.id === EVENTS.labStep.id) this.#begin(cells[0] ?? 0, cells[1] ?? 0, line);
    else if (event.id === EVENTS.labNote.id) {
      this.remarks.push(`line ${line}: ${this.texts.textOf(cells[0] ?? 0)}`);
    } else this.#keep(row);
  }

  problem(problem: TraceProblem): void {
    this.problems.push(problem);
  }

  comment(text: string, line: number): void {
    if (text.startsWith("# the kernel stopped")) this.#hasStopped = true;
    const isConsole = text.startsWith("# kernel:");
    if (isConsole || this.#hasStopped) this.remarks.push(`line ${line}: ${text}`);
  }

  unknown(column: string): void {
    this.#unknown.set(column, (this.#unknown.get(column) ?? 0) + 1);
  }

  /** Tells what the whole text lacks, once it is read. */
  close(lines: number): void {
    const unknown = Array.from(this.#unknown).slice(0, UNKNOWN_LIMIT);
    for (const [name, count] of unknown) {
      this.remarks.push(`${count} lines of the event ${name} are not read: it is not declared.`);
    }
    if (this.problems.length > 0) return;
    if (this.steps.length === 0) {
      this.problem({
        line: 1,
        column: 1,
        message:
          "no STEP line is in this file: it is no trace of " +
          "a plan. Record one with the lab, or import it as a plain trace.",
      });
    } else if (!this.#isEnded && !this.#hasStopped) {
      const last = this.steps.at(-1);
      this.problem({
        line: lines,
        column: 1,
        message:
          `the file ends inside step ${last?.n} ` +
          `(${last?.plan}), without its "STEP ${this.steps.length} end". Use the whole file.`,
      });
    }
  }

  #begin(n: number, textId: number, line: number): void {
    const plan = this.texts.textOf(textId);
    if (n !== this.steps.length) {
      this.problem({
        line,
        column: 1,
        message:
          `step ${n} comes where step ${this.steps.length} is ` +
          "due: lines are missing or two traces are joined. Use one whole file.",
      });
    }
    if (plan === "end") this.#isEnded = true;
    else this.steps.push(openStep(n, plan));
  }

  #keep(row: TraceRow): void {
    const step = this.steps.at(-1);
    const { event, cells, line } = row;
    if (step === undefined) {
      this.problem({
        line,
        column: 1,
        message:
          "a record stands before the first STEP line; " +
          'cut the file so that it begins with "STEP 0".',
      });
      return;
    }
    const part = partOf(event.id);
    if (part === "events") {
      if (isForeignRange(event.id, cells) || isBackground(row.head, step.plan)) return;
    }
    const own = cells.slice(0, event.arity);
    step[part].push({ id: event.id, cells: own, line, by: "", isCut: row.isCut });
  }
}

/** Reads a trace recorded from `kernel` (6.1, 6.12, 7.2, 7.3). */
export function readTrace(text: string, name: string, kernel: string): TraceReading {
  if (text.length > TEXT_LIMIT) {
    const message = `the file has more than ${TEXT_LIMIT} characters; cut it to the plan's part.`;
    return { ok: false, problems: [{ line: 1, column: 1, message }] };
  }
  const sink = new StepSink();
  const forms = formsOf(kernel);
  readTraceText(text, forms, sink.texts, sink);
  sink.close(text.split("\n").length - 1);
  if (sink.problems.length > 0) return { ok: false, problems: sink.problems };
  const steps: readonly TraceStep[] = sink.steps;
  return { ok: true, trace: { name, forms, texts: sink.texts, steps }, remarks: sink.remarks };
}
