// What must hold of a count's curve: the axis holds every value, the line holds each value
// until the next, and extremes within a pixel stay visible.
// From: curve-layout.ts.
import fc from "fast-check";
import { expect, test } from "vitest";
import { curveAxis, curvePath, curveX, curveY, valueAt } from "./curve-layout.ts";

const box = { left: 20, right: 384, top: 8, bottom: 41, end: 100 };

test("the axis is whole numbers, holds zero and every value, and has few ticks", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -50, max: 5000 }), { maxLength: 40 }), (values) => {
      const axis = curveAxis(values);
      for (const value of [0, ...values]) {
        expect(value).toBeGreaterThanOrEqual(axis.low);
        expect(value).toBeLessThanOrEqual(axis.high);
      }
      expect(axis.ticks.every(Number.isInteger)).toBe(true);
      expect(axis.ticks.length).toBeLessThanOrEqual(6);
      expect(axis.ticks.at(-1)).toBe(axis.high);
    }),
  );
});

test("the line goes along, then up, and ends at the right edge", () => {
  const axis = curveAxis([0, 1]);
  const path = curvePath([{ at: 0, value: 0 }, { at: 50, value: 1 }], box, axis);
  expect(path).toBe("M20 41H202V8H384");
  expect(curvePath([], box, axis)).toBe("");
});

test("many changes within a pixel keep their extremes and the last value", () => {
  const points = Array.from({ length: 1000 }, (_, n) => ({ at: 50 + n / 1e6, value: n % 7 }));
  const path = curvePath(points, box, curveAxis([6]));
  expect(path.length).toBeLessThan(60);
  expect(path).toContain("V8V41");
});

test("places beyond the end of the run stay at the edge", () => {
  expect(curveX(box, 400)).toBe(384);
  expect(curveY(box, { low: 0, high: 2, ticks: [] }, 1)).toBe(24.5);
});

test("the value at a place is the last one set at or before it", () => {
  const points = [{ at: 3, value: 1 }, { at: 9, value: 2 }];
  expect([2, 3, 8, 9, 40].map((at) => valueAt(points, at))).toEqual([null, 1, 1, 2, 2]);
});
