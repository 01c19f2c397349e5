// Alignment of keys: what is paired is equal and in
// order, nothing that a shorter look would pair is
// missed.
import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { alignKeys, longestRising } from "./align.ts";

const keysOf = (text: string): Int32Array => Int32Array.from(text, (char) => char.charCodeAt(0));
/** Partners as text: `.` for none. */
const aligned = (a: string, b: string): string =>
  [...alignKeys({ a: keysOf(a), b: keysOf(b) })].map((at) => (at < 0 ? "." : b[at])).join("");

describe("alignKeys", () => {
  test.each([
    ["abc", "abc", "abc"],
    ["abc", "axc", "a.c"],
    ["aXbYc", "abc", "a.b.c"],
    ["", "abc", ""],
    ["aaaa", "aa", "aa.."],
    ["xyab", "ab", "..ab"],
  ])("%s beside %s", (a, b, expected) => {
    expect(aligned(a, b)).toBe(expected);
  });

  const text = fc.string({ unit: fc.constantFrom("a", "b", "c", "d"), maxLength: 40 });

  test("pairs are equal and rise", () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        const pairs = [...alignKeys({ a: keysOf(a), b: keysOf(b) })]
          .map((at, i) => [i, at] as const)
          .filter(([, at]) => at >= 0);
        for (const [i, at] of pairs) expect(a[i]).toBe(b[at]);
        const places = pairs.map(([, at]) => at);
        expect(places).toEqual([...new Set(places)].toSorted((x, y) => x - y));
      }),
    );
  });

  test("taking elements away leaves the rest paired", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer(), { maxLength: 60 }),
        fc.array(fc.boolean()),
        (all, keep) => {
          const kept = all.filter((_, i) => keep[i] === true);
          const pairs = alignKeys({ a: Int32Array.from(all), b: Int32Array.from(kept) });
          expect([...pairs].filter((at) => at >= 0)).toHaveLength(kept.length);
        },
      ),
    );
  });

  test("two long sequences without a unique key stay within their bound", () => {
    const long = Int32Array.from({ length: 20_000 }, (_, i) => i % 7);
    const other = Int32Array.from({ length: 20_000 }, (_, i) => (i * 3) % 7);
    const pairs = alignKeys({ a: long, b: other });
    expect([...pairs].filter((at) => at >= 0).length).toBeGreaterThan(5_000);
  });

  test("anchors hold whatever stands around them", () => {
    const pairs = alignKeys({ a: keysOf("abcd"), b: keysOf("dcba") }, [[1, 2]]);
    expect([...pairs]).toEqual([-1, 2, -1, -1]);
  });
});

test("the longest rising run of pairs", () => {
  const pairs = [5, 1, 2, 9, 3, 4].map((b, a) => [a, b] as const);
  expect(longestRising(pairs).map(([, b]) => b)).toEqual([1, 2, 3, 4]);
});
