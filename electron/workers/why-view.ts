// Why a value is what it is at one event: the chain of writes behind a table entry, or a page's
// count, map or flags. Newest first; ends at an input of the run. At most WHY_LIMIT nodes, and how
// many more there are.
// From: the model's own account of entries; for counts, the ledger; for the rest, the write log.
import type { Input, Output } from "#shared/contract/methods";
import type { Cell } from "#shared/engine/machine";
import { writersOf } from "#shared/engine/provenance";
import { entryText, stateOf, TREES } from "#shared/model/inspect/entry";
import { tableAt } from "#shared/model/inspect/tables";
import { eventAtTick, stepAtTick, WHY_LIMIT, whyEntry } from "#shared/model/inspect/why";
import { headOf, pageCell } from "#shared/model/host/page";
import { page as pageStruct } from "#shared/model/state/host";
import { pfn_valid } from "#shared/model/state/layout";
import { ledgerRows } from "#shared/rules/ledger";
import { groupedHex, hexOf } from "#shared/units/hex";
import type { LiveRun } from "./live-run.ts";
import { TaskFailure } from "./protocol.ts";
import type { HeldRun } from "./run-cache.ts";

type Why = Output<"state.why">;
type WhyInput = Input<"state.why">;
type Place<K> = Extract<WhyInput["place"], { kind: K }>;

interface Standing {
  readonly held: HeldRun;
  readonly live: LiveRun;
}

export function readWhy(standing: Standing, { event, place }: WhyInput): Why {
  if (place.kind === "entry") return entryWhy(standing, event, place);
  return place.field === "ref"
    ? countWhy(standing, event, place.pfn)
    : fieldWhy(standing, event, place);
}

function entryWhy({ held, live }: Standing, event: number, place: Place<"entry">): Why {
  const tick = live.tickOfEvent(event);
  const m = live.at(tick);
  const table = tableAt(m, place.tree, Number.parseInt(place.table, 16));
  const cell = table?.cell(place.index) ?? 0;
  if (table === null || cell === 0) {
    throw new TaskFailure("no-such-entry", `There is no entry ${place.index} at 0x${place.table}.`);
  }
  const lo = table.lo(place.index);
  const hi = table.hi(place.index);
  const value = entryText(lo, hi, stateOf(place.tree, lo, hi, place.level));
  const index = place.index.toString(16).padStart(3, "0");
  const { tree, level } = place;
  return {
    title: `${TREES[tree].title} L${level} [${index}] = ${value}`,
    chain: [...whyEntry(m, held.run, { tree, level, cell }, tick)],
    more: 0,
  };
}

const frameText = (pfn: number): string => groupedHex(hexOf(pfn));

/** The count's gets and puts, newest first. */
function countWhy({ held, live }: Standing, event: number, pfn: number): Why {
  const { run, ledger, clock: _clock } = held;
  const tick = live.tickOfEvent(event);
  const entries = (ledger.byPage.get(pfn) ?? []).filter((entry) => entry.tick < tick).toReversed();
  const shown = entries.slice(0, WHY_LIMIT);
  const rows = ledgerRows(run, shown);
  const count = entries[0]?.count ?? 0;
  return {
    title: `Count of pfn ${frameText(pfn)} = ${count}`,
    chain: rows.map((row, at) => {
      const entry = shown[at];
      return {
        event: row.event,
        tick: entry?.tick ?? 0,
        step: row.step,
        thread: run.threads[entry?.thread ?? 0] ?? "",
        fn: row.fn,
        sentence: `${row.delta > 0 ? "took" : "dropped"} a reference: ${row.cause}`,
        old: String(row.count - row.delta),
        new: String(row.count),
        isInput: row.count === row.delta,
      };
    }),
    more: entries.length - shown.length,
  };
}

const FIELDS = {
  map: { title: "Map count", offset: pageStruct.offsets._mapcount },
  flags: { title: "Flags", offset: pageStruct.offsets.flags },
} as const;

function fieldWhy({ held, live }: Standing, event: number, place: Place<"page">): Why {
  if (place.field === "ref") throw new Error("counts are told by the ledger");
  const { pfn } = place;
  if (!pfn_valid(pfn)) {
    throw new TaskFailure("no-such-page", `pfn ${frameText(pfn)} has no struct page.`);
  }
  const { run } = held;
  const tick = live.tickOfEvent(event);
  const m = live.at(tick);
  const { title, offset } = FIELDS[place.field];
  const cell = pageCell(m, place.field === "flags" ? pfn : headOf(m, pfn)) + offset;
  const writes = [...writersOf(m, run.record, cell as Cell, tick)];
  const shown = writes.slice(0, WHY_LIMIT);
  return {
    title: `${title} of pfn ${frameText(pfn)} = ${m.mem[cell] ?? 0}`,
    chain: shown.map((write) => ({
      event: eventAtTick(run, write.tick),
      tick: write.tick,
      step: stepAtTick(run, write.tick)?.n ?? -1,
      thread: run.threads[write.thread] ?? "",
      fn: run.functions[write.stack.at(-1) ?? write.routine]?.name ?? "",
      sentence: `wrote the field (act ${write.label})`,
      old: String(write.old),
      new: String(write.new),
      isInput: false,
    })),
    more: writes.length - shown.length,
  };
}
