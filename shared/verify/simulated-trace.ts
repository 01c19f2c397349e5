// A simulated run as a trace: its events with the functions that made them, and after each step the
// state of tracked pages and of the tables the vCPUs run on, as the lab reports them. Owns nothing;
// moves the machine through the run by a seeker. From: the lab's agent (pages, sptes).
import type { Seeker } from "#shared/engine/seek";
import { EntryForm, PageForm, ResultForm } from "#shared/events/lab";
import { TablePageChange } from "#shared/events/own";
import { EVENT_ARITY, EventId, EVENTS } from "#shared/events/table";
import { makeTexts, type Texts } from "#shared/events/texts";
import { waitsForReaders } from "#shared/model/kvm/tdp-pages";
import {
  oldPageLine,
  pageLine,
  rootOf,
  tableEntries,
  type PageLine,
} from "#shared/model/lab/states";
import type { SimRun, StepSpan } from "#shared/model/sim-run";
import { KIND, type Kvm } from "#shared/model/state/machine";
import { tablePfn } from "#shared/model/state/tables";
import { allSteps } from "#shared/model/steps";
import { highHalf, joinHalves } from "#shared/units/halves";
import { traceOfRun } from "./split-steps.ts";
import { NO_TABLES } from "./table-states.ts";
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

interface Root {
  readonly table: number;
  readonly level: number;
}
const GONE: Root = { table: 0, level: NO_TABLES };

/**
 * The root that each vCPU loaded last, by the order in which vCPUs first loaded one, as the lab
 * numbers them. A vCPU that lets go of its root keeps it here: KVM may still change its tables.
 */
class LoadedRoots {
  readonly #roots = new Map<number, Root>();

  /**
   * Frames of table pages that were given back in the step: such a root is no table any more, nor
   * is one that only waits for its readers.
   */
  after(m: Kvm, freed: ReadonlySet<number>): TraceRecord[] {
    const isGone = ({ table }: Root): boolean =>
      table === 0 || freed.has(tablePfn(m, table)) || waitsForReaders(m, table);
    for (const vcpu of m.vcpus.keys()) {
      const root = rootOf(m, vcpu);
      const last = this.#roots.get(vcpu);
      if (root !== null) this.#roots.set(vcpu, root);
      else if (last !== undefined && isGone(last)) this.#roots.set(vcpu, GONE);
    }
    // The lab looks while it has the VM.
    if (m.kvm.isClosed) return [];
    return [...this.#roots.values()].flatMap((root, number) => tablesOf(m, number, root));
  }
}

function tablesOf(m: Kvm, number: number, root: Root): TraceRecord[] {
  const { table, level } = root;
  if (level === NO_TABLES) return [makeRecord(EventId.labRoot, [number, 0, 0, NO_TABLES])];
  const head = makeRecord(EventId.labRoot, [number, ...wide(tablePfn(m, table) * 4096), level]);
  const entries = [...tableEntries(m, table, level)].map((entry) => {
    const { gfn, lo, hi } = entry;
    const cells = [number, entry.level, ...wide(gfn), EntryForm.value, 1, lo, hi, 0, 0];
    return makeRecord(EventId.labSpte, cells);
  });
  return [head, ...entries];
}

/** Frame of a table page that is given back, or -1. */
const freedTable = ({ id, cells }: TraceRecord): number =>
  id === EventId.tablePage && cells[2] === TablePageChange.freed
    ? joinHalves(cells[0] ?? 0, cells[1] ?? 0)
    : -1;

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
  const roots = new LoadedRoots();
  for (const span of run.steps) {
    const freed = new Set<number>();
    for (let index = span.firstEvent - 1; index < span.firstEvent - 1 + span.eventCount; index++) {
      const record = eventRecord(run, index);
      if (record.id === EventId.labStep) record.cells[1] = numbers[span.n] ?? 0;
      if (record.id === EventId.labResult) record.cells[LIST] = texts.idOf(listOf(run, record));
      records.push(record);
      freed.add(freedTable(record));
    }
    seeker.seek(span.endTick);
    records.push(...pagesAfter(m, trackedUpTo(tracked, run, span), texts));
    records.push(...roots.after(m, freed));
  }
  return traceOfRun({ name: run.plan.title, forms: run.kernel.forms, texts, records });
}
