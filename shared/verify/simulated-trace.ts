// A simulated run as a trace: its events with the functions that made them, and after each step the
// state of tracked pages and of the tables the vCPUs run on, as the lab reports them. Owns nothing;
// moves the machine through the run by a seeker. From: the lab's agent (pages, sptes).
import type { Seeker } from "#shared/engine/seek";
import { EntryForm, PageForm, ResultForm } from "#shared/events/lab";
import { EVENT_ARITY, EventId, EVENTS } from "#shared/events/table";
import { makeTexts, type Texts } from "#shared/events/texts";
import type { SimRun, StepSpan } from "#shared/model/sim-run";
import {
  oldPageLine,
  pageLine,
  rootOf,
  tableEntries,
  type PageLine,
} from "#shared/model/lab/states";
import { KIND, type Kvm } from "#shared/model/state/machine";
import { tablePfn } from "#shared/model/state/tables";
import { allSteps } from "#shared/model/steps";
import { highHalf } from "#shared/units/halves";
import { traceOfRun } from "./split-steps.ts";
import { makeRecord, type SimulatedTrace, type TraceRecord } from "./trace.ts";

/** As many earlier frames of a tracked page as the lab keeps. */
const OLD_PAGES = 8;

interface Tracked {
  readonly name: string;
  readonly hva: number;
  readonly pfns: number[];
}

const wide = (value: number): [number, number] => [value | 0, highHalf(value)];

/** Cells of labPage in the order of its declaration. */
function pageRecord(texts: Texts, name: string, line: PageLine): TraceRecord {
  return makeRecord(EventId.labPage, [
    texts.idOf(name),
    line.form,
    ...wide(line.hva),
    line.pte,
    line.vma,
    ...wide(line.pfn),
    line.ref,
    line.raw,
    line.map,
    line.order,
    line.flags,
  ]);
}

function pagesAfter(m: Kvm, tracked: readonly Tracked[], texts: Texts): TraceRecord[] {
  return tracked.flatMap(({ name, hva, pfns }) => {
    const line = pageLine(m, hva);
    const isMapped = line.form !== PageForm.absent;
    if (isMapped && !pfns.includes(line.pfn) && pfns.length < OLD_PAGES) pfns.push(line.pfn);
    const old = pfns
      .filter((pfn) => !isMapped || pfn !== line.pfn)
      .map((pfn) => oldPageLine(m, pfn));
    return [line, ...old.filter((one) => one.pfn < m.arena(KIND.page).count)].map((one) =>
      pageRecord(texts, name, one),
    );
  });
}

/** The lab numbers vCPUs in the order in which it first sees them load a root. */
function tablesAfter(m: Kvm, seen: Set<number>): TraceRecord[] {
  for (const vcpu of m.vcpus.keys()) if (rootOf(m, vcpu) !== null) seen.add(vcpu);
  return [...seen].flatMap((vcpu, number) => {
    const root = rootOf(m, vcpu);
    if (root === null) return [];
    const head = makeRecord(EventId.labRoot, [
      number,
      ...wide(tablePfn(m, root.table) * 4096),
      root.level,
    ]);
    const entries = [...tableEntries(m, root.table, root.level)].map(({ level, gfn, lo, hi }) =>
      makeRecord(EventId.labSpte, [number, level, ...wide(gfn), EntryForm.value, 1, lo, hi, 0, 0]),
    );
    return [head, ...entries];
  });
}

function eventRecord(run: SimRun, index: number): TraceRecord {
  const event = run.record.event(index);
  const by = run.record.stackOf(event).at(-1);
  return makeRecord(
    event.event,
    event.fields.slice(0, EVENT_ARITY[event.event] ?? 0),
    by === undefined ? "" : (run.functions[by]?.name ?? ""),
  );
}

/** Cell of a RESULT's list, and the text it stands for. */
const LIST = EVENTS.labResult.slots.find((slot) => slot.name === "list")?.at ?? 0;
const listOf = (run: SimRun, record: TraceRecord): string =>
  record.cells[0] === ResultForm.dirty ? run.texts.textOf(record.cells[LIST] ?? 0) : "";

/** Tracked names at a step: those whose `track` line came before or is this one. */
const trackedUpTo = (all: readonly Tracked[], run: SimRun, span: StepSpan): readonly Tracked[] =>
  all.filter((_, index) => (run.plan.pages[index]?.n ?? 0) <= span.n);

/** The run as the lab would have traced it. `m` and `seeker` stand over this run. */
export function simulatedTrace(run: SimRun, m: Kvm, seeker: Seeker): SimulatedTrace {
  const texts = makeTexts(allSteps(run.plan).map((step) => step.line));
  const numbers = allSteps(run.plan).map((step) => texts.idOf(step.line));
  const tracked = run.plan.pages.map(({ name, hva }): Tracked => ({ name, hva, pfns: [] }));
  const records: TraceRecord[] = [];
  const seen = new Set<number>();
  for (const span of run.steps) {
    for (let index = span.firstEvent - 1; index < span.firstEvent - 1 + span.eventCount; index++) {
      const record = eventRecord(run, index);
      if (record.id === EventId.labStep) record.cells[1] = numbers[span.n] ?? 0;
      if (record.id === EventId.labResult) record.cells[LIST] = texts.idOf(listOf(run, record));
      records.push(record);
    }
    seeker.seek(span.endTick);
    records.push(...pagesAfter(m, trackedUpTo(tracked, run, span), texts), ...tablesAfter(m, seen));
  }
  return traceOfRun({ name: run.plan.title, forms: run.kernel.forms, texts, records });
}
