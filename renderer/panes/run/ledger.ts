// The rows of a page's ledger as the inspector shows them. Pure. A get without a put and a put
// without a get say so; the row at or before the event on show is marked.
// From: the page inspector's rules of the user interface (amber and red rows).
import type { LedgerRow } from "#shared/contract/state";

interface LedgerLine {
  readonly row: LedgerRow;
  readonly state: "plain" | "open-get" | "open-put";
  readonly note: string;
  readonly isNow: boolean;
}

export function ledgerLines(rows: readonly LedgerRow[], event: number): LedgerLine[] {
  const now = rows.findLastIndex((row) => row.event <= event);
  return rows.map((row, n) => {
    const state = stateOf(row);
    return { row, state, note: noteOf(row, state), isNow: n === now };
  });
}

function stateOf(row: LedgerRow): LedgerLine["state"] {
  if (!row.isOpen || row.delta === 0) return "plain";
  return row.delta > 0 ? "open-get" : "open-put";
}

function noteOf(row: LedgerRow, state: LedgerLine["state"]): string {
  if (state === "plain") return "";
  const words = state === "open-get" ? "no put yet" : "no get before";
  return row.cause === "" ? words : `${row.cause}, ${words}`;
}
