// Two runs of one scenario meet at each step's start, whatever happened in between;
// runs of different scenarios keep their own numbers.
// From: align-steps.ts.
import { expect, test } from "vitest";
import { stepAxis } from "./align-steps.ts";

const span = (n: number, firstEvent: number, eventCount: number) => ({ n, firstEvent, eventCount });
const a = [span(0, 1, 2), span(1, 3, 4), span(2, 7, 1)];
const b = [span(0, 1, 2), span(1, 3, 9), span(2, 12, 1)];

test("the same step starts at the same place", () => {
  const axis = stepAxis(a, b, true);
  expect(axis.placeA(7)).toBe(axis.placeB(12));
  expect(axis.steps.map((step) => step.to - step.from)).toEqual([2, 9, 1]);
  expect(axis.end).toBe(12);
});

test("places rise with events and stay on the axis", () => {
  const axis = stepAxis(a, b, true);
  const places = Array.from({ length: 13 }, (_, event) => axis.placeB(event));
  expect(places).toEqual(places.toSorted((x, y) => x - y));
  expect(places[0]).toBe(0);
  expect(places.at(-1)).toBeLessThanOrEqual(axis.end);
});

test("different scenarios use their own numbers", () => {
  const axis = stepAxis(a, b, false);
  expect([axis.placeA(5), axis.placeB(5), axis.end]).toEqual([5, 5, 12]);
});
