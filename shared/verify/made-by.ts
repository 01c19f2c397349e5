// Which model function left a table entry or a tracked page as it stands at the end of a step: for
// differences of state, which no printed line of ours names. Asked once a difference, so it may
// search the write log. From: the engine's provenance; the lab's module walks the tables alike.
import type { Cell } from "#shared/engine/machine";
import { writersOf } from "#shared/engine/provenance";
import type { Seeker } from "#shared/engine/seek";
import { EventId } from "#shared/events/table";
import { headOf, pageCell } from "#shared/model/host/page";
import { entryCell, presentLeaf } from "#shared/model/host/pgtable";
import { rootOf } from "#shared/model/lab/states";
import type { SimRun } from "#shared/model/sim-run";
import { page as pageStruct } from "#shared/model/state/host";
import { pfn_valid } from "#shared/model/state/layout";
import type { Kvm } from "#shared/model/state/machine";
import { isTablePfn, readSpteHigh, readSpteLow, tableOf } from "#shared/model/state/tables";
import { pagesPerLevel } from "#shared/units/address";
import { frameOf } from "#shared/units/halves";
import type { Writers } from "./compare-traces.ts";
import { hvaOf, pfnOf } from "./page-states.ts";
import type { EntryPlace } from "./table-states.ts";
import type { TraceRecord } from "./trace.ts";

/** `m` and `seeker` stand over this run. */
export function writersOfRun(run: SimRun, m: Kvm, seeker: Seeker): Writers {
  const nameAt = (step: number, cellNow: () => number): string => {
    const span = run.steps.find(({ n }) => n === step);
    if (span === undefined) return "";
    seeker.seek(span.endTick);
    const cell = cellNow();
    if (cell === 0) return "";
    const [write] = writersOf(m, run.record, cell as Cell, span.endTick);
    return write === undefined ? "" : functionOf(run, write);
  };
  const countedAt = (step: number, record: TraceRecord): string => {
    const span = run.steps.find(({ n }) => n === step);
    const pfn = headOf(m, pfnOf(record));
    return span === undefined ? "" : lastCounter(run, pfn, span.endTick);
  };
  return {
    entry: (step, place) => nameAt(step, () => spteCell(m, place)),
    page: (step, record, field) =>
      ((field === "ref" || field === "raw") && countedAt(step, record)) ||
      nameAt(step, () => pageFieldCell(m, record, field)),
  };
}

const functionOf = (
  run: SimRun,
  { stack, routine }: { stack: readonly number[]; routine: number },
): string => run.functions[stack.at(-1) ?? routine]?.name ?? "";

/**
 * Who took or dropped the last reference: its event stands in the very function, not in its act.
 */
function lastCounter({ record, functions }: SimRun, pfn: number, before: number): string {
  for (let index = record.eventAt(before) - 1; index >= 0; index--) {
    const event = record.event(index);
    if (event.event !== EventId.pageRef || event.fields[0] !== pfn) continue;
    return functions[record.stackOf(event).at(-1) ?? -1]?.name ?? "";
  }
  return "";
}

/** Cell of the entry that translates a page; 0 when there is no table for it. */
function spteCell(m: Kvm, { vcpu, level, page }: EntryPlace): number {
  const root = rootOf(m, vcpu);
  if (root === null) return 0;
  let { table } = root;
  for (let at = root.level; at >= level; at--) {
    const cell = table + (Math.floor(page / pagesPerLevel(at)) % 512) * 2;
    if (at === level) return cell;
    const frame = frameOf(readSpteLow(m, cell), readSpteHigh(m, cell));
    if (!isTablePfn(frame)) return 0;
    table = tableOf(m, frame);
  }
  return 0;
}

const { offsets } = pageStruct;

/** The cell behind a field of a PAGE line: of its struct page, else of the entry that maps it. */
function pageFieldCell(m: Kvm, record: TraceRecord, field: string): number {
  const pfn = pfnOf(record);
  const hasStruct = pfn !== 0 && pfn_valid(pfn);
  if (hasStruct && field === "ref") return pageCell(m, headOf(m, pfn)) + offsets._refcount;
  if (hasStruct && field === "raw") return pageCell(m, pfn) + offsets._refcount;
  if (hasStruct && field === "flags") return pageCell(m, pfn) + offsets.flags;
  if (hasStruct && field === "map") return pageCell(m, pfn) + offsets._mapcount;
  const hva = hvaOf(record);
  return presentLeaf(m, hva) || entryCell(m, hva, 1);
}
