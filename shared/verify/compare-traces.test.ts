// Comparing traces: a trace equals
// itself; each kind of change is found
// and named.
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { PageRefCause, TablePageChange } from "#shared/events/own";
import { PAGE_FLAGS, PageForm } from "#shared/events/lab";
import { EventId, eventOf } from "#shared/events/table";
import { makeTexts } from "#shared/events/texts";
import { compareTraces } from "./compare-traces.ts";
import { differenceText, verdictJson, verdictLine } from "./difference-text.ts";
import { makeAdapter } from "./match-record.ts";
import { readTrace } from "./read-trace.ts";
import { traceOfRun } from "./split-steps.ts";
import { NO_TABLES } from "./table-states.ts";
import { makeRecord } from "./trace.ts";
import type { Trace, TraceRecord, TraceStep } from "./trace.ts";

const TRACES = new URL("../../fixtures/traces/", import.meta.url);
const namesOf = (kernel: string): string[] => readdirSync(new URL(`${kernel}/tdp/`, TRACES));

function load(name: string, kernel = "6.12"): Trace {
  const text = readFileSync(new URL(`${kernel}/tdp/${name}`, TRACES), "utf8");
  const reading = readTrace(text, name, kernel);
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return reading.trace;
}

/** A copy of a trace in which one step's part is made anew. */
function edited(
  trace: Trace,
  n: number,
  part: "results" | "events" | "tables" | "pages",
  edit: (records: TraceRecord[]) => TraceRecord[],
): Trace {
  const steps = trace.steps.map((step) =>
    step.n === n ? { ...step, [part]: edit([...step[part]]) } : step,
  );
  return { ...trace, steps };
}

/** A record with one cell changed. */
const withCell = (record: TraceRecord, at: number, value: number, by = ""): TraceRecord => ({
  ...record,
  cells: record.cells.with(at, value),
  by,
});

const at = (event: number, field: string): number =>
  eventOf(event)?.slots.find((slot) => slot.name === field)?.at ?? -1;

/** All page frames and table pages moved by other amounts: what another boot would give. */
function moved(trace: Trace): Trace {
  const move = (record: TraceRecord): TraceRecord => {
    const event = eventOf(record.id);
    if (event === undefined) return record;
    const cells = record.cells.slice();
    const levelAt = at(record.id, "level");
    const level = levelAt < 0 ? 1 : (cells[levelAt] ?? 1);
    for (const slot of event.slots) {
      const identity = event.identities[slot.name];
      const low = cells[slot.at] ?? 0;
      const isEntry = identity === "leaf" || identity === "entry";
      if (identity === undefined || low === 0 || (isEntry && (low & 0x801) !== 0x801)) continue;
      const isTable =
        identity === "physical" ||
        identity === "pointer" ||
        (identity === "entry" && level > 1 && (low & 0x80) === 0);
      const frames = isTable ? 0x333 : 0x111;
      cells[slot.at] = low + (identity === "pfn" ? frames : frames * 4096);
    }
    return { ...record, cells };
  };
  const all = (records: readonly TraceRecord[]) => records.map(move);
  const steps = trace.steps.map((step): TraceStep => ({
    ...step,
    events: all(step.events),
    tables: all(step.tables),
    pages: all(step.pages),
  }));
  return { ...trace, steps };
}

test.each(["6.12", "7.2"])("each real trace of %s equals itself", (kernel) => {
  for (const name of namesOf(kernel)) {
    const verdict = compareTraces(load(name, kernel), load(name, kernel));
    expect(verdictLine(name, verdict)).toContain("equal");
    expect(verdict.counts.events).toBeGreaterThan(20);
    expect(verdict.counts.entries).toBeGreaterThan(20);
  }
});

test("a trace equals itself with other frames and other table pages", () => {
  for (const name of namesOf("6.12")) {
    const verdict = compareTraces(load(name), moved(load(name)));
    expect(differenceText(name, verdict)).toContain("equal");
  }
});

