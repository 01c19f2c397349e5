// The table of chunks: compressed pieces of a run's column streams, found by row.
// A chunk is read alone: what is wrong with one costs its rows and nothing else.
// All chunks of a stream but the last have equal length; the writer sees to it.
import type Database from "better-sqlite3";
import type { PackedChunk } from "./pack.ts";

const INSERT_CHUNK = `INSERT INTO chunks (run, stream, no, first_row, rows, codec, crc32, bytes)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?)`;
const CHUNK_COLUMNS = `stream, no, first_row AS firstRow, rows, codec, crc32, bytes`;
const SELECT_WINDOW = `SELECT ${CHUNK_COLUMNS} FROM chunks
  WHERE run = @run AND stream = @stream AND first_row < @to AND first_row >= COALESCE(
    (SELECT max(first_row) FROM chunks
     WHERE run = @run AND stream = @stream AND first_row <= @from), 0)
  ORDER BY first_row`;
const SELECT_STREAMS = `SELECT stream, sum(rows) AS rows, count(*) AS chunks FROM chunks
  WHERE run = ? GROUP BY stream ORDER BY stream`;

interface WindowQuery {
  readonly run: number;
  readonly stream: string;
  readonly from: number;
  readonly to: number;
}

export interface StreamSize {
  readonly stream: string;
  readonly rows: number;
  readonly chunks: number;
}

export function chunksTable(db: Database.Database) {
  const insert = db.prepare(INSERT_CHUNK);
  const window = db.prepare<[WindowQuery], PackedChunk>(SELECT_WINDOW);
  const streams = db.prepare<[number], StreamSize>(SELECT_STREAMS);
  return {
    insert(run: number, chunk: PackedChunk): void {
      const { stream, no, firstRow, rows, codec, crc32, bytes } = chunk;
      insert.run(run, stream, no, firstRow, rows, codec, crc32, bytes);
    },
    /** Chunks that hold rows from..to-1, in order. */
    window: (query: WindowQuery): PackedChunk[] => window.all(query),
    streams: (run: number): StreamSize[] => streams.all(run),
  };
}
