// Runs through the whole house: scenario text in, a stored run out, the views' questions answered.
// Real workers on the sources; each output is checked by the contract's schema.
// From: the scenarios that come with the program, and the real traces of the same steps.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Input, type Item, type Method, methods, type Output } from "#shared/contract/methods";
import { SECTIONS } from "#shared/contract/report";
import { createServices, type RunningServices } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "run-services-"));
const fixturesDir = join(import.meta.dirname, "../../fixtures");
const labTail = readFileSync(join(fixturesDir, "scenarios/lab-tail.yaml"), "utf8");
let services: RunningServices;

const open = (): Promise<RunningServices> =>
  createServices({
    libraryPath: join(folder, "library.db"),
    workerDir: join(import.meta.dirname, "../workers"),
    workerExt: ".ts",
    fixturesDir,
    kind: "cli",
  });

beforeAll(async () => {
  services = await open();
});
afterAll(async () => {
  await services.close();
  rmSync(folder, { recursive: true, force: true });
});

async function call<M extends Method>(
  method: M,
  input: Input<M>,
  signal = new AbortController().signal,
): Promise<Output<M>> {
  const emit = async (item: Item<M>): Promise<void> => {
    const table = methods[method];
    if ("item" in table) table.item.parse(item);
  };
  const output = await services.handlers[method](input, { signal, emit });
  methods[method].output.parse(output);
  return output;
}

const REQUEST: Input<"runs.start"> = {
  text: labTail,
  scenario: "lab-tail.yaml",
  kernel: "6.12",
  mode: "tdp",
  lookup: "V0",
  schedule: "",
  spans: true,
};

const start = (change: Partial<Input<"runs.start">> = {}): Promise<Output<"runs.start">> =>
  call("runs.start", { ...REQUEST, ...change });

test("V0 refuses lab-tail, V3 maps it; the same inputs give the stored run", async () => {
  const refused = await start();
  expect(refused).toMatchObject({ known: false, run: { verdict: "refuses", state: "complete" } });
  expect(refused.run.sentence).toBe("V0 refuses the tail page with EFAULT.");
  const again = await start({ scenario: "another name.yaml", text: `# a comment\n${labTail}` });
  expect(again).toEqual({ run: refused.run, known: true });
  const mapped = await start({ kernel: "7.2", lookup: "V3" });
  expect(mapped).toMatchObject({ known: false, run: { verdict: "maps" } });
  expect(mapped.run.id).not.toBe(refused.run.id);
  expect(mapped.run.scenarioDigest).toBe(refused.run.scenarioDigest);
});

test("every expectation of lab-tail is met", async () => {
  const { run } = await start();
  const detail = await call("runs.get", { id: run.id.slice(0, 6) });
  expect(detail.expectations.filter(({ met }) => met === false)).toEqual([]);
  expect(detail.stepRows.map(({ line }) => line)).toContain("gread D+1p");
  expect(detail).toMatchObject({ canReplay: true, whyNotReplay: "", hasSpans: true });
  expect(detail.pages).toMatchObject([
    { name: "a", kind: "PT" },
    { name: "b", kind: "PT" },
  ]);
});

test("a run of a real trace's steps is held to it, event by event", async () => {
  for (const change of [{}, { kernel: "7.2", lookup: "V3" }] as const) {
    const { run } = await start(change);
    const { findings } = await call("runs.get", { id: run.id });
    expect(findings[0]).toMatchObject({ rule: "real", verdict: null });
    expect(findings[0]?.sentence).toMatch(/^Equal to Linux [67]\.\d+\.\d+ in every event/);
    const { rows } = await call("runs.events", { id: run.id, from: 0, count: 5000, filter: "" });
    const wrong = rows.filter(({ tracepoint, equal }) => (equal === "equal") !== tracepoint);
    expect(wrong).toEqual([]);
  }
  const { run } = await start({ lookup: "V3" });
  const { findings } = await call("runs.get", { id: run.id });
  expect(findings[0]?.sentence).toContain("no real trace to hold it to");
});

