// A chunk's bytes before compression. Events, spans, ticks, choices: per column delta, zigzag,
// varint. Writes: raw columns `cell` and `new`, and the first-old table (each cell's value before
// its first write in the chunk), so that a chunk is undone and redone alone. Decoding never throws:
// cut or foreign bytes are a failure.
import { STREAMS, type StreamName } from "./recorder.ts";

/** Most rows of a chunk a reader accepts. */
export const MAX_CHUNK_ROWS = 1 << 20;

export type DecodedChunk =
  | { readonly ok: true; readonly columns: readonly Int32Array<ArrayBuffer>[] }
  | { readonly ok: false; readonly message: string };

export function encodeChunk(
  stream: StreamName,
  columns: readonly Int32Array[],
): Uint8Array<ArrayBuffer> {
  return stream === "writes" ? encodeWrites(columns) : encodeDeltas(columns);
}

export function decodeChunk(stream: StreamName, rows: number, bytes: Uint8Array): DecodedChunk {
  if (!Number.isInteger(rows) || rows < 0 || rows > MAX_CHUNK_ROWS) {
    return failure(stream, `${rows} rows; a chunk has at most ${MAX_CHUNK_ROWS}`);
  }
  const columns =
    stream === "writes"
      ? decodeWrites(rows, bytes)
      : decodeDeltas(rows, STREAMS[stream].length, bytes);
  return typeof columns === "string" ? failure(stream, columns) : { ok: true, columns };
}

const failure = (stream: StreamName, why: string): DecodedChunk => ({
  ok: false,
  message: `The ${stream} chunk cannot be read: ${why}. Run the plan again to make it anew.`,
});

/** Bytes an int32 takes at most as a varint. */
const MAX_VARINT = 5;

function encodeDeltas(columns: readonly Int32Array[]): Uint8Array<ArrayBuffer> {
  const rows = columns[0]?.length ?? 0;
  const bytes = new Uint8Array(columns.length * rows * MAX_VARINT);
  let at = 0;
  for (const column of columns) {
    let before = 0;
    for (let i = 0; i < rows; i++) {
      const value = column[i] as number;
      const delta = (value - before) | 0;
      let left = ((delta << 1) ^ (delta >> 31)) >>> 0;
      for (; left > 0x7f; left >>>= 7) bytes[at++] = (left & 0x7f) | 0x80;
      bytes[at++] = left;
      before = value;
    }
  }
  return bytes.slice(0, at);
}

function decodeDeltas(
  rows: number,
  count: number,
  bytes: Uint8Array,
): Int32Array<ArrayBuffer>[] | string {
  if (bytes.length < rows * count) return `it has ${bytes.length} bytes for ${rows} rows`;
  const columns: Int32Array<ArrayBuffer>[] = [];
  let at = 0;
  for (let c = 0; c < count; c++) {
    const column = new Int32Array(rows);
    let before = 0;
    for (let i = 0; i < rows; i++) {
      let coded = 0;
      let shift = 0;
      let byte = 0x80;
      for (; byte > 0x7f; shift += 7) {
        if (at >= bytes.length || shift >= 7 * MAX_VARINT) return "a number is cut off or too long";
        byte = bytes[at++] as number;
        coded |= (byte & 0x7f) << shift;
      }
      before = (before + ((coded >>> 1) ^ -(coded & 1))) | 0;
      column[i] = before;
    }
    columns.push(column);
  }
  return at === bytes.length ? columns : `${bytes.length - at} bytes are left over`;
}

/** Layout, int32 words: entries of the first-old table, cells, news, table cells, table olds. */
function encodeWrites(columns: readonly Int32Array[]): Uint8Array<ArrayBuffer> {
  const [cells = new Int32Array(0), olds = new Int32Array(0), news = new Int32Array(0)] = columns;
  const first = new Map<number, number>();
  cells.forEach((cell, i) => {
    if (!first.has(cell)) first.set(cell, olds[i] as number);
  });
  const words = new Int32Array(1 + 2 * cells.length + 2 * first.size);
  words[0] = first.size;
  words.set(cells, 1);
  words.set(news, 1 + cells.length);
  words.set([...first.keys()], 1 + 2 * cells.length);
  words.set([...first.values()], 1 + 2 * cells.length + first.size);
  return new Uint8Array(words.buffer);
}

function decodeWrites(rows: number, bytes: Uint8Array): Int32Array<ArrayBuffer>[] | string {
  if (bytes.length % 4 !== 0 || bytes.length < 4 + 8 * rows) {
    return `it has ${bytes.length} bytes for ${rows} rows`;
  }
  // A copy: bytes from a store need not lie on a multiple of four.
  const words = new Int32Array(bytes.slice().buffer);
  const entries = words[0] as number;
  if (entries < 0 || words.length !== 1 + 2 * rows + 2 * entries) {
    return "its first-old table does not fit";
  }
  const cells = words.slice(1, 1 + rows);
  const news = words.slice(1 + rows, 1 + 2 * rows);
  const value = new Map<number, number>();
  for (let i = 0; i < entries; i++) {
    value.set(words[1 + 2 * rows + i] as number, words[1 + 2 * rows + entries + i] as number);
  }
  const olds = new Int32Array(rows);
  for (let i = 0; i < rows; i++) {
    const old = value.get(cells[i] as number);
    if (old === undefined) return `its first-old table lacks cell ${cells[i]}`;
    olds[i] = old;
    value.set(cells[i] as number, news[i] as number);
  }
  return [cells, olds, news];
}
