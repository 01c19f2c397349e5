// 64-bit words as halves, held against
// BigInt: every operation, over all bit
// patterns.
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  bitsOf,
  frameHigh,
  frameLow,
  frameOf,
  hasBit,
  highHalf,
  joinHalves,
  lowHalf,
  sameWord,
  word,
} from "./halves.ts";

const int32 = fc.oneof(fc.integer(), fc.constantFrom(0, -1, 1, 0x7fffffff, -0x80000000));
const bits = (lo: number, hi: number): bigint =>
  (BigInt.asUintN(32, BigInt(hi)) << 32n) | BigInt.asUintN(32, BigInt(lo));
const exact = fc.maxSafeNat();
const frame = fc.nat(2 ** 40 - 1);

test("hasBit is BigInt's bit", () => {
  fc.assert(
    fc.property(int32, int32, fc.nat(63), (lo, hi, n) => {
      expect(hasBit(lo, hi, n)).toBe(((bits(lo, hi) >> BigInt(n)) & 1n) === 1n);
    }),
  );
});

test("bitsOf is BigInt's shift and mask", () => {
  fc.assert(
    fc.property(int32, int32, fc.nat(63), fc.nat(52), (lo, hi, from, width) => {
      const to = Math.min(63, from + width);
      const mask = (1n << BigInt(to - from + 1)) - 1n;
      expect(bitsOf(lo, hi, from, to)).toBe(Number((bits(lo, hi) >> BigInt(from)) & mask));
    }),
  );
});

test("frameOf is bits 12 to 51", () => {
  fc.assert(
    fc.property(int32, int32, (lo, hi) => {
      expect(frameOf(lo, hi)).toBe(Number((bits(lo, hi) >> 12n) & ((1n << 40n) - 1n)));
    }),
  );
});

test("frameLow and frameHigh make the word of a frame, frameOf takes it out", () => {
  fc.assert(
    fc.property(frame, fc.nat(0xfff), (pfn, low) => {
      const [lo, hi] = [frameLow(pfn, low), frameHigh(pfn)];
      expect(bits(lo, hi)).toBe((BigInt(pfn) << 12n) | BigInt(low));
      expect(frameOf(lo, hi)).toBe(pfn);
    }),
  );
});

test("joinHalves is the inverse of the halves, below 2^53", () => {
  fc.assert(
    fc.property(exact, (value) => {
      expect(joinHalves(lowHalf(value), highHalf(value))).toBe(value);
      expect(bits(lowHalf(value), highHalf(value))).toBe(BigInt(value));
    }),
  );
});

test("words are equal when their bits are", () => {
  fc.assert(
    fc.property(int32, int32, int32, int32, (a, b, c, d) => {
      expect(sameWord(word(a, b), word(c, d))).toBe(bits(a, b) === bits(c, d));
      expect(sameWord(word(a >>> 0, b >>> 0), word(a, b))).toBe(true);
    }),
  );
});
