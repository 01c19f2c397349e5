// The encoding of frames: equal in, equal out, for every kind of value; bad bytes never throw.
// Values are made by fast-check, keys that look like marks among them.
// From: the contract's list of values that all hosts carry alike.
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeFrame, encodeFrame } from "./frames.ts";

const item = (value: unknown) => ({ kind: "item", id: 7, value }) as const;

function sent(value: unknown): unknown {
  const frame = decodeFrame(encodeFrame(item(value)));
  return frame?.kind === "item" ? frame.value : "not an item";
}

const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (n === 0 ? 0 : n));
const key = fc.oneof(fc.string(), fc.constantFrom("$b", "$i", "$$b", "$", "__proto__", "t"));
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    fc.string(),
    number,
    fc.boolean(),
    fc.constant(null),
    fc.bigInt(),
    fc.int32Array(),
    fc.uint8Array(),
    fc.uint16Array(),
    fc.float64Array({ noNaN: true }),
    fc.bigUint64Array(),
    fc.array(tie("any"), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie("any")), { maxLength: 4 }).map((rows) => Object.fromEntries(rows)),
  ),
})).any;

test("every value of the contract comes back equal", () => {
  fc.assert(
    fc.property(value, (any) => {
      expect(sent(any)).toEqual(any);
    }),
    { numRuns: 300 },
  );
});

test("equal frames have equal bytes", () => {
  const make = () => encodeFrame(item({ a: Int32Array.of(1, -2), b: [1n, "x"] }));
  expect(make()).toEqual(make());
});

test("arrays are views on the received bytes, not copies", () => {
  const bytes = encodeFrame(item(Float64Array.of(1.5, -2)));
  const frame = decodeFrame(bytes);
  const array = frame?.kind === "item" ? (frame.value as Float64Array) : new Float64Array();
  expect([...array]).toEqual([1.5, -2]);
  expect(array.buffer).toBe(bytes.buffer);
});

test("bytes that start at an odd place of a larger buffer are read all the same", () => {
  const bytes = encodeFrame(item(Int32Array.of(3, 4)));
  const larger = new Uint8Array(bytes.length + 3);
  larger.set(bytes, 3);
  expect(decodeFrame(larger.subarray(3))).toEqual(item(Int32Array.of(3, 4)));
});

test("a part of a larger array carries only that part", () => {
  const part = new Int32Array([9, 1, 2, 9]).subarray(1, 3);
  expect(sent(part)).toEqual(Int32Array.of(1, 2));
});

test.each([
  ["undefined", { a: undefined }],
  ["NaN", { a: Number.NaN }],
  ["Infinity", { a: [1, Infinity] }],
  ["Date", { a: new Date(0) }],
  ["Map", { a: new Map() }],
  ["Set", { a: new Set() }],
  ["DataView", { a: new DataView(new ArrayBuffer(8)) }],
  ["Buffer", { a: Buffer.from("x") }],
  ["function", { a: () => 1 }],
])("%s is refused with the key's name", (_name, bad) => {
  expect(() => encodeFrame(item(bad))).toThrow(/^"(a|1)" holds /);
});

test("random bytes give null", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(decodeFrame(bytes)).toBeNull();
    }),
  );
});

test("a frame cut anywhere gives null", () => {
  const bytes = encodeFrame(item({ a: Int32Array.of(1, 2, 3), b: 5n }));
  for (let length = 0; length < bytes.length - 4; length++) {
    expect(decodeFrame(bytes.slice(0, length))).toBeNull();
  }
});

test.each([
  '{"kind":"item","id":1,"value":{"$b":0,"t":"Int32Array"}}',
  '{"kind":"item","id":1,"value":{"$b":"x","t":"Int32Array"}}',
  '{"kind":"item","id":1,"value":{"$i":"1.5"}}',
  '{"kind":"item","id":1,"value":{"$i":5}}',
  '{"kind":"item","id":0,"value":1}',
  '{"kind":"launch","id":1}',
  '"text"',
])("the forged head %s gives null", (head) => {
  const text = new TextEncoder().encode(head);
  const bytes = new Uint8Array(8 + text.length);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 8);
  expect(decodeFrame(bytes)).toBeNull();
});
