// Windows of a run's event rows: what passes a filter, from where, how many; and where an event
// stands among them. Owns nothing; the index keeps what a filter lets pass. Rows are made for the
// window alone, however long the run is.
import type { Input, Output } from "#shared/contract/methods";
import type { RunIndex } from "./run-index.ts";
import type { TaskContext } from "./serve-tasks.ts";

export function readEvents(
  index: RunIndex,
  { from, count, filter }: Input<"runs.events">,
  context: TaskContext,
): Output<"runs.events"> {
  const passing = index.filtered(filter, () => context.checkCancelled());
  const total = passing?.length ?? index.count;
  const end = Math.min(total, from + count);
  const rows: Output<"runs.events">["rows"] = [];
  for (let at = from; at < end; at++) {
    const n = passing === null ? at + 1 : passing[at];
    if (n !== undefined) rows.push(index.row(n));
  }
  return { rows, total, all: index.count };
}

/** Index of the first passing row at or after event n. */
export function locateEvent(
  index: RunIndex,
  { n, filter }: Input<"runs.locate">,
  context: TaskContext,
): Output<"runs.locate"> {
  const passing = index.filtered(filter, () => context.checkCancelled());
  if (passing === null) return { index: Math.min(Math.max(0, n - 1), index.count) };
  let low = 0;
  let high = passing.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((passing[middle] ?? 0) < n) low = middle + 1;
    else high = middle;
  }
  return { index: low };
}
