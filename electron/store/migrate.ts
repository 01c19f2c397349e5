// Brings a library forward, one schema version at a time, each in its own transaction; never back.
// A library with content is copied beside itself before its first step; a copy is never
// overwritten. Adding a version: one file in migrations/, one line in STEPS, one saved database in
// fixtures/runs.
import { existsSync } from "node:fs";
import type Database from "better-sqlite3";
import { APPLICATION_ID } from "./limits.ts";
import { RUNS } from "./migrations/0001-runs.ts";
import { SCENARIOS } from "./migrations/0002-scenarios.ts";

const STEPS = [RUNS, SCENARIOS];
export const SCHEMA_VERSION = STEPS.length;
const MAX_BACKUPS = 1000;

export function readVersion(db: Database.Database): number {
  return Number(db.pragma("user_version", { simple: true }));
}

/** The name of a copy that does not exist yet: library.db.v1.backup, library.db.v1-2.backup … */
function backupPath(path: string, version: number): string {
  for (let n = 1; n <= MAX_BACKUPS; n++) {
    const candidate = `${path}.v${version}${n === 1 ? "" : `-${n}`}.backup`;
    if (!existsSync(candidate)) return candidate;
  }
  throw new RangeError(`more than ${MAX_BACKUPS} backup copies beside ${path}`);
}

/** Steps from the version found to `target`; the result names the backup copy, "" without one. */
export function migrate(db: Database.Database, path: string, target = SCHEMA_VERSION): string {
  const found = readVersion(db);
  if (found >= target) return "";
  let backup = "";
  if (found > 0) {
    backup = backupPath(path, found);
    db.prepare("VACUUM INTO ?").run(backup);
  }
  for (let version = found; version < target; version++) stepTo(db, version + 1);
  return backup;
}

function stepTo(db: Database.Database, version: number): void {
  const step = STEPS[version - 1];
  if (step === undefined) throw new RangeError(`no migration to version ${version}`);
  const apply = db.transaction(() => {
    // Another process may have taken this step while this one waited for the lock.
    if (readVersion(db) >= version) return;
    db.exec(step);
    db.pragma(`user_version = ${version}`);
    db.pragma(`application_id = ${APPLICATION_ID}`);
  });
  apply.immediate();
}
