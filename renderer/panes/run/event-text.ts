// How an event is written in the table and read aloud.
// Pure. Names are the kernel's; only their common beginnings are cut where space is short.
// From: the event table's rules of the user interface.
import type { EventRow } from "#shared/contract/runs";
import { delta } from "../../widgets/format.ts";
import { kindSign } from "../../widgets/signs.ts";

const FIXED_COLUMNS = 196; // number, mark, time, kind, change, and the edges
const NAME_SHARE = 1 / 2.15;
const LETTER = 6.7;
const PREFIXES = /^(?:kvm_tdp_mmu_|kvm_mmu_)(?=.)/;
/** Letters that fit the name's column of a table this wide, in pixels at 16 px root. */
export function nameRoom(width: number): number {
  const flexible = Math.max(0, width - FIXED_COLUMNS);
  return Math.floor((flexible * NAME_SHARE) / LETTER);
}

/** The name as the table shows it: whole if it fits, else without the common beginning. */
export const shortEventName = (name: string, room: number): string =>
  name.length <= room ? name : name.replace(PREFIXES, "");

/** The row as a sentence for those who hear it: nothing is cut. */
export function eventRowName(row: EventRow): string {
  const parts = [`Event ${row.n}`, kindSign(row.kind, row.delta ?? 0).title, row.name];
  if (row.detail !== "") parts.push(row.detail);
  if (row.delta !== null) parts.push(`reference change ${delta(row.delta)}`);
  if (row.equal === "equal") parts.push("equal to the real kernel");
  if (row.equal === "differs") parts.push("differs from the real kernel");
  return parts.join(", ");
}
