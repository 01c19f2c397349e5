// The compressor around a chunk: identity, the codec without zstd, and
// damage found by the checksum. Every damage is a value that comes back,
// never a throw.
import { expect, test } from "vitest";
import { CODEC, type PackedChunk, packChunk, unpackChunk } from "./pack.ts";

const place = { stream: "events", no: 0, firstRow: 40_000, rows: 4096 };

test.each([true, false])("a packed chunk unpacks to the same bytes (zstd: %s)", (withZstd) => {
  const encoded = Uint8Array.from({ length: 9000 }, (_, n) => (n * n) & 31);
  const chunk = packChunk(place, encoded, withZstd);
  expect(chunk.codec).toBe(withZstd ? CODEC.zstd : CODEC.deflate);
  expect(chunk.bytes.length).toBeLessThan(encoded.length);
  const unpacked = unpackChunk(chunk);
  expect(unpacked.ok && Buffer.from(unpacked.value).equals(encoded)).toBe(true);
});

test("a flipped bit, a cut, or an unknown codec is a Failure that names the rows", () => {
  const chunk = packChunk(
    place,
    Uint8Array.from({ length: 500 }, (_, n) => n & 7),
  );
  for (let at = 0; at < chunk.bytes.length; at++) {
    const bytes = Uint8Array.from(chunk.bytes);
    bytes[at] = (bytes[at] ?? 0) ^ 4;
    // A bit that the compressor does not look at may change nothing; then the bytes are the same.
    const sentence = "Rows 40,000 to 44,095 of events cannot be read";
    expect([sentence, unpackedOf(chunk)]).toContain(unpackedOf({ ...chunk, bytes }));
    expect(unpackChunk({ ...chunk, bytes: chunk.bytes.subarray(0, at) }).ok).toBe(false);
  }
  const unknown = unpackChunk({ ...chunk, codec: 99 });
  expect(unknown).toMatchObject({ ok: false, failure: { code: "unknown-codec" } });
  expect(unpackChunk({ ...chunk, crc32: 1 })).toMatchObject({
    ok: false,
    failure: { code: "bad-chunk" },
  });
});

/** The bytes as hex, or the beginning of the Failure's message. */
function unpackedOf(chunk: PackedChunk): string {
  const result = unpackChunk(chunk);
  return result.ok
    ? Buffer.from(result.value).toString("hex")
    : (result.failure.message.split(" (")[0] ?? "");
}
