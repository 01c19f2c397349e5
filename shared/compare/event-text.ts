// One event of a run as words: its name and its body as the run's kernel prints it.
// Owns nothing; for sentences, mail text and reports.
// From: the events' own printers.
import { printBody } from "#shared/events/print";
import { EventId, eventOf, MOST_CELLS } from "#shared/events/table";
import type { SimRun } from "#shared/model/sim-run";

export interface EventText {
  readonly n: number;
  readonly name: string;
  readonly body: string;
  readonly letter: string;
}

/** The event with this number, from 1; null when the run has none. */
export function eventText(run: SimRun, n: number): EventText | null {
  if (n < 1 || n > run.record.events) return null;
  const row = run.record.event(n - 1);
  const cells = Int32Array.from({ length: MOST_CELLS }, (_, i) => row.fields[i] ?? 0);
  const event = eventOf(row.event);
  const body = printBody(row.event, cells, 0, { forms: run.kernel.forms, texts: run.texts });
  return {
    n,
    name: event?.name ?? `event ${row.event}`,
    body,
    letter: event?.letter(cells, 0) ?? "!",
  };
}

/** Events whose body is short and says more than their name. */
const ENDS_IN_WORDS: ReadonlySet<string> = new Set([
  "lockTaken",
  "lockReleased",
  "pageMark",
  "page_ref",
  "faultResult",
  "guestAccess",
  "tlbFlush",
]);

/** What the event says in a few words: a lookup's outcome, else its name and body. */
export function eventWords(run: SimRun, n: number): string {
  const text = eventText(run, n);
  if (text === null) return "nothing more happens";
  const isLookup = run.record.event(n - 1).event === EventId.lookupStep;
  const colon = text.body.lastIndexOf(": ");
  if (isLookup && colon >= 0) return text.body.slice(colon + 2);
  if (text.body.startsWith("RESULT ")) return `the step ends with ${text.body.slice(7)}`;
  return ENDS_IN_WORDS.has(text.name) ? `${text.name} ${text.body}` : text.name;
}

/** Name and body in one line; of a lookup's step without the address, which its fault has named. */
export function eventLine({ name, body }: Pick<EventText, "name" | "body">): string {
  if (/^(STEP|RESULT|PAGE|SPTE|MMIO|NOTE|WATCH) /.test(body)) return body;
  const short = name === "lookupStep" ? body.replace(/ hva 0x[0-9a-f]+(?: pfn 0(?=:))?/, "") : body;
  return `${name}: ${short}`;
}
