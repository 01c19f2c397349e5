// The six frames of a connection and their one encoding: a Uint8Array for every kind of wire.
// Layout: u32 length of head, u32 count of buffers, their u32 lengths, JSON head, aligned buffers.
// Promises: equal values in, equal values out; decoding copies no array; a bad frame gives null.
// In the head an array is {$b: index, t: type}, a bigint {$i: text}; own keys that begin with $
// are written with one $ more. One encoding for all hosts keeps their behaviour equal.
import { z } from "zod";

const id = z.int().min(1);

/** What crosses a wire. `call`, `stop`, `ack` go to the host; `item`, `done`, `fail` come back. */
export const frame = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("call"), id, method: z.string().max(100), input: z.unknown() }),
  z.object({ kind: z.literal("stop"), id }),
  z.object({ kind: z.literal("ack"), id, count: z.int().min(1).max(1_000_000) }),
  z.object({ kind: z.literal("item"), id, value: z.unknown() }),
  z.object({ kind: z.literal("done"), id, value: z.unknown() }),
  z.object({ kind: z.literal("fail"), id, code: z.string(), message: z.string() }),
]);
export type Frame = z.infer<typeof frame>;

/** A larger frame is refused by every host before it is read. */
export const MAX_FRAME_BYTES = 64 * 1024 * 1024;
/** No method sends nearly as many arrays; more is not one of our frames. */
const MAX_BUFFERS = 65_536;
const MAX_BIGINT_DIGITS = 400;
const ALIGN = 8;

const ARRAYS = {
  Int8Array,
  Uint8Array,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
} as const;
type ArrayName = keyof typeof ARRAYS;

const aligned = (offset: number): number => Math.ceil(offset / ALIGN) * ALIGN;

/** Throws a TypeError naming the key when a value is not one that every host carries alike. */
export function encodeFrame(value: Frame): Uint8Array<ArrayBuffer> {
  const buffers: Uint8Array[] = [];
  const head = new TextEncoder().encode(JSON.stringify(value, headWriter(buffers)));
  const headAt = 8 + 4 * buffers.length;
  let end = aligned(headAt + head.length);
  const places = buffers.map((part) => {
    const at = end;
    end = aligned(at + part.length);
    return at;
  });
  const bytes = new Uint8Array(end);
  const lengths = new DataView(bytes.buffer);
  lengths.setUint32(0, head.length, true);
  lengths.setUint32(4, buffers.length, true);
  bytes.set(head, headAt);
  buffers.forEach((part, index) => {
    lengths.setUint32(8 + 4 * index, part.length, true);
    bytes.set(part, places[index]);
  });
  return bytes;
}

/** The replacer of the head. It reads the holder, because toJSON() has already run on `value`. */
function headWriter(buffers: Uint8Array[]) {
  return function write(this: unknown, key: string, value: unknown): unknown {
    const own = (this as Record<string, unknown>)[key];
    if (typeof own === "string" || typeof own === "boolean" || own === null) return value;
    if (typeof own === "number") return Number.isFinite(own) ? own : refuse(key, String(own));
    if (typeof own === "bigint") return { $i: own.toString() };
    if (typeof own !== "object") return refuse(key, typeof own);
    if (Array.isArray(own)) return own;
    if (own instanceof ArrayBuffer) return bufferMark(buffers, new Uint8Array(own), "ArrayBuffer");
    if (ArrayBuffer.isView(own)) return viewMark(buffers, own, key);
    const prototype: unknown = Object.getPrototypeOf(own);
    if (prototype !== Object.prototype && prototype !== null) {
      return refuse(key, own.constructor.name);
    }
    return escapeKeys(own);
  };
}

function viewMark(buffers: Uint8Array[], view: ArrayBufferView, key: string): unknown {
  // A Buffer of Node calls itself Uint8Array in its tag, but not in its constructor.
  const name = view.constructor.name;
  if (!Object.hasOwn(ARRAYS, name)) return refuse(key, name);
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  return bufferMark(buffers, bytes, name);
}

function bufferMark(buffers: Uint8Array[], bytes: Uint8Array, type: string): unknown {
  return { $b: buffers.push(bytes) - 1, t: type };
}

function escapeKeys(value: object): object {
  const keys = Object.keys(value);
  if (!keys.some((key) => key.startsWith("$"))) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key.startsWith("$") ? `$${key}` : key, part]),
  );
}

function refuse(key: string, what: string): never {
  throw new TypeError(
    `"${key}" holds ${what}, which no frame carries. Send JSON, a bigint or a typed array.`,
  );
}

/** Null when the bytes are not a frame: cut, forged, or of an unknown kind. */
export function decodeFrame(received: Uint8Array): Frame | null {
  // Views need aligned bytes; a wire that cuts frames out of a larger buffer pays one copy.
  const bytes = received.byteOffset % ALIGN === 0 ? received : received.slice();
  const parts = splitFrame(bytes);
  if (parts === null) return null;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(parts.head);
    // Most frames hold no marked value: the plain parse is several times faster.
    const head: unknown = text.includes('"$')
      ? JSON.parse(text, (_key, value: unknown) => revive(value, parts.buffers))
      : JSON.parse(text);
    const checked = frame.safeParse(head);
    return checked.success ? checked.data : null;
  } catch {
    return null; // not UTF-8, not JSON, or a mark that points nowhere: the peer is told by null
  }
}

interface Parts {
  head: Uint8Array;
  buffers: Uint8Array[];
}

function splitFrame(bytes: Uint8Array): Parts | null {
  if (bytes.length < 8 || bytes.length > MAX_FRAME_BYTES) return null;
  const numbers = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const headLength = numbers.getUint32(0, true);
  const count = numbers.getUint32(4, true);
  const headAt = 8 + 4 * count;
  if (count > MAX_BUFFERS || headAt + headLength > bytes.length) return null;
  let at = aligned(headAt + headLength);
  const buffers: Uint8Array[] = [];
  for (let index = 0; index < count; index++) {
    const length = numbers.getUint32(8 + 4 * index, true);
    if (at + length > bytes.length) return null;
    buffers.push(bytes.subarray(at, at + length));
    at = aligned(at + length);
  }
  return { head: bytes.subarray(headAt, headAt + headLength), buffers };
}

function revive(value: unknown, buffers: Uint8Array[]): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  if (Object.hasOwn(value, "$b")) return reviveArray(value, buffers);
  if (Object.hasOwn(value, "$i")) return reviveBigint((value as { $i: unknown }).$i);
  if (!Object.keys(value).some((key) => key.startsWith("$$"))) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key.startsWith("$$") ? key.slice(1) : key, part]),
  );
}

function reviveArray(value: object, buffers: Uint8Array[]): unknown {
  const { $b: index, t: type } = value as { $b: unknown; t: unknown };
  const bytes = typeof index === "number" ? buffers[index] : undefined;
  if (bytes === undefined) throw new RangeError("a mark points to no buffer");
  if (type === "ArrayBuffer") return bytes.slice().buffer;
  if (typeof type !== "string" || !Object.hasOwn(ARRAYS, type)) {
    throw new RangeError("a mark names no typed array");
  }
  const View = ARRAYS[type as ArrayName];
  const count = bytes.length / View.BYTES_PER_ELEMENT;
  return new View(bytes.buffer as ArrayBuffer, bytes.byteOffset, count);
}

function reviveBigint(text: unknown): bigint {
  if (typeof text !== "string" || text.length > MAX_BIGINT_DIGITS || !/^-?\d+$/.test(text)) {
    throw new RangeError("a mark holds no integer");
  }
  return BigInt(text);
}
