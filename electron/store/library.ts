// One library: its tables bound to one connection, and the three things that span tables. A run is
// committed in one transaction, chunks, findings and verdict, or not at all; a window of a stream
// is read chunk by chunk, and a chunk that cannot be read is reported as the loss of its rows.
// Promises: no call leaves a transaction open; the world's faults come back as Failures, ours are
// thrown.
import { basename } from "node:path";
import { decodeChunk } from "#shared/engine/chunk";
import { STREAMS, type StreamName } from "#shared/engine/recorder";
import type { Finding } from "#shared/contract/runs";
import { chunksTable } from "./chunks.ts";
import { deletedRunsTable } from "./deleted-runs.ts";
import { bad, type Failure, failureOf, good, type Result } from "./failure.ts";
import { findingsTable } from "./findings.ts";
import type { Opened } from "./open.ts";
import { nameOf, type PackedChunk, unpackChunk } from "./pack.ts";
import { runLabelsTable } from "./run-labels.ts";
import { type NewRun, runsTable } from "./runs.ts";
import { settingsTable } from "./settings.ts";
import { textsTable } from "./texts.ts";

export interface WholeRun {
  readonly run: NewRun;
  readonly chunks: readonly PackedChunk[];
  readonly findings: readonly Finding[];
}

export interface Loss {
  readonly from: number;
  readonly rows: number;
  readonly failure: Failure;
}

export interface Window {
  /** One array per column, rows from..from+rows-1; rows that are lost or were never there are 0. */
  readonly columns: readonly Int32Array[];
  readonly rows: number;
  readonly losses: readonly Loss[];
}

export type Library = ReturnType<typeof createLibrary>;

export function createLibrary({ db, path, backup }: Opened) {
  const file = basename(path);
  const runs = runsTable(db);
  const labels = runLabelsTable(db);
  const chunks = chunksTable(db);
  const findings = findingsTable(db);
  const settings = settingsTable(db);
  const scenarios = textsTable(db, "scenarios");
  const drafts = textsTable(db, "drafts");
  const deleted = deletedRunsTable(db);

  function commit(whole: WholeRun, createdAt: number): number {
    const known = runs.keyOf(whole.run.id);
    if (known !== null) {
      deleted.unmark(known);
      return known;
    }
    const key = runs.insert(whole.run, sizeOf(whole), createdAt);
    for (const chunk of whole.chunks) chunks.insert(key, chunk);
    findings.insertAll(key, whole.findings);
    return key;
  }

  /** `change` in one transaction; a fault of the world becomes a Failure that names the file. */
  function attempt<T>(change: () => T): Result<T> {
    try {
      return good(db.transaction(change).immediate());
    } catch (error) {
      const failure = failureOf(error, file);
      if (failure === null) throw error;
      return { ok: false, failure };
    }
  }

  return {
    path,
    file,
    backup,
    isReadOnly: db.readonly,
    runs,
    labels,
    chunks,
    findings,
    settings,
    scenarios,
    drafts,
    deleted,
    attempt,
    commitRun: (whole: WholeRun, createdAt: number): Result<number> =>
      attempt(() => commit(whole, createdAt)),
    readWindow: (run: number, stream: StreamName, from: number, count: number): Window =>
      joinWindow(stream, chunks.window({ run, stream, from, to: from + count }), from, count),
    /** Bytes of the database file, without what waits in the write-ahead log. */
    size: (): number =>
      Number(db.pragma("page_count", { simple: true })) *
      Number(db.pragma("page_size", { simple: true })),
    /** Moves the write-ahead log into the file. If that fails the log stays, which is no harm. */
    checkpoint(): void {
      try {
        db.pragma("wal_checkpoint(TRUNCATE)");
      } catch (error) {
        if (failureOf(error, file) === null) throw error;
      }
    },
    /** "ok", or what SQLite found. Reads the whole file. */
    quickCheck: (): string => String(db.pragma("quick_check(10)", { simple: true })),
    close: (): void => {
      db.close();
    },
  };
}

function sizeOf({ run, chunks }: WholeRun): number {
  const texts = Buffer.byteLength(run.text) + Buffer.byteLength(run.detail);
  return chunks.reduce((sum, chunk) => sum + chunk.bytes.length, texts);
}

function joinWindow(
  stream: StreamName,
  parts: readonly PackedChunk[],
  from: number,
  count: number,
): Window {
  const end = parts.reduce((last, part) => Math.max(last, part.firstRow + part.rows), from);
  const rows = Math.min(count, end - from);
  const columns = STREAMS[stream].map(() => new Int32Array(rows));
  const losses: Loss[] = [];
  for (const part of parts) {
    const start = Math.max(from, part.firstRow);
    const length = Math.min(from + rows, part.firstRow + part.rows) - start;
    if (length <= 0) continue;
    const unpacked = unpack(stream, part);
    if (!unpacked.ok) {
      losses.push({ from: start, rows: length, failure: unpacked.failure });
      continue;
    }
    const offset = start - part.firstRow;
    unpacked.value.forEach((column, n) => {
      columns[n]?.set(column.subarray(offset, offset + length), start - from);
    });
  }
  return { columns, rows, losses };
}

function unpack(stream: StreamName, chunk: PackedChunk): Result<readonly Int32Array[]> {
  const bytes = unpackChunk(chunk);
  if (!bytes.ok) return bytes;
  const decoded = decodeChunk(stream, chunk.rows, bytes.value);
  return decoded.ok ? good(decoded.columns) : bad("bad-chunk", `${nameOf(chunk)} cannot be read.`);
}