test("the two kernels differ where they must: a page with count 0", () => {
  const verdict = compareTraces(load("lab_tail.trace", "7.2"), load("lab_tail.trace", "6.12"));
  expect(verdict.equal).toBe(false);
});

// anon_first_touch, step 5: "gwrite D+0 0x1111": three faults, the last maps gfn 0x10000.
const TRACE = "anon_first_touch.trace";
const STEP = 5;

test("a dropped event is found and named", () => {
  const real = load(TRACE);
  const ours = edited(real, STEP, "events", (list) => list.toSpliced(10, 1));
  const verdict = compareTraces(real, ours);
  expect(verdict).toMatchObject({
    equal: false,
    first: {
      kind: "event",
      step: STEP,
      plan: "gwrite D+0 0x1111",
      line: 63,
      field: "event",
      shape: "missing",
      expected: expect.stringMatching(/^kvm_mmu_get_page: sp gen 0 gfn 10000 l1/),
      around: { expected: { length: 5 } },
    },
  });
  expect(verdict.counts.steps).toBe(STEP + 1);
});

test("an event too many, a swapped pair and a last one that is missing are told apart", () => {
  const real = load(TRACE);
  const shape = (edit: (list: TraceRecord[]) => TraceRecord[]) => {
    const verdict = compareTraces(real, edited(real, STEP, "events", edit));
    return verdict.equal ? "equal" : verdict.first.shape;
  };
  const copyOf = (list: TraceRecord[], index: number) => list.slice(index, index + 1);
  expect(shape((list) => list.toSpliced(9, 0, ...copyOf(list, 0)))).toBe("extra");
  expect(
    shape((list) => [
      ...list.slice(0, 8),
      ...copyOf(list, 9),
      ...copyOf(list, 8),
      ...list.slice(10),
    ]),
  ).toBe("swapped");
  expect(shape((list) => list.slice(0, -1))).toBe("missing");
});

test("a changed bit of an entry is found, and the function that made it is named", () => {
  const real = load(TRACE);
  const id = EventId.kvm_tdp_mmu_spte_changed;
  const ours = edited(real, STEP, "events", (list) =>
    list.map((record, index) => {
      const low = record.cells[at(id, "new_spte")] ?? 0;
      return index === 12 ? withCell(record, at(id, "new_spte"), low & ~0x40, "make_spte") : record;
    }),
  );
  const verdict = compareTraces(real, ours);
  expect(verdict).toMatchObject({
    equal: false,
    first: { kind: "event", field: "new_spte", by: "make_spte", shape: "changed" },
  });
  const text = differenceText(TRACE, verdict);
  expect(text).toContain("step 5 (gwrite D+0 0x1111), line 65: The events differ in new_spte");
  expect(text).toContain("made by:  make_spte()");
  expect(text).toMatch(/expected: .*new_spte 36bae67\n {2}got: {6}.*new_spte 36bae27/);
  expect(JSON.parse(verdictJson(TRACE, verdict))).toMatchObject({ trace: TRACE, equal: false });
  expect(verdictLine(TRACE, verdict)).not.toContain("\n");
});

test("a page that takes another page's place is found although its bits are right", () => {
  const real = load(TRACE);
  const id = EventId.kvm_mmu_spte_requested;
  const first = real.steps[STEP]?.events[1];
  const ours = edited(real, STEP, "events", (list) =>
    list.map((record, index) =>
      index === 5 ? withCell(record, at(id, "pfn"), first?.cells[at(id, "pfn")] ?? 0) : record,
    ),
  );
  expect(compareTraces(real, ours)).toMatchObject({ equal: false, first: { field: "pfn" } });
});

