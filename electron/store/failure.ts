// What can go wrong with a library that is the world's fault, not ours: one table of codes, each
// with its sentence. A Failure is a value that crosses workers and hosts; it says what happened,
// where, and what to do. Promises: SQLite's own error codes are read by code, never by the text of
// a message.

export type FailureCode =
  | "not-a-database"
  | "not-a-library"
  | "newer-library"
  | "older-library"
  | "damaged-library"
  | "cannot-open"
  | "read-only-library"
  | "disk-full"
  | "library-busy"
  | "bad-chunk"
  | "unknown-codec"
  | "too-large";

export interface Failure {
  readonly code: FailureCode;
  readonly message: string;
}

export type Result<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

export const good = <T,>(value: T): Result<T> => ({ ok: true, value });
export const bad = (code: FailureCode, message: string): { ok: false; failure: Failure } => ({
  ok: false,
  failure: { code, message },
});

/** The code of an exception of SQLite or of the file system, "" for any other. */
export function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}

const DAMAGED = /^SQLITE_(CORRUPT|IOERR_SHORT_READ|FORMAT)/;

/** The Failure for an exception of a library; null when it is not the world's fault. */
export function failureOf(error: unknown, file: string): Failure | null {
  const code = codeOf(error);
  if (code === "SQLITE_NOTADB") {
    return {
      code: "not-a-database",
      message: `${file} is not a database. Nothing was changed. Choose another file.`,
    };
  }
  if (DAMAGED.test(code)) {
    return {
      code: "damaged-library",
      message:
        `${file} is damaged (${code}). Nothing was changed. ` +
        "Restore a backup copy of it, or start with a new library.",
    };
  }
  if (code === "SQLITE_FULL" || code === "ENOSPC") {
    return {
      code: "disk-full",
      message: `No space left for ${file}. Nothing was saved. Free some space and try again.`,
    };
  }
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) {
    return {
      code: "library-busy",
      message: `${file} is used by another program. Close it there and try again.`,
    };
  }
  if (code.startsWith("SQLITE_READONLY") || code === "EROFS") {
    return {
      code: "read-only-library",
      message: `${file} is read-only. Nothing was saved. Make it writable first.`,
    };
  }
  if (/^(SQLITE_(CANTOPEN|IOERR|PERM|AUTH)|EACCES|EPERM|EISDIR|ENOTDIR|ENOENT)/.test(code)) {
    return {
      code: "cannot-open",
      message: `${file} cannot be read or written (${code}). Check its folder and its permissions.`,
    };
  }
  return null;
}