test("shadow paging: walk, table, reverse map and cause go by the guest's addresses", async () => {
  const { run } = await start({ mode: "npt0", lookup: "V3", kernel: "7.2" });
  const { id, events: event } = run;
  const { findings, stepRows } = await call("runs.get", { id });
  expect(findings[0]?.sentence).toMatch(/^Equal to Linux 7\.2\.\d+ in every event/);
  expect(findings[1]?.sentence).toBe("4 rules hold at every tick; I1 is not asked.");
  const read = stepRows.find(({ line }) => line === "gread D+1p");
  const at = (read?.firstEvent ?? 0) + (read?.eventCount ?? 0) - 1;
  const found = await call("state.walk", { id, event: at, vcpu: 0, gva: null });
  expect(found.trees.map(({ key, address }) => `${key} ${address}`)).toEqual([
    "guest gva 40001000",
    "shadow gva 40001000",
    expect.stringMatching(/^host hva /),
  ]);
  const leaf = found.trees[1]?.levels.at(-1);
  const table = { tree: "shadow" as const, table: leaf?.table ?? "", level: 1 };
  const whole = await call("state.table", { id, event: at, vcpu: 0, ...table });
  expect(whole).toMatchObject({ coversFrom: "40000000", space: "gva", note: "" });
  const { facts } = await call("state.page", { id, event: at, page: "b" });
  expect(facts.mappedBy[0]).toMatchObject({ tree: "shadow", address: "40001000", gfn: 0x10001 });
  const place = { kind: "entry" as const, ...table, index: 1 };
  const why = await call("state.why", { id, event: at, place });
  expect(why.title).toMatch(/^Shadow L1 \[001\] = 0x/);
  const links = why.chain.map(({ sentence }) => sentence);
  expect(links[0]).toMatch(/^wrote the entry/);
  expect(links).toContain("the frame is kept, no reference is taken");
  expect(links.at(-1)).toBe("Step 0: back B lab-tail 64k");
  const gone = await call("state.walk", { id, event, vcpu: 0, gva: "40001000" });
  expect(gone.ends).toMatchObject({ tree: "shadow" });
});

test("a report tells the lookup that decided, not that of the pages mapped ahead", async () => {
  const { run } = await start({ mode: "npt0", lookup: "V3", kernel: "7.2" });
  const sections = [...SECTIONS];
  const asked = { runs: [run.id], title: "", note: "", sections, form: "text" as const };
  const { content } = await call("report.make", asked);
  expect(content.replaceAll(/\s+/g, " ")).toMatch(
    /Step 7, gread D\+1p\. Event \d+: resolve hva 0x7e0000001000 .* a pfn is found/,
  );
});

test("a shadow entry is explained by the guest's entry as well, in the order of time", async () => {
  const setup = "setup: [back B touched 64k, slot 1 P B 64k, boot]";
  const text = `faultline: 1\n${setup}\nsteps: [gpte D+1p P+2p pwuad, gread D+1p]\n`;
  const { run } = await start({ text, mode: "npt0" });
  const at = { id: run.id, event: run.events, vcpu: 0, gva: null };
  const leaf = (await call("state.walk", at)).trees[1]?.levels.at(-1);
  const place = { kind: "entry", tree: "shadow", level: 1, table: leaf?.table ?? "" } as const;
  const { chain } = await call("state.why", { ...at, place: { ...place, index: 1 } });
  expect(chain.filter(({ sentence }) => sentence.includes("the guest's entry"))).toMatchObject([
    { sentence: expect.stringContaining("at gpa 0x8008"), step: 3, new: "10002067" },
  ]);
  const ticks = chain.map(({ tick }) => tick);
  expect(ticks).toEqual(ticks.toSorted((one, other) => other - one));
  expect(chain.at(-1)?.isInput).toBe(true);
});

test("shadow runs are compared by gva, one with a TDP run by the gfns of its pages", async () => {
  const shadow = { mode: "npt0", lookup: "V3" } as const;
  const a = (await start({ ...shadow, kernel: "6.12" })).run.id;
  const b = (await start({ ...shadow, kernel: "7.2" })).run.id;
  const c = (await start({ lookup: "V3", kernel: "7.2" })).run.id;
  const both = await call("compare.tables", { a, b, eventA: 0, eventB: 0 });
  expect(both.space).toBe("gva");
  expect(both.rows.map(({ level, address }) => `${level} ${address}`)).toContain("2 40000000");
  const mixed = await call("compare.tables", { a: b, b: c, eventA: 0, eventB: 0 });
  expect(mixed.space).toBe("gfn");
  expect(mixed.rows.some((row) => row.a?.state === "T" || row.b?.state === "T")).toBe(false);
  const data = mixed.rows.filter((row) => row.a !== null && row.b !== null);
  expect(data.map(({ gfn }) => gfn)).toContain(0x1);
  expect(data.every((row) => row.address === (row.gfn * 4096).toString(16))).toBe(true);
});

