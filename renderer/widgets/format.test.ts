// Each figure has one form on the screen: counts, changes, times, sizes, hexadecimal numbers.
// Independent of the language of the machine.
// From: format.ts.
import { expect, test } from "vitest";
import { bytes, count, delta, hexNumber, plural, time, timeLeft } from "./format.ts";

test("counts are grouped, and rounded only from ten million", () => {
  expect([0, 214, 48_211, 9_999_999, 21_400_000].map(count)).toEqual([
    "0",
    "214",
    "48,211",
    "9,999,999",
    "21.4 M",
  ]);
  expect(plural(1, "run")).toBe("1 run");
  expect(plural(1204, "run")).toBe("1,204 runs");
});

test("changes carry their sign, with a true minus", () => {
  expect([1, -1, 0].map(delta)).toEqual(["+1", "\u22121", "0"]);
});

test("times are microseconds with three digits, then milliseconds", () => {
  expect(time(24_030)).toBe("24.030 µs");
  expect(time(-720)).toBe("\u22120.720 µs");
  expect(time(1_500_000)).toBe("1.500 ms");
  expect(timeLeft(null)).toBe("");
  expect(timeLeft(12.4)).toBe("12 s left");
});

test("sizes are powers of 1024", () => {
  expect([96, 2048, 3.1 * 1024 ** 3].map(bytes)).toEqual(["96 B", "2.0 KiB", "3.1 GiB"]);
});

test("hex is grouped by four from the right", () => {
  expect([0, 0x10001, 0x6ee1, 0x7e0000001000].map(hexNumber)).toEqual([
    "0x0",
    "0x1_0001",
    "0x6ee1",
    "0x7e00_0000_1000",
  ]);
});
