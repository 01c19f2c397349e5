// Events to text and back: the printed body of cells, and the cells of a printed body.
// Promises print after parse to be the identity on every line a kernel or the lab writes.
// From: the declarations; `TP_printk` of each tracepoint.
import type { EventDeclaration, PrintContext, Scan } from "./declare.ts";
import { printPieces, scanPieces } from "./pieces.ts";
import { eventNamed, eventOf, marksNamed, MOST_CELLS } from "./table.ts";
import type { PrintForms } from "./forms.ts";
import type { Texts } from "./texts.ts";

/** The column where trace_marker lines have an event's name. */
export const MARK_COLUMN = "tracing_mark_write";

/** The body of an event, as the kernel of `context.forms` prints it. */
export function printBody(
  id: number,
  cells: Int32Array,
  base: number,
  context: PrintContext,
): string {
  const event = eventOf(id);
  return event === undefined ? `event ${id}` : printPieces(event.body, cells, base, context);
}

/** `name: body` of a tracepoint or own event; the body alone of a mark, which names itself. */
export function printEvent(
  id: number,
  cells: Int32Array,
  base: number,
  context: PrintContext,
): string {
  const body = printBody(id, cells, base, context);
  const event = eventOf(id);
  return event === undefined || event.origin === "mark" ? body : `${event.name}: ${body}`;
}

/** A scan to be used for many bodies: its cells are the last parsed event's. */
export function makeScan(forms: PrintForms, texts: Texts): Scan {
  return { forms, texts, text: "", cells: new Int32Array(MOST_CELLS), base: 0, failedAt: 0 };
}

export type Parsed =
  /** `cells` are the scan's own: copy what must stay. */
  | { readonly kind: "event"; readonly event: EventDeclaration }
  /** No declaration has this name: not for us. */
  | { readonly kind: "unknown" }
  /** The name is known, the body is not as the kernel prints it; `at` counts in the body. */
  | { readonly kind: "malformed"; readonly event: EventDeclaration; readonly at: number };

const UNKNOWN: Parsed = { kind: "unknown" };
const PARSED = new Map<EventDeclaration, Parsed>();

function found(event: EventDeclaration): Parsed {
  const known = PARSED.get(event);
  if (known !== undefined) return known;
  const parsed: Parsed = { kind: "event", event };
  PARSED.set(event, parsed);
  return parsed;
}

function fits(event: EventDeclaration, scan: Scan): boolean {
  scan.cells.fill(0);
  return scanPieces(event.body, scan, 0) === scan.text.length;
}

/** Parses a body whose event name stands in `column`; a mark is found by its first word. */
export function parseBody(column: string, body: string, scan: Scan): Parsed {
  scan.text = body;
  scan.failedAt = 0;
  const event = eventNamed(column);
  if (event !== undefined && event.origin !== "mark") {
    return fits(event, scan) ? found(event) : { kind: "malformed", event, at: scan.failedAt };
  }
  const blank = body.indexOf(" ");
  const marks = marksNamed(blank < 0 ? body : body.slice(0, blank));
  for (const mark of marks) if (fits(mark, scan)) return found(mark);
  const first = marks[0];
  return first === undefined ? UNKNOWN : { kind: "malformed", event: first, at: scan.failedAt };
}
