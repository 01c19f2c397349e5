// A library in use: runs come whole or not at all, stay as they were, and lose no more than what is
// damaged. The full disk is a limit on pages; damage is written into the chunk rows by a second
// connection.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLibrary, type Library } from "./library.ts";
import { openForReading, openForWriting, type Opened } from "./open.ts";
import { runFilter } from "./run-filter.ts";
import { sampleColumns, sampleId, sampleRun } from "./sample-run.ts";

let folder = "";
let writer: Opened;
let library: Library;

function opened(result: ReturnType<typeof openForWriting>): Opened {
  if (!result.ok) throw new Error(result.failure.message);
  return result.value;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "library-"));
  writer = opened(openForWriting(join(folder, "library.db")));
  library = createLibrary(writer);
});
afterEach(() => {
  library.close();
  rmSync(folder, { recursive: true, force: true });
});

const keyOf = (seed: number): number => library.runs.keyOf(sampleId(seed)) ?? -1;
const titles = (q: string, sort = "title"): string[] =>
  library.runs.list(runFilter(q, sort), 0, 100).rows.map((row) => row.title);

test("a run read back is the run that was committed, window by window", () => {
  const whole = sampleRun(3, 10_000);
  expect(library.commitRun(whole, 77).ok).toBe(true);
  const { text: _text, detail: _detail, ...summary } = whole.run;
  const row = library.runs.read(sampleId(3));
  expect(row?.summary).toMatchObject({
    ...summary,
    createdAt: 77,
    tags: [],
    pinned: false,
    note: "",
  });
  expect(library.findings.readAll(keyOf(3))).toEqual(whole.findings);
  const columns = sampleColumns(3, 10_000);
  for (const [from, count] of [
    [0, 1],
    [4000, 200],
    [4095, 2],
    [8192, 5000],
    [9999, 1],
  ] as const) {
    const window = library.readWindow(keyOf(3), "events", from, count);
    const end = Math.min(from + count, 10_000);
    expect(window.columns).toEqual(columns.map((column) => column.slice(from, end)));
    expect(window).toMatchObject({ rows: end - from, losses: [] });
  }
  expect(library.readWindow(keyOf(3), "events", 10_000, 10).rows).toBe(0);
  expect(library.chunks.streams(keyOf(3))).toEqual([{ stream: "events", rows: 10_000, chunks: 3 }]);
});

test("the same run again changes nothing, and brings a deleted one back", () => {
  library.commitRun(sampleRun(1, 100), 1);
  library.deleted.mark(keyOf(1), 50);
  expect(library.runs.read(sampleId(1))).toBeNull();
  library.commitRun(sampleRun(1, 200, { title: "another" }), 2);
  expect(library.runs.read(sampleId(1))?.summary).toMatchObject({
    title: "sample 1",
    events: 100,
    createdAt: 1,
  });
});

test("a full disk refuses the whole run and keeps the rest", () => {
  library.commitRun(sampleRun(1, 5000), 1);
  library.checkpoint();
  const pages = Number(writer.db.pragma("page_count", { simple: true }));
  writer.db.pragma(`max_page_count = ${pages + 4}`);
  const result = library.commitRun(sampleRun(2, 200_000), 2);
  expect(result).toMatchObject({ ok: false, failure: { code: "disk-full" } });
  expect(writer.db.inTransaction).toBe(false);
  expect(library.runs.keyOf(sampleId(2))).toBeNull();
  expect(
    writer.db.prepare("SELECT count(*) FROM chunks WHERE run <> ?").pluck().get(keyOf(1)),
  ).toBe(0);
  writer.db.pragma("max_page_count = 1000000");
  expect(library.commitRun(sampleRun(2, 200_000), 2).ok).toBe(true);
  expect(library.quickCheck()).toBe("ok");
});

test("a bad chunk is the loss of its rows and of nothing else", () => {
  library.commitRun(sampleRun(4, 20_000), 1);
  const change = writer.db.prepare("UPDATE chunks SET bytes = ? WHERE run = ? AND no = ?");
  const bytes = writer.db.prepare("SELECT bytes FROM chunks WHERE run = ? AND no = ?").pluck();
  const flipped = Buffer.from(bytes.get(keyOf(4), 1) as Buffer);
  flipped[200] = (flipped[200] ?? 0) ^ 16;
  change.run(flipped, keyOf(4), 1);
  change.run((bytes.get(keyOf(4), 3) as Buffer).subarray(0, 100), keyOf(4), 3);
  const window = library.readWindow(keyOf(4), "events", 0, 20_000);
  expect(window.losses.map(({ from, rows }) => [from, rows])).toEqual([
    [4096, 4096],
    [12_288, 4096],
  ]);
  expect(window.losses[0]?.failure.message).toContain(
    "Rows 4,096 to 8,191 of events cannot be read",
  );
  const columns = sampleColumns(4, 20_000);
  for (const [from, to] of [
    [0, 4096],
    [8192, 12_288],
    [16_384, 20_000],
  ] as const) {
    expect(window.columns.map((column) => column.slice(from, to))).toEqual(
      columns.map((column) => column.slice(from, to)),
    );
  }
});