test("a wrong reference count is found; a history flag is none on ordinary memory", () => {
  const real = load(TRACE);
  const id = EventId.labPage;
  const change = (field: string, value: (old: number) => number) =>
    compareTraces(
      real,
      edited(real, STEP, "pages", (list) =>
        list.map((record) =>
          withCell(record, at(id, field), value(record.cells[at(id, field)] ?? 0)),
        ),
      ),
    );
  expect(change("ref", (ref) => ref + 1)).toMatchObject({
    equal: false,
    first: { kind: "page", step: STEP, field: "ref", shape: "changed" },
  });
  const [referenced, dirty] = [1 << 7, 1 << 6];
  expect(change("flags", (flags) => flags ^ referenced).equal).toBe(true);
  expect(change("flags", (flags) => flags ^ dirty)).toMatchObject({ first: { field: "flags" } });
});

test("a history flag counts on the lab's own pages", () => {
  const real = load("lab_ref.trace");
  const id = EventId.labPage;
  const step = real.steps.find(({ pages, n }) => pages.length > 0 && n > 3);
  const ours = edited(real, step?.n ?? 0, "pages", (list) =>
    list.map((record) =>
      withCell(record, at(id, "flags"), (record.cells[at(id, "flags")] ?? 0) ^ (1 << 7)),
    ),
  );
  expect(compareTraces(real, ours)).toMatchObject({ first: { kind: "page", field: "flags" } });
});

test("a wrong entry in the tables, and one that is missing, are found", () => {
  const real = load(TRACE);
  const spte = at(EventId.labSpte, "spte");
  const wrong = edited(real, STEP, "tables", (list) =>
    list.map((record, index) =>
      index === 3 ? withCell(record, spte, (record.cells[spte] ?? 0) & ~0x20) : record,
    ),
  );
  expect(compareTraces(real, wrong)).toMatchObject({
    first: { kind: "table", field: "value", expected: "SPTE r0 l1 g=10000 36bae67" },
  });
  const missing = edited(real, STEP, "tables", (list) => list.slice(0, -1));
  expect(compareTraces(real, missing)).toMatchObject({
    first: { kind: "table", field: "entry", got: null, shape: "missing" },
  });
});

test("tables told whole after a root equal tables told by differences", () => {
  const real = load(TRACE);
  let root: TraceRecord[] = [];
  const known = new Map<string, TraceRecord>();
  const steps = real.steps.map((step) => {
    for (const record of step.tables) {
      if (record.id === EventId.labRoot) root = [record];
      else known.set(Array.from(record.cells.subarray(0, 4)).join(" "), record);
    }
    return { ...step, tables: [...root, ...known.values()] };
  });
  expect(compareTraces(real, { ...real, steps }).equal).toBe(true);
});

test("nothing is asked of the tables of a root that was given back", () => {
  const real = load(TRACE);
  const gone = makeRecord(EventId.labRoot, [0, 0, 0, NO_TABLES]);
  const until = (last: number): Trace => ({
    ...real,
    steps: real.steps.map((step) =>
      step.n >= STEP && step.n <= last ? { ...step, tables: [gone] } : step,
    ),
  });
  expect(compareTraces(real, until(real.steps.length)).equal).toBe(true);
  // With another root everything is asked again, though ours told nothing of it.
  const other = edited({ ...real, steps: until(STEP).steps }, STEP + 1, "tables", () => [
    makeRecord(EventId.labRoot, [0, 0, 0, 4]),
  ]);
  expect(compareTraces(real, other)).toMatchObject({ first: { kind: "table", field: "root" } });
});

test("another result is found before what follows from it", () => {
  const real = load("hole_fault.trace");
  const id = EventId.labResult;
  const step = real.steps.find(({ results }) => results.some(({ cells }) => cells[0] === 2));
  const ours = edited(real, step?.n ?? 0, "results", (list) =>
    list.map((record) => withCell(record, at(id, "a"), 22)),
  );
  expect(compareTraces(real, ours)).toMatchObject({
    first: { kind: "result", expected: "RESULT errno=14 exit=0", got: "RESULT errno=22 exit=0" },
  });
});

