// The machine at one event of a run, in the contract's shapes: walks, tables, entries, pages,
// locks, TLBs. The state "at event n" is that after the tick in which n was emitted; 0 is the
// start. Owns the choice of place and page; what is read there is the model's own inspection.
import type { Input, Output } from "#shared/contract/methods";
import { programOf } from "#shared/engine/loop";
import { EventId } from "#shared/events/table";
import { PageForm } from "#shared/events/lab";
import { decodeEntry } from "#shared/model/inspect/entry";
import { machineView } from "#shared/model/inspect/machine";
import { gvaOfPage } from "#shared/model/inspect/mappers";
import { pageFacts } from "#shared/model/inspect/page";
import { stripOf, tableAt } from "#shared/model/inspect/tables";
import { walk } from "#shared/model/inspect/walk";
import { kernelNamed, KERNELS } from "#shared/model/kernels/profiles";
import { pageLine } from "#shared/model/lab/states";
import type { SimRun } from "#shared/model/sim-run";
import { countCurve, ledgerRows } from "#shared/rules/ledger";
import { halvesOfHex, hexOf } from "#shared/units/hex";
import { frameAt } from "#shared/units/address";
import { frameOf, hasBit } from "#shared/units/halves";
import { intAt, scanEvents, wideAt } from "#shared/rules/scan";
import type { LiveRun } from "./live-run.ts";
import { ownInt32s, ownUint8s } from "./owned.ts";
import { TaskFailure } from "./protocol.ts";
import type { HeldRun } from "./run-cache.ts";
import { coverOf } from "./table-cover.ts";

/** Rows of a page's ledger that a view gets at most: the last ones. */
const MAX_LEDGER = 5000;
const ENTRIES = 512;

interface Standing {
  readonly held: HeldRun;
  readonly live: LiveRun;
}

function halvesOf(hex: string): { lo: number; hi: number } {
  const halves = halvesOfHex(hex);
  if (halves === null) throw new TaskFailure("bad-input", `"${hex}" is not a hex word.`);
  return halves;
}

/** Number below 2^53 of a physical address. */
const physicalOf = (hex: string): number => Number.parseInt(hex, 16);

export function readWalk(
  { held, live }: Standing,
  { event, vcpu, gva }: Input<"state.walk">,
): Output<"state.walk"> {
  const tick = live.tickOfEvent(event);
  const address = gva === null ? lastAccess(held.run, event, vcpu) : halvesOf(gva);
  return { event, tick, ...walkAt(live, { tick, since: Math.max(0, tick - 1), vcpu, address }) };
}

interface WalkPlace {
  readonly tick: number;
  /** What was written from this tick on is marked as changed. */
  readonly since: number;
  readonly vcpu: number;
  readonly address: { readonly lo: number; readonly hi: number };
}

export function walkAt(
  live: LiveRun,
  { tick, since, vcpu, address }: WalkPlace,
): Omit<Output<"state.walk">, "event" | "tick"> {
  const changed = new Set(live.seeker.cellsChanged(since, tick));
  const m = live.at(tick);
  const { trees, ...found } = walk(m, vcpu, address.lo, address.hi, (cell) => changed.has(cell));
  const page = found.pfn === null ? null : pageFacts(m, found.pfn, live.run.plan.pages);
  return {
    ...found,
    trees: trees.map((tree) => ({
      ...tree,
      levels: tree.levels.map((level) => ({ ...level, strip: ownUint8s(level.strip) })),
    })),
    page,
  };
}

/** gva of the vCPU's last access at or before the event, else of its first one, else 0. */
export function lastAccess(run: SimRun, event: number, vcpu: number): { lo: number; hi: number } {
  let found: { lo: number; hi: number } | null = null;
  scanEvents(run.record, [EventId.guestAccess], ({ n, cells }) => {
    if (intAt(cells, 0) !== vcpu || (found !== null && n > event)) return;
    found = { lo: intAt(cells, 2), hi: intAt(cells, 3) };
  });
  return found ?? { lo: 0, hi: 0 };
}

/** What a tree's index is taken from. */
const SPACES = { guest: "gva", tdp: "gpa", shadow: "gva", host: "hva" } as const;

