// Compresses encoded chunk bytes and checks them on the way back: zstd level 1, or deflate where
// zstd is missing. Promises: a wrong checksum, an unknown codec or a blob that unpacks to too much
// is a Failure of this chunk alone.
// From: measurements of codecs over event columns. What the bytes mean is the engine's codec. zlib
// without zstd exists in older Nodes, perhaps in Electron.
import * as zlib from "node:zlib";
import { bad, codeOf, good, type Result } from "./failure.ts";
import { MAX_CHUNK_BYTES } from "./limits.ts";

/** Numbers of the codecs are stored in files: never reuse one. */
export const CODEC = { plain: 0, zstd: 1, deflate: 2 } as const;

export interface PackedChunk {
  readonly stream: string;
  readonly no: number;
  readonly firstRow: number;
  readonly rows: number;
  readonly codec: number;
  readonly crc32: number;
  readonly bytes: Uint8Array;
}

const HAS_ZSTD = typeof zlib.zstdCompressSync === "function";
const ZSTD = { params: { [zlib.constants.ZSTD_c_compressionLevel]: 1 } };
const BOUND = { maxOutputLength: MAX_CHUNK_BYTES };

/** The checksum is that of the encoded bytes, so that it also proves the compressor right. */
export function packChunk(
  place: Pick<PackedChunk, "stream" | "no" | "firstRow" | "rows">,
  encoded: Uint8Array,
  withZstd = HAS_ZSTD,
): PackedChunk {
  const packed = withZstd
    ? zlib.zstdCompressSync(encoded, ZSTD)
    : zlib.deflateRawSync(encoded, { level: 1 });
  return {
    ...place,
    codec: withZstd ? CODEC.zstd : CODEC.deflate,
    crc32: zlib.crc32(encoded),
    bytes: packed,
  };
}

export function unpackChunk(chunk: PackedChunk): Result<Uint8Array> {
  try {
    const encoded = expand(chunk);
    if (encoded === null) {
      return bad(
        "unknown-codec",
        `${nameOf(chunk)} has codec ${chunk.codec}, which this version cannot read.`,
      );
    }
    if (zlib.crc32(encoded) !== chunk.crc32) {
      return bad("bad-chunk", `${nameOf(chunk)} cannot be read (checksum).`);
    }
    return good(encoded);
  } catch (error) {
    const code = codeOf(error);
    if (code === "") throw error;
    return bad("bad-chunk", `${nameOf(chunk)} cannot be read (${code}).`);
  }
}

function expand(chunk: PackedChunk): Uint8Array | null {
  if (chunk.codec === CODEC.plain) return chunk.bytes;
  if (chunk.codec === CODEC.deflate) return zlib.inflateRawSync(chunk.bytes, BOUND);
  if (chunk.codec === CODEC.zstd && HAS_ZSTD) return zlib.zstdDecompressSync(chunk.bytes, BOUND);
  return null;
}

/** "Rows 40,000 to 44,095 of events". @internal */
export function nameOf(chunk: PackedChunk): string {
  const first = chunk.firstRow.toLocaleString("en");
  const last = (chunk.firstRow + chunk.rows - 1).toLocaleString("en");
  return `Rows ${first} to ${last} of ${chunk.stream}`;
}
