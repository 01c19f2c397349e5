// Folding loses no row: every aligned row is either a table row or inside exactly one fold,
// and a difference is never folded away.
// From: folds.ts.
import fc from "fast-check";
import { expect, test } from "vitest";
import { foldRows, nextDifference, placeOfRow, unfoldedRows, viewRow } from "./folds.ts";

const cases = fc
  .record({
    total: fc.integer({ min: 0, max: 400 }),
    some: fc.array(fc.nat(), { maxLength: 12 }),
  })
  .map(({ total, some }) => ({
    total,
    differences: [...new Set(some.map((n) => n % Math.max(1, total)))]
      .filter((n) => n < total)
      .sort((a, b) => a - b),
  }));

test("table rows cover every aligned row once, in order", () => {
  fc.assert(
    fc.property(cases, ({ total, differences }) => {
      const folded = foldRows(total, differences, new Set());
      const shown = Array.from({ length: folded.rows }, (_, at) => viewRow(folded, at));
      const covered = shown.flatMap((row) => {
        if (row === null) return [-1];
        return row.kind === "row"
          ? [row.index]
          : Array.from({ length: row.count }, (_, i) => row.from + i);
      });
      expect(covered).toEqual(Array.from({ length: total }, (_, index) => index));
    }),
  );
});

test("a difference is never folded away, and is found at its place", () => {
  fc.assert(
    fc.property(cases, ({ total, differences }) => {
      const folded = foldRows(total, differences, new Set());
      for (const index of differences) {
        expect(viewRow(folded, placeOfRow(folded, index))).toEqual({ kind: "row", index });
      }
    }),
  );
});

test("an equal stretch keeps two rows beside each difference", () => {
  const folded = foldRows(40, [10], new Set());
  expect(viewRow(folded, 0)).toEqual({ kind: "fold", from: 0, count: 8 });
  expect([1, 2, 3, 4, 5].map((at) => viewRow(folded, at))).toEqual(
    [8, 9, 10, 11, 12].map((index) => ({ kind: "row", index })),
  );
  expect(viewRow(folded, 6)).toEqual({ kind: "fold", from: 13, count: 27 });
  expect(folded.rows).toBe(7);
});

test("an opened stretch shows its rows; short ones never fold", () => {
  expect(foldRows(40, [10], new Set([13])).rows).toBe(1 + 32);
  expect(foldRows(4, [], new Set()).rows).toBe(4);
  expect(unfoldedRows(40).rows).toBe(40);
});

test("differences are walked in both directions and end there", () => {
  expect(nextDifference([3, 9], 3, 1)).toBe(9);
  expect(nextDifference([3, 9], 3, -1)).toBeNull();
  expect(nextDifference([3, 9], 20, -1)).toBe(9);
});
