// Opens a library file: its own for writing, its own for reading, or a stranger's for a look.
// Promises: a file that is no library, is damaged, or comes from a newer version is refused and not
// one byte changes.
// From: SQLite's file format (header magic), and the settings measured for this kind of load.
import { closeSync, existsSync, mkdirSync, openSync, readSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import Database from "better-sqlite3";
import { bad, failureOf, good, type Result } from "./failure.ts";
import { APPLICATION_ID, BUSY_TIMEOUT_MS, CHECK_AT_OPEN_BYTES, PAGE_SIZE } from "./limits.ts";
import { migrate, readVersion, SCHEMA_VERSION } from "./migrate.ts";

export interface Opened {
  readonly db: Database.Database;
  readonly path: string;
  /** Copy made before a migration, "" when there was none. */
  readonly backup: string;
}

const MAGIC = Buffer.from("SQLite format 3\0", "latin1");

/** For the one writer: creates the file when it is missing, migrates it when it is older. */
export function openForWriting(path: string): Result<Opened> {
  return guarded(path, () => {
    mkdirSync(dirname(path), { recursive: true });
    const isNew = !existsSync(path) || statSync(path).size === 0;
    if (!isNew) {
      const checked = check(path);
      if (!checked.ok) return checked;
    }
    const db = new Database(path, { timeout: BUSY_TIMEOUT_MS });
    return closingOnThrow(db, () => {
      if (isNew) db.pragma(`page_size = ${PAGE_SIZE}`);
      configure(db);
      db.pragma("journal_mode = WAL");
      db.pragma("wal_autocheckpoint = 4000");
      return good({ db, path, backup: migrate(db, path) });
    });
  });
}

/** For readers beside the writer, in any thread or process. */
export function openForReading(path: string): Result<Opened> {
  return guarded(path, () => {
    const db = new Database(path, {
      readonly: true,
      fileMustExist: true,
      timeout: BUSY_TIMEOUT_MS,
    });
    return closingOnThrow(db, () => {
      configure(db);
      const version = readVersion(db);
      if (version !== SCHEMA_VERSION) {
        db.close();
        return wrongVersion(path, version);
      }
      return good({ db, path, backup: "" });
    });
  });
}

/** For a file from somebody else: read-only, checked whole, its schema never trusted. */
export function openForeign(path: string): Result<Opened> {
  return guarded(path, () => {
    const checked = check(path, Number.POSITIVE_INFINITY);
    if (!checked.ok) return checked;
    if (checked.value !== SCHEMA_VERSION) return wrongVersion(path, checked.value);
    const db = new Database(path, {
      readonly: true,
      fileMustExist: true,
      timeout: BUSY_TIMEOUT_MS,
    });
    return closingOnThrow(db, () => {
      db.pragma("trusted_schema = 0");
      configure(db);
      return good({ db, path, backup: "" });
    });
  });
}

/** Looks at a file without changing it; the result is its schema version. */
export function check(path: string, checkBytes = CHECK_AT_OPEN_BYTES): Result<number> {
  const file = basename(path);
  return guarded(path, () => {
    if (!hasMagic(path)) {
      return bad(
        "not-a-database",
        `${file} is not a database. Nothing was changed. Choose another file.`,
      );
    }
    const db = new Database(path, {
      readonly: true,
      fileMustExist: true,
      timeout: BUSY_TIMEOUT_MS,
    });
    try {
      db.pragma("trusted_schema = 0");
      return checkOpen(db, path, checkBytes);
    } finally {
      db.close();
    }
  });
}

function checkOpen(db: Database.Database, path: string, checkBytes: number): Result<number> {
  const file = basename(path);
  const version = readVersion(db);
  const application = Number(db.pragma("application_id", { simple: true }));
  const tables = Number(db.prepare("SELECT count(*) FROM sqlite_schema").pluck().get());
  if (application !== APPLICATION_ID && tables > 0) {
    return bad(
      "not-a-library",
      `${file} belongs to another program. Nothing was changed. Choose another file.`,
    );
  }
  if (version > SCHEMA_VERSION) return wrongVersion(path, version);
  if (statSync(path).size <= checkBytes) {
    const verdict = String(db.pragma("quick_check(1)", { simple: true }));
    if (verdict !== "ok") {
      const place = verdict.replaceAll(/\s+/g, " ").slice(0, 120);
      return bad(
        "damaged-library",
        `${file} failed its check: ${place}. Nothing was changed. ` +
          "Restore a backup copy, or start with a new library.",
      );
    }
  }
  return good(version);
}

function wrongVersion(path: string, version: number): ReturnType<typeof bad> {
  const file = basename(path);
  if (version > SCHEMA_VERSION) {
    return bad(
      "newer-library",
      `${file} was made by a newer version: its schema is ${version}, and ` +
        `this version reads up to ${SCHEMA_VERSION}. ` +
        "Nothing was changed. Install the newer version, or choose another file.",
    );
  }
  return bad(
    "older-library",
    `${file} has schema ${version}; ${SCHEMA_VERSION} is needed here. ` +
      "Open it for writing once to bring it forward.",
  );
}

function configure(db: Database.Database): void {
  db.pragma("synchronous = FULL");
  db.pragma("foreign_keys = ON");
  db.pragma("temp_store = MEMORY");
  db.pragma("mmap_size = 268435456");
}

function hasMagic(path: string): boolean {
  const head = Buffer.alloc(MAGIC.length);
  const handle = openSync(path, "r");
  try {
    return readSync(handle, head, 0, head.length, 0) === head.length && head.equals(MAGIC);
  } finally {
    closeSync(handle);
  }
}

function closingOnThrow<T>(db: Database.Database, use: () => T): T {
  try {
    return use();
  } catch (error) {
    db.close();
    throw error;
  }
}

function guarded<T>(path: string, use: () => Result<T>): Result<T> {
  try {
    return use();
  } catch (error) {
    const failure = failureOf(error, basename(path));
    if (failure === null) throw error;
    return { ok: false, failure };
  }
}