test("event rows come by window and by filter", async () => {
  const { run } = await start();
  const all = await call("runs.events", { id: run.id, from: 0, count: 5000, filter: "" });
  expect(all.total).toBe(run.events);
  expect(all.rows.map(({ n }) => n)).toEqual(all.rows.map((_, at) => at + 1));
  const references = await call("runs.events", { id: run.id, from: 1, count: 2, filter: "kind:R" });
  const expected = all.rows.filter(({ kind }) => kind === "R");
  expect(references.rows).toEqual(expected.slice(1, 3));
  expect(references.total).toBe(expected.length);
  const third = expected[2];
  const place = await call("runs.locate", { id: run.id, n: third?.n ?? 0, filter: "kind:R" });
  expect(place.index).toBe(2);
});

test("what cannot be run is refused with its place and leaves nothing", async () => {
  const before = await call("runs.list", { q: "", sort: "", from: 0, count: 10 });
  await expect(start({ text: "faultline: 1\nsteps:\n  - fly\n" })).rejects.toMatchObject({
    code: "bad-scenario",
    message: expect.stringMatching(/^lab-tail\.yaml:3:5: /),
  });
  const verbs = "faultline: 1\nsetup: [boot]\nsteps:\n  - msr 0x4b564d01 1\n";
  await expect(start({ text: verbs })).rejects.toMatchObject({
    code: "not-simulated",
    message: expect.stringMatching(/^lab-tail\.yaml:4:\d+: "msr" is not simulated yet/),
  });
  await expect(start({ lookup: "V1" })).rejects.toMatchObject({ code: "not-simulated" });
  await expect(start({ kernel: "9.9" })).rejects.toMatchObject({ code: "unknown-kernel" });
  await expect(start({ schedule: "schedule/1 v0**" })).rejects.toMatchObject({
    code: "bad-schedule",
  });
  expect(await call("runs.list", { q: "", sort: "", from: 0, count: 10 })).toEqual(before);
});

test("a stopped run leaves no row", async () => {
  const list = { q: "", sort: "", from: 0, count: 10 };
  const before = await call("runs.list", list);
  const touches = "  - gtouch D+0 16384 w\n".repeat(200);
  const setup = "setup:\n  - back A anon 64M\n  - slot 1 P A 64M\n  - boot\n";
  const stop = new AbortController();
  const emit = async (): Promise<void> => stop.abort(); // it is under way
  const request = { ...REQUEST, text: `faultline: 1\ntitle: long\n${setup}steps:\n${touches}` };
  const running = services.handlers["runs.start"](request, { signal: stop.signal, emit });
  await expect(running).rejects.toMatchObject({ code: "cancelled" });
  expect((await call("runs.list", list)).rows).toEqual(before.rows);
});

test("the timeline has lanes with blocks, marks and bins, in all three units", async () => {
  const { run } = await start();
  const row = (await call("runs.get", { id: run.id })).stepRows.find(({ n }) => n === 7);
  const ends = { time: "number", event: run.events, tick: run.ticks } as const;
  for (const unit of ["time", "event", "tick"] as const) {
    const whole = await call("runs.timeline", { id: run.id, unit, from: 0, to: 0, bins: 200 });
    expect(whole.from).toBe(0);
    expect([whole.end, "number"]).toContain(unit === "time" ? "number" : ends[unit]);
    const lane = (key: string) => whole.lanes.find((one) => one.key === key);
    const counted = ["vcpu0", "host"].map((key) => sum(lane(key)?.counts));
    expect(counted[0] ?? 0).toBeGreaterThan(0);
    expect((counted[0] ?? 0) + (counted[1] ?? 0)).toBe(run.events);
    expect(lane("locks")?.blocks.length).toBeGreaterThan(0);
    expect(lane("page b")?.line?.value.at(-1)).toBe(0);
    const step = whole.steps.find(({ n }) => n === 7);
    const starts = { event: row?.firstEvent, tick: row?.firstTick, time: step?.from };
    expect(step).toMatchObject({ line: "gread D+1p", from: starts[unit] });
  }
  const part = await call("runs.timeline", {
    id: run.id,
    unit: "event",
    from: 100,
    to: 120,
    bins: 20,
  });
  expect(sum(part.lanes.find(({ key }) => key === "vcpu0")?.counts)).toBe(21);
});