test("a run's rows in order become the trace they were read from", () => {
  const real = load(TRACE);
  const texts = makeTexts();
  const adapt = makeAdapter(real, { ...real, texts });
  const step = (n: number, plan: string) => makeRecord(EventId.labStep, [n, texts.idOf(plan)]);
  const records = real.steps.flatMap((each) => [
    step(each.n, each.plan),
    ...[...each.events, ...each.results, ...each.pages, ...each.tables].map(adapt),
  ]);
  const run = traceOfRun({
    name: "run",
    forms: real.forms,
    texts,
    records: [...records, step(real.steps.length, "end")],
  });
  expect(verdictLine("run", compareTraces(real, run))).toContain("equal");
});

test("the model's own events are passed over", () => {
  const real = load(TRACE);
  const note = makeRecord(EventId.lockTaken, [0, 0], "kvm_tdp_mmu_page_fault");
  const steps = real.steps.map((step) => ({
    ...step,
    events: step.events.flatMap((record) => [note, record, note]),
  }));
  expect(compareTraces(real, { ...real, steps }).equal).toBe(true);
});

test("a frame that was freed may come back as another page, and only then", () => {
  const real = load(TRACE);
  const id = EventId.kvm_mmu_spte_requested;
  const pfnAt = at(id, "pfn");
  const events = real.steps[STEP]?.events ?? [];
  const earlier = events[1]?.cells[pfnAt] ?? 0;
  // The page of the third fault becomes, in all its records, the frame of the first fault's page.
  const later = events[9]?.cells[pfnAt] ?? 0;
  const take = (record: TraceRecord): TraceRecord => {
    const cells = record.cells.map((cell) => {
      if (cell === later) return earlier;
      return cell >>> 12 === later ? (earlier << 12) | (cell & 0xfff) : cell;
    });
    return { ...record, cells };
  };
  const ours = edited(real, STEP, "events", (list) => list.map(take));
  expect(compareTraces(real, ours)).toMatchObject({ first: { kind: "event", field: "pfn" } });
  const freed = makeRecord(EventId.pageRef, [earlier, 0, -1, 0, PageRefCause.freed]);
  const told = edited(ours, STEP, "events", (list) => list.toSpliced(8, 0, freed));
  const verdict = compareTraces(real, told);
  expect(verdict.equal ? null : verdict.first.kind).not.toBe("event");
});

test("a page that was given back may lie free or be in use again, and only then", () => {
  const name = "dontneed_refault.trace";
  const real = load(name);
  const isFree = ({ id, cells }: TraceRecord): boolean =>
    cells[at(id, "form")] === PageForm.old && cells[at(id, "ref")] === 0;
  const step = real.steps.find(({ pages }) => pages.some(isFree));
  const free = step?.pages.find(isFree);
  if (step === undefined || free === undefined) throw new Error("no page is given back");
  const used = withCell(withCell(free, at(free.id, "ref"), 1), at(free.id, "map"), 1);
  const replaced = (list: TraceRecord[]): TraceRecord[] =>
    list.map((record) => (record === free ? used : record));
  const ours = edited(real, step.n, "pages", replaced);
  expect(compareTraces(real, ours)).toMatchObject({ first: { kind: "page", field: "ref" } });
  const pfn = free.cells[at(free.id, "pfn")] ?? 0;
  const gone = makeRecord(EventId.pageRef, [pfn, 0, -1, 0, PageRefCause.freed]);
  const told = edited(ours, step.n, "events", (list) => [...list, gone]);
  const later = compareTraces(real, told);
  expect(later.equal || later.first.step > step.n).toBe(true);
  // The real page lives on, though no one maps it: then the model may not have given it back.
  const flags = (1 << PAGE_FLAGS.indexOf("anon")) | (1 << PAGE_FLAGS.indexOf("lru"));
  const held = withCell(withCell(free, at(free.id, "ref"), 1), at(free.id, "flags"), flags);
  const kept = edited(real, step.n, "pages", (list) =>
    list.map((record) => (record === free ? held : record)),
  );
  expect(compareTraces(kept, told)).toMatchObject({ first: { kind: "page", step: step.n } });
});

