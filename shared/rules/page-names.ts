// The name of a host frame in sentences: a tracked page's name where the host mapped it there, else
// its number.
// Owns nothing; a frame that was tracked under two names has the first.
// From: tracked pages of the plan, hostPte events.
import { EventId } from "#shared/events/table";
import type { SimRun } from "#shared/model/sim-run";
import { frameOf, hasBit } from "#shared/units/halves";
import { hexText } from "./rule.ts";
import { intAt, scanEvents, wideAt } from "./scan.ts";

/** Names of the frames that stood behind a tracked address at any time of the run. */
export function pageNames(run: SimRun): ReadonlyMap<number, string> {
  const tracked = new Map(run.plan.pages.map((page) => [Number(page.hva), page.name]));
  const names = new Map<number, string>();
  if (tracked.size === 0) return names;
  scanEvents(run.record, [EventId.hostPte], ({ cells }) => {
    const name = tracked.get(wideAt(cells, 0));
    const lo = intAt(cells, 5);
    const hi = intAt(cells, 6);
    if (name === undefined || !hasBit(lo, hi, 0)) return;
    const pfn = frameOf(lo, hi);
    if (!names.has(pfn)) names.set(pfn, name);
  });
  return names;
}

export function pageNamer(run: SimRun): (pfn: number) => string {
  const names = pageNames(run);
  return (pfn) => {
    const name = names.get(pfn);
    return name === undefined ? `pfn ${hexText(pfn)}` : `page ${name}`;
  };
}
