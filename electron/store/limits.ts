// Limits and sizes of a library, each with its reason.
// Owns the figures only; who meets one of them says so in its own Failure.
// From: measurements of chunk and page sizes (8 columns of int32, 10 million events, zstd level 1).

/** Unpacked bytes of a chunk; a blob that unpacks to more is refused. Ours are below 1 MiB. */
export const MAX_CHUNK_BYTES = 16 * 1024 * 1024;
/** Packed bytes of one run, which wait in memory for their single transaction. */
export const MAX_RUN_BYTES = 768 * 1024 * 1024;
/** Files up to this size are checked page by page when opened; larger ones by `doctor` only. */
export const CHECK_AT_OPEN_BYTES = 64 * 1024 * 1024;
/** Milliseconds to wait for another process that writes. */
export const BUSY_TIMEOUT_MS = 5000;
/** Larger pages make writing of 13–26 KB blobs faster (measured: 4,096 → 8,192 is 1.4 times). */
export const PAGE_SIZE = 8192;
/** "FLTL": marks the file as a library, so that another program's database is never migrated. */
export const APPLICATION_ID = 0x464c544c;