test("labels change, runs do not", () => {
  library.commitRun(sampleRun(1, 10), 1);
  library.labels.change(keyOf(1), {
    title: "mine",
    tags: ["mail", " mail", ""],
    pinned: true,
    note: "see step 3",
  });
  expect(library.runs.read(sampleId(1))?.summary).toMatchObject({
    title: "mine",
    tags: ["mail"],
    pinned: true,
    note: "see step 3",
  });
  library.labels.change(keyOf(1), { title: "sample 1", pinned: false });
  expect(library.runs.read(sampleId(1))?.summary).toMatchObject({
    title: "sample 1",
    tags: ["mail"],
    pinned: false,
  });
  expect(writer.db.prepare("SELECT title FROM run_labels").pluck().get()).toBeNull();
});

test("sweeping removes marked runs with all their rows", () => {
  library.commitRun(sampleRun(1, 5000), 1);
  library.commitRun(sampleRun(2, 5000), 1);
  library.labels.change(keyOf(1), { note: "n" });
  library.deleted.mark(keyOf(1), 10);
  expect(library.deleted.sweep(10)).toBe(0);
  expect(library.deleted.sweep(11)).toBe(1);
  for (const table of ["chunks", "findings", "run_labels", "deleted_runs"]) {
    const left = writer.db.prepare(
      `SELECT count(*) FROM ${table} WHERE run NOT IN (SELECT id FROM runs)`,
    );
    expect([table, left.pluck().get()]).toEqual([table, 0]);
  }
  expect(titles("")).toEqual(["sample 2"]);
});

test("lists are filtered by words and columns, sorted, and cut into windows", () => {
  library.commitRun(sampleRun(1, 30, { title: "lab-tail", lookup: "V0", verdict: "refuses" }), 3);
  library.commitRun(
    sampleRun(2, 20, { title: "lab_100%", lookup: "V3", verdict: "wrong page" }),
    2,
  );
  library.commitRun(sampleRun(3, 10, { title: "hole", lookup: "V3", kernel: "7.2" }), 1);
  library.labels.change(keyOf(3), { tags: ["mail"], pinned: true });
  expect(titles("lab")).toEqual(["lab-tail", "lab_100%"]);
  expect(titles("lab_")).toEqual(["lab_100%"]);
  expect(titles("100%")).toEqual(["lab_100%"]);
  expect(titles('lookup:v3 verdict:"wrong page"')).toEqual(["lab_100%"]);
  expect(titles("-lookup:V3")).toEqual(["lab-tail"]);
  expect(titles("tag:MAIL kernel:7.2")).toEqual(["hole"]);
  expect(titles("is:pinned")).toEqual(["hole"]);
  expect(titles("", "-events")).toEqual(["lab-tail", "lab_100%", "hole"]);
  expect(titles("", "when")).toEqual(["hole", "lab_100%", "lab-tail"]);
  expect(titles("'; DROP TABLE runs; --", "title; DROP TABLE runs")).toEqual([]);
  expect(library.runs.list(runFilter("", "-events"), 1, 1)).toMatchObject({
    total: 3,
    rows: [{ title: "lab_100%" }],
  });
});

test("a reader beside the writer sees whole runs only", () => {
  const reader = createLibrary(opened(openForReading(join(folder, "library.db"))));
  expect(reader.runs.count()).toBe(0);
  library.commitRun(sampleRun(1, 5000), 1);
  expect(reader.runs.count()).toBe(1);
  expect(reader.attempt(() => reader.deleted.mark(1, 1))).toMatchObject({
    ok: false,
    failure: { code: "read-only-library" },
  });
  reader.close();
});

test("ids are found by their beginning", () => {
  library.commitRun(sampleRun(0xab, 10), 1);
  library.commitRun(sampleRun(0xac, 10), 1);
  expect(library.runs.idsWithPrefix(sampleId(0xab))).toEqual([sampleId(0xab)]);
  expect(library.runs.idsWithPrefix("00000000000000a")).toHaveLength(2);
  expect(library.runs.idsWithPrefix("f")).toEqual([]);
});