export function readTable(
  { live }: Standing,
  { event, vcpu, tree, table, level }: Input<"state.table">,
): Output<"state.table"> {
  const m = live.at(live.tickOfEvent(event));
  const reader = tableAt(m, tree, physicalOf(table));
  const lo = new Int32Array(ENTRIES);
  const hi = new Int32Array(ENTRIES);
  const space = SPACES[tree];
  if (reader === null) {
    const note = `There is no table at 0x${table} here.`;
    return { states: new Uint8Array(ENTRIES), lo, hi, coversFrom: "0", space, note };
  }
  for (let index = 0; index < ENTRIES; index++) {
    lo[index] = reader.lo(index);
    hi[index] = reader.hi(index);
  }
  const states = ownUint8s(stripOf(tree, reader, level));
  const covers = coverOf(m, { tree, vcpu, physical: reader.physical });
  const note = covers === null ? "No root of this vCPU leads to this table now." : "";
  const coversFrom = space === "gva" ? gvaOfPage(frameAt(covers ?? 0)) : hexOf(covers ?? 0);
  return { states, lo, hi, coversFrom, space, note };
}

export function decode({
  kernel,
  tree,
  level,
  value,
}: Input<"state.decode">): Output<"state.decode"> {
  const profile = kernelNamed(kernel) ?? KERNELS[0];
  if (profile === undefined) throw new Error("the model has no kernel");
  const { lo, hi } = halvesOf(value);
  const decoded = decodeEntry(profile, tree, level, lo, hi);
  return { ...decoded, fields: [...decoded.fields] };
}

export function readPage(
  { held, live }: Standing,
  { event, page }: Input<"state.page">,
): Output<"state.page"> {
  const { run, ledger, clock } = held;
  const tick = live.tickOfEvent(event);
  const pfn = pfnOfPage(held, live, tick, page);
  const entries = ledger.byPage.get(pfn) ?? [];
  const curve = countCurve(entries);
  const facts = pageFacts(live.at(tick), pfn, run.plan.pages);
  return {
    facts,
    curve: {
      event: ownInt32s(curve.event),
      count: ownInt32s(curve.count),
      time: Float64Array.from(curve.event, (n) => clock.at[n] ?? 0),
    },
    ledger: [...ledgerRows(run, entries.slice(-MAX_LEDGER))],
    total: entries.length,
    gfns: [...new Set(facts.mappedBy.flatMap(({ gfn }) => (gfn === null ? [] : [gfn])))],
  };
}

/** A tracked page's frame at the tick, else the nearest one that stood there; or by number. */
function pfnOfPage({ run }: HeldRun, live: LiveRun, tick: number, page: string): number {
  if (page.startsWith("pfn:")) {
    const pfn = Number.parseInt(page.slice("pfn:".length).replace(/^0x/, ""), 16);
    if (Number.isSafeInteger(pfn) && pfn >= 0) return pfn;
    throw new TaskFailure("bad-input", `"${page}" names no frame. Write pfn: and hex digits.`);
  }
  const tracked = run.plan.pages.find(({ name }) => name === page);
  if (tracked === undefined) {
    throw new TaskFailure("no-such-page", `The scenario tracks no page "${page}".`);
  }
  const now = pageLine(live.at(tick), tracked.hva);
  if (now.form !== PageForm.absent) return now.pfn;
  const before = frameBehind(run, tracked.hva, tick);
  if (before !== null) return before;
  throw new TaskFailure("no-such-page", `No host page ever stood behind "${page}" in this run.`);
}

/** The last frame that the host mapped at the address before the tick, else the first one after. */
function frameBehind(run: SimRun, hva: number, before: number): number | null {
  let found: number | null = null;
  scanEvents(run.record, [EventId.hostPte], ({ tick, cells }) => {
    const lo = intAt(cells, 5);
    const hi = intAt(cells, 6);
    if (wideAt(cells, 0) !== hva || !hasBit(lo, hi, 0)) return;
    if (found === null || tick < before) found = frameOf(lo, hi);
  });
  return found;
}

export function readMachine(
  { held, live }: Standing,
  { event }: Input<"state.machine">,
): Output<"state.machine"> {
  const tick = live.tickOfEvent(event);
  const m = live.at(tick);
  return { ...machineView(m, held.run.plan.backings), threads: threadsAt(held.run, live, tick) };
}

/** Where each thread goes on: its next act, or why there is none. */
function threadsAt(run: SimRun, live: LiveRun, tick: number): Output<"state.machine">["threads"] {
  const program = programOf(live.machine);
  const [who = new Int32Array(0)] = run.record.columns.ticks;
  return run.threads.map((name, thread) => {
    const next = who.subarray(tick).find((value) => value >>> 24 === thread);
    if (next === undefined) {
      const isAtEnd = run.end !== "finished" && tick >= run.record.ticks;
      return { name, at: isAtEnd ? "stopped" : "done", waits: isAtEnd ? run.message : "" };
    }
    const row = next & 0xffffff;
    const fn = run.functions[program.routine[row] ?? -1]?.name ?? "";
    return { name, at: `${fn} ${program.label[row] ?? ""}`.trim(), waits: "" };
  });
}