const sum = (counts: Uint32Array = new Uint32Array(0)): number =>
  counts.reduce((total, count) => total + count, 0);

test("the machine is shown at any event: walk, table, page, locks, cause", async () => {
  const { run } = await start({ kernel: "7.2", lookup: "V3" });
  const { stepRows } = await call("runs.get", { id: run.id });
  const step = stepRows.find(({ n }) => n === 7);
  const last = (step?.firstEvent ?? 0) + (step?.eventCount ?? 0) - 1;
  const where = { id: run.id, event: last, vcpu: 0 };
  const before = await call("state.walk", {
    ...where,
    event: step?.firstEvent ?? 0,
    gva: "40001000",
  });
  expect(before.ends).toMatchObject({ tree: "tdp" });
  const walk = await call("state.walk", { ...where, gva: null });
  expect(walk).toMatchObject({
    gva: "40001000",
    gfn: 0x10001,
    ends: null,
    page: { name: "b", raw: 0, kind: "PT" },
  });
  const leaf = walk.trees.find(({ key }) => key === "tdp")?.levels.at(-1);
  const entry = leaf?.entries.find(({ index }) => index === leaf.index);
  const table = { tree: "tdp", table: leaf?.table ?? "", level: 1 } as const;
  const full = await call("state.table", { ...where, ...table });
  expect(full.coversFrom).toBe("10000000");
  expect(full.states[leaf?.index ?? 0]).toBe(2); // writable
  const decoded = await call("state.decode", {
    kernel: "7.2",
    ...table,
    value: entry?.value ?? "",
  });
  expect(decoded).toMatchObject({ state: "W", value: entry?.value });
  const why = await call("state.why", {
    id: run.id,
    event: last,
    place: {
      kind: "entry",
      tree: "tdp",
      level: 1,
      table: leaf?.table ?? "",
      index: leaf?.index ?? 0,
    },
  });
  expect(why.title).toContain("TDP L1 [001] = 0x");
  expect(why.chain.at(-1)).toMatchObject({ isInput: true, step: 0 });
  const machine = await call("state.machine", { id: run.id, event: last });
  expect(machine.slots.map(({ id }) => id)).toEqual([0, 1]);
  expect(machine.threads).toMatchObject([{ name: "steps" }]);
});

test("a page is found by name or number, with its ledger and its curve", async () => {
  const { run } = await start({
    text: readFileSync(join(fixturesDir, "scenarios/anon-first-touch.yaml"), "utf8"),
  });
  const { pages } = await call("runs.get", { id: run.id });
  const page = await call("state.page", {
    id: run.id,
    event: run.events,
    page: pages[0]?.name ?? "",
  });
  expect(page.ledger.length).toBeGreaterThan(0);
  expect(page.curve.count.at(-1)).toBe(page.ledger.at(-1)?.count);
  const number = `pfn:${page.facts.pfn.toString(16)}`;
  expect(await call("state.page", { id: run.id, event: run.events, page: number })).toEqual(page);
  const count = { kind: "page", pfn: page.facts.pfn, field: "ref" } as const;
  const why = await call("state.why", { id: run.id, event: run.events, place: count });
  expect(why.chain[0]).toMatchObject({ event: page.ledger.at(-1)?.event });
  await expect(call("state.page", { id: run.id, event: 1, page: "zz" })).rejects.toMatchObject({
    code: "no-such-page",
  });
});

