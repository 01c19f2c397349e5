// Two records field by field: equal after renaming, or the first field that differs.
// Owns nothing; which fields are renamed is said by the event's declaration.
// From: the traces' rules of comparison.
import { CELLS } from "#shared/events/declare";
import type { Slot } from "#shared/events/declare";
import { makeScan, parseBody, printBody, printEvent } from "#shared/events/print";
import { eventOf } from "#shared/events/table";
import type { Renaming } from "./renaming.ts";
import type { Trace, TraceRecord } from "./trace.ts";

const LEVEL = "level";

/** The name of the first field that differs; null when the records are equal. */
export function differingField(
  real: TraceRecord,
  ours: TraceRecord,
  renaming: Renaming,
): string | null {
  if (real.id !== ours.id) return "event";
  const event = eventOf(real.id);
  if (event === undefined || real.isCut || ours.isCut) return null;
  const levelSlot = event.slots.find((slot) => slot.name === LEVEL);
  const level = levelSlot === undefined ? 1 : (real.cells[levelSlot.at] ?? 1);
  // Levels, gfns and flags first: when they differ, a wrong address would only hide the reason.
  const renamed: Slot[] = [];
  for (const slot of event.slots) {
    if (event.identities[slot.name] !== undefined) renamed.push(slot);
    else if (!sameCells(slot, real.cells, ours.cells)) return slot.name;
  }
  for (const slot of renamed) {
    const value = (cells: Int32Array) => ({
      lo: cells[slot.at] ?? 0,
      hi: CELLS[slot.kind] === 2 ? (cells[slot.at + 1] ?? 0) : 0,
    });
    const identity = event.identities[slot.name];
    if (!renaming.match(identity, value(real.cells), value(ours.cells), level)) return slot.name;
  }
  return null;
}

function sameCells(slot: Slot, a: Int32Array, b: Int32Array): boolean {
  for (let at = slot.at; at < slot.at + CELLS[slot.kind]; at++) if (a[at] !== b[at]) return false;
  return true;
}

/** A record's body as its own kernel prints it. */
export function recordText(record: TraceRecord, trace: Trace): string {
  if (!record.isCut) return printEvent(record.id, record.cells, 0, trace);
  return `${eventOf(record.id)?.name}: (the rest of the line was lost)`;
}

/**
 * Makes a record of one trace comparable with those of another: as it would read after printing, so
 * that bits no kernel prints do not count, and with the other trace's numbers for its strings.
 */
export function makeAdapter(from: Trace, to: Trace): (record: TraceRecord) => TraceRecord {
  const scan = makeScan(to.forms, to.texts);
  return (record) => {
    const event = eventOf(record.id);
    if (event === undefined || record.isCut) return record;
    const printed = printBody(record.id, record.cells, 0, { forms: to.forms, texts: from.texts });
    const parsed = parseBody(event.name, printed, scan);
    // What cannot be read back as the same event stays as it is and will differ.
    if (parsed.kind !== "event" || parsed.event.id !== record.id) return record;
    return { ...record, cells: scan.cells.slice(0, event.arity) };
  };
}
