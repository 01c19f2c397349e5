// Which files are opened and which are refused, and that a refused file keeps every byte.
// Refused are: noise, damage, newer schemas, and databases of other programs.
// Migration is tested from the saved database of each earlier schema version.
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLibrary } from "./library.ts";
import { APPLICATION_ID } from "./limits.ts";
import { SCHEMA_VERSION } from "./migrate.ts";
import { check, openForeign, openForReading, openForWriting, type Opened } from "./open.ts";
import { runFilter } from "./run-filter.ts";
import { sampleColumns, sampleId, sampleRun } from "./sample-run.ts";

let folder = "";
let path = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "library-"));
  path = join(folder, "library.db");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function opened(result: ReturnType<typeof openForWriting>): Opened {
  if (!result.ok) throw new Error(result.failure.message);
  return result.value;
}

const messageOf = (result: ReturnType<typeof openForWriting>): string =>
  result.ok ? "" : result.failure.message;

function makeLibrary(change: (db: Database.Database) => void = () => {}): Buffer {
  const library = createLibrary(opened(openForWriting(path)));
  library.commitRun(sampleRun(1, 9000), 1000);
  library.close();
  const db = new Database(path);
  change(db);
  db.pragma("wal_checkpoint(TRUNCATE)");
  db.close();
  return readFileSync(path);
}

test("a new library has the settings it was measured with", () => {
  const { db } = opened(openForWriting(path));
  const pragma = (name: string): unknown => db.pragma(name, { simple: true });
  expect(pragma("page_size")).toBe(8192);
  expect(pragma("journal_mode")).toBe("wal");
  expect(pragma("synchronous")).toBe(2);
  expect(pragma("foreign_keys")).toBe(1);
  expect(pragma("user_version")).toBe(SCHEMA_VERSION);
  expect(pragma("application_id")).toBe(APPLICATION_ID);
  const strict = db.prepare(
    "SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite%'",
  );
  expect(strict.all().every((table) => (table as { strict: number }).strict === 1)).toBe(true);
  db.close();
});

test("an older library is copied and brought forward with everything in it", () => {
  copyFileSync(join(import.meta.dirname, "../../fixtures/runs/library-v1.sqlite"), path);
  const before = readFileSync(path);
  expect(openForReading(path)).toMatchObject({ ok: false, failure: { code: "older-library" } });
  const library = createLibrary(opened(openForWriting(path)));
  expect(library.backup).toBe(`${path}.v1.backup`);
  const row = library.runs.read(sampleId(7));
  expect(row?.summary).toMatchObject({
    title: "an old run",
    tags: ["mail"],
    pinned: true,
    note: "kept",
    events: 500,
  });
  expect(library.readWindow(row?.key ?? 0, "events", 0, 500).columns).toEqual(
    sampleColumns(7, 500),
  );
  expect(library.findings.readAll(row?.key ?? 0)).toEqual(sampleRun(7, 1).findings);
  expect(library.settings.readAll()).toEqual({ theme: "dark" });
  library.scenarios.put({ name: "new", text: "x", savedAt: 1 });
  library.close();
  const copy = new Database(`${path}.v1.backup`, { readonly: true });
  expect(copy.pragma("user_version", { simple: true })).toBe(1);
  expect(copy.prepare("SELECT count(*) FROM runs").pluck().get()).toBe(1);
  copy.close();
  expect(before.length).toBeGreaterThan(0);
  // A second step never writes over the first copy.
  copyFileSync(join(import.meta.dirname, "../../fixtures/runs/library-v1.sqlite"), path);
  const again = opened(openForWriting(path));
  expect(again.backup).toBe(`${path}.v1-2.backup`);
  again.db.close();
});

test("a newer library is refused and not one byte changes", () => {
  const before = makeLibrary((db) => db.pragma(`user_version = ${SCHEMA_VERSION + 1}`));
  for (const open of [openForWriting, openForReading, openForeign]) {
    const result = open(path);
    expect(result).toMatchObject({ ok: false, failure: { code: "newer-library" } });
    expect(messageOf(result)).toContain("library.db was made by a newer version");
  }
  expect(readFileSync(path).equals(before)).toBe(true);
  expect(readdirSync(folder).filter((name) => name.endsWith("backup"))).toEqual([]);
});

test("random bytes, text, and another program's database are refused untouched", () => {
  const noise = Buffer.from(Uint8Array.from({ length: 20_000 }, (_, n) => (n * 7919) >> 3));
  const headOnly = Buffer.concat([Buffer.from("SQLite format 3\0"), noise]);
  for (const bytes of [noise, headOnly, Buffer.from("faultline: 1\n")]) {
    writeFileSync(path, bytes);
    for (const open of [openForWriting, openForReading, openForeign]) {
      expect(messageOf(open(path))).toMatch(
        /library\.db (is not a database|is damaged|failed its check)/,
      );
    }
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(readdirSync(folder)).toEqual(["library.db"]);
  }
  rmSync(path);
  const other = new Database(path);
  other.exec("CREATE TABLE bookmarks (url TEXT)");
  other.close();
  const before = readFileSync(path);
  expect(openForWriting(path)).toMatchObject({ ok: false, failure: { code: "not-a-library" } });
  expect(readFileSync(path).equals(before)).toBe(true);
});

test("a library cut in the middle, or with a wiped page, is refused untouched", () => {
  const whole = makeLibrary();
  const wiped = Buffer.from(whole);
  wiped.fill(0xff, 8192, 2 * 8192);
  for (const bytes of [whole.subarray(0, whole.length - 3 * 8192 - 100), wiped]) {
    writeFileSync(path, bytes);
    const result = openForWriting(path);
    expect(result).toMatchObject({ ok: false, failure: { code: "damaged-library" } });
    expect(readFileSync(path).equals(bytes)).toBe(true);
  }
});

test("a folder in place of the file, and a missing file for reading, say so", () => {
  expect(openForWriting(folder)).toMatchObject({ ok: false });
  expect(openForReading(join(folder, "none.db"))).toMatchObject({
    ok: false,
    failure: { code: "cannot-open" },
  });
});

test("a file from a stranger is opened for reading alone", () => {
  makeLibrary();
  const before = readFileSync(path);
  const { db } = opened(openForeign(path));
  expect(db.readonly).toBe(true);
  expect(db.pragma("trusted_schema", { simple: true })).toBe(0);
  expect(() => db.exec("DELETE FROM runs")).toThrow(/readonly/);
  expect(createLibrary({ db, path, backup: "" }).runs.list(runFilter("", ""), 0, 9).total).toBe(1);
  db.close();
  expect(check(path)).toEqual({ ok: true, value: SCHEMA_VERSION });
  expect(readFileSync(path).equals(before)).toBe(true);
});