test("profiles: a tree, a difference of two, and text for other tools", async () => {
  const a = await start();
  const b = await start({ kernel: "7.2", lookup: "V3" });
  const part = { by: "est", withInlined: false } as const;
  const whole = { ...part, fromEvent: 0, toEvent: 0, merged: true };
  const { tree } = await call("profile.tree", { id: a.run.id, ...whole });
  const detail = await call("runs.get", { id: a.run.id });
  expect(tree.total[0]).toBeCloseTo(detail.estimatedNs);
  const difference = await call("profile.difference", { a: a.run.id, b: b.run.id, ...part });
  expect(difference.totalA[0]).toBeCloseTo(detail.estimatedNs);
  for (const form of ["folded", "speedscope", "chrome"] as const) {
    const made = await call("profile.export", { id: a.run.id, by: "est", form });
    expect(made.name).toMatch(/^lab-tail-[0-9a-f]{6}\./);
    expect(made.text).toContain("kvm_tdp_mmu_map");
  }
});

test("a comparison says where V0 and V3 part, row by row and table by table", async () => {
  const a = await start();
  const b = await start({ kernel: "7.2", lookup: "V3" });
  const pair = { a: a.run.id, b: b.run.id };
  const found = await call("compare.runs", pair);
  expect(found.sentence).toMatch(
    /^A refuses with EFAULT at event \d+\. B maps the tail page and takes no reference\.$/,
  );
  expect(found).toMatchObject({ sameScenario: true, firstDifference: found.differences[0] });
  const { rows, total } = await call("compare.rows", { ...pair, from: 0, count: 2000 });
  expect(total).toBe(found.rows);
  expect(rows.filter(({ mark }) => mark === "=")).toHaveLength(found.equal);
  expect(rows.findIndex(({ mark }) => mark !== "=" && mark !== "≈")).toBe(found.firstDifference);
  const tables = await call("compare.tables", { ...pair, eventA: 0, eventB: 0 });
  expect(tables.total).toBe(tables.rows.length);
  const { text } = await call("compare.text", pair);
  expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(72);
});

test("a report is one file without outside references, or 72 columns of text", async () => {
  const a = await start();
  const b = await start({ kernel: "7.2", lookup: "V3" });
  const request = {
    runs: [a.run.id, b.run.id],
    title: "",
    note: "a <b> note",
    sections: [...SECTIONS],
  };
  const html = await call("report.make", { ...request, form: "html" });
  expect(html).toMatchObject({ cut: "", bytes: Buffer.byteLength(html.content) });
  expect(html.name).toMatch(/^lab-tail-[0-9a-f]{6}-[0-9a-f]{6}\.html$/);
  expect(html.content).toContain("A refuses with EFAULT");
  expect(html.content).toContain("a &lt;b&gt; note");
  expect(html.content).toContain("STEP 7 gread D+1p");
  expect(html.content).not.toMatch(/(src|href)="(https?:)?\/\//);
  expect(await call("report.make", { ...request, form: "html" })).toEqual(html);
  // A scenario is quoted as it is, however wide.
  const sections = SECTIONS.filter((section) => section !== "scenario");
  const text = await call("report.make", { ...request, sections, form: "text" });
  expect(Math.max(...text.content.split("\n").map((line) => line.length))).toBeLessThanOrEqual(72);
});

test("a run of another engine version shows its stored events and says why not more", async () => {
  const text = readFileSync(join(fixturesDir, "scenarios/hole-fault.yaml"), "utf8");
  const { run } = await start({ text, scenario: "hole-fault.yaml" });
  const window = { id: run.id, from: 0, count: 5000, filter: "" };
  const before = await call("runs.events", window);
  await services.close();
  const library = new Database(join(folder, "library.db"));
  library.prepare("UPDATE runs SET engine = '0' WHERE digest = ?").run(run.id);
  library.close();
  services = await open();
  const detail = await call("runs.get", { id: run.id });
  expect(detail).toMatchObject({ canReplay: false, engine: "0" });
  expect(detail.whyNotReplay).toContain("Made by engine 0");
  const after = await call("runs.events", window);
  expect(after.rows.map((row) => ({ ...row, equal: "none" }))).toEqual(
    before.rows.map((row) => ({ ...row, equal: "none" })),
  );
  const walk = call("state.walk", { id: run.id, event: 1, vcpu: 0, gva: null });
  await expect(walk).rejects.toMatchObject({ code: "cannot-replay" });
});

test("another text of the same schedule is the same run", async () => {
  const first = await start();
  const again = await start({ schedule: "schedule/1 steps*3 steps! # to the end" });
  expect(again).toEqual({ run: first.run, known: true });
});
