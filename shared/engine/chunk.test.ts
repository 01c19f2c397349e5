// Chunks: decode of encode is the same rows; a chunk of
// writes undoes alone; damaged bytes are a failure or other
// rows.
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeChunk, encodeChunk } from "./chunk.ts";
import { STREAMS, STREAM_NAMES, type StreamName } from "./recorder.ts";

const anyValue = fc.oneof(fc.integer({ min: -2, max: 40 }), fc.integer());

function anyColumns(stream: StreamName): fc.Arbitrary<Int32Array[]> {
  const width = STREAMS[stream].length;
  return fc
    .array(fc.array(anyValue, { minLength: width, maxLength: width }), { maxLength: 60 })
    .map((rows) => STREAMS[stream].map((_, c) => Int32Array.from(rows, (row) => row[c] ?? 0)));
}

/** Write rows as a machine makes them: each old value is the one before. */
const anyWrites = fc.array(fc.tuple(fc.nat(12), anyValue), { maxLength: 80 }).map((puts) => {
  const mem = new Int32Array(13).fill(3);
  const rows = puts.map(([cell, value]) => {
    const old = mem[cell] ?? 0;
    mem[cell] = value;
    return [cell, old, value];
  });
  return { mem, columns: [0, 1, 2].map((c) => Int32Array.from(rows, (row) => row[c] ?? 0)) };
});

const DELTA_STREAMS = STREAM_NAMES.filter((name) => name !== "writes");

test.each(DELTA_STREAMS)("%s: decode of encode is the same rows", (stream) => {
  fc.assert(
    fc.property(anyColumns(stream), (columns) => {
      const rows = columns[0]?.length ?? 0;
      expect(decodeChunk(stream, rows, encodeChunk(stream, columns))).toEqual({
        ok: true,
        columns,
      });
    }),
  );
});

test("writes: old values come back from the first-old table, and undo the chunk alone", () => {
  fc.assert(
    fc.property(anyWrites, ({ mem, columns }) => {
      const rows = columns[0]?.length ?? 0;
      const decoded = decodeChunk("writes", rows, encodeChunk("writes", columns));
      expect(decoded).toEqual({ ok: true, columns });
      if (!decoded.ok) return;
      const [cells = mem, olds = mem] = decoded.columns;
      for (let i = rows - 1; i >= 0; i--) mem[cells[i] ?? 0] = olds[i] ?? 0;
      expect([...mem]).toEqual(Array.from({ length: 13 }, () => 3));
    }),
  );
});

const anyStream = fc.constantFrom(...STREAM_NAMES);

test("cut or longer bytes are a failure that says what to do", () => {
  fc.assert(
    fc.property(anyStream, fc.nat(60), fc.boolean(), (stream, cut, longer) => {
      const columns = STREAMS[stream].map(() => Int32Array.from({ length: 20 }, (_, i) => i * 77));
      const bytes = encodeChunk(stream, columns);
      const shorter = bytes.slice(0, Math.max(0, bytes.length - 1 - cut));
      const damaged = longer ? new Uint8Array([...bytes, 0]) : shorter;
      const decoded = decodeChunk(stream, 20, damaged);
      expect(decoded).toEqual({
        ok: false,
        message: expect.stringContaining("Run the plan again"),
      });
    }),
  );
});

test("random bytes and row counts never throw", () => {
  fc.assert(
    fc.property(
      anyStream,
      fc.uint8Array(),
      fc.integer({ min: -5, max: 2 ** 22 }),
      (stream, bytes, rows) => {
        expect(decodeChunk(stream, rows, bytes)).toHaveProperty("ok");
      },
    ),
  );
});