test("an exception that an interrupt made KVM tell twice is one", () => {
  const name = "thp_split_moves_parts.trace";
  const real = load(name, "6.12");
  const id = EventId.kvm_inj_exception;
  const step = real.steps.find(({ events }) => events.some((record) => record.id === id));
  const told = step?.events.find((record) => record.id === id);
  if (step === undefined || told === undefined) throw new Error("no exception is injected");
  const again = withCell(told, at(id, "reinjected"), 1);
  const twice = (record: TraceRecord) =>
    edited(real, step.n, "events", (list) =>
      list.flatMap((one) => (one === told ? [one, record] : [one])),
    );
  expect(compareTraces(twice(again), real).equal).toBe(true);
  expect(compareTraces(real, twice(again)).equal).toBe(false);
  const first = withCell(told, at(id, "reinjected"), 0);
  expect(compareTraces(twice(first), real).equal).toBe(false);
  const other = withCell(again, at(id, "error_code"), 7);
  expect(compareTraces(twice(other), real).equal).toBe(false);
});

test("a table page that was given back may come back as another table", () => {
  const real = load(TRACE);
  const id = EventId.kvm_tdp_mmu_spte_changed;
  const events = real.steps[4]?.events ?? [];
  const frame = (index: number): number => (events[index]?.cells[at(id, "new_spte")] ?? 0) >>> 12;
  const [first, second] = [frame(4), frame(6)];
  const swap = (record: TraceRecord): TraceRecord => ({
    ...record,
    cells: record.cells.map((cell) =>
      cell >>> 12 === second ? (first << 12) | (cell & 0xfff) : cell,
    ),
  });
  const ours = edited(real, 4, "events", (list) => list.map(swap));
  expect(compareTraces(real, ours)).toMatchObject({ first: { kind: "event", field: "new_spte" } });
  const freed = makeRecord(EventId.tablePage, [first, 0, TablePageChange.freed, 3]);
  const told = edited(ours, 4, "events", (list) => list.toSpliced(5, 0, freed));
  const verdict = compareTraces(real, told);
  expect(verdict.equal ? null : verdict.first.kind).not.toBe("event");
});

test("reference changes of a watched page are compared when that is asked for", () => {
  const real = load(TRACE);
  const pfnAt = at(EventId.labPage, "pfn");
  const [lo = 0, hi = 0] = real.steps[STEP]?.pages[0]?.cells.subarray(pfnAt, pfnAt + 2) ?? [];
  const watch = makeRecord(EventId.labWatch, [lo, hi, 0, 0]);
  const refs = [
    [1, 2],
    [2, 1],
  ].map(([a = 0, b = 0]) => makeRecord(EventId.labRef, [lo, hi, a, b, 0]));
  const watching = {
    ...real,
    steps: real.steps.map((step) => {
      if (step.n === STEP) return { ...step, refs: [watch] };
      return step.n === STEP + 1 ? { ...step, refs } : step;
    }),
  };
  const ours = (changes: readonly (readonly [number, number])[]) =>
    edited(real, STEP + 1, "events", (list) => [
      ...list,
      ...changes.map(([delta, count]) =>
        makeRecord(EventId.pageRef, [lo, hi, delta, count, PageRefCause.gupFast], "try_get_page"),
      ),
    ]);
  const compare = (changes: readonly (readonly [number, number])[]) =>
    compareTraces(watching, ours(changes), { references: true });
  expect(
    compare([
      [1, 2],
      [-1, 1],
    ]),
  ).toMatchObject({ equal: true, counts: { references: 2 } });
  expect(compare([[1, 2]])).toMatchObject({ first: { kind: "reference", shape: "missing" } });
  expect(
    compare([
      [1, 2],
      [-1, 2],
    ]),
  ).toMatchObject({
    first: { field: "before", by: "try_get_page", step: STEP + 1 },
  });
  expect(compareTraces(watching, ours([])).equal).toBe(true);
});

test("plans that are not the same are told first", () => {
  const real = load(TRACE);
  const ours = { ...real, steps: real.steps.slice(0, -1) };
  expect(compareTraces(real, ours)).toMatchObject({ first: { kind: "step", got: null } });
});
