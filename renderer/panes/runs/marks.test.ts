// Marks keep their order, and an action means the marked runs or the selected one;
// a comparison needs exactly two.
// From: marks.ts.
import { expect, test } from "vitest";
import { addMarks, dropMarks, NO_MARKS, subject, toggleMark, whyNoComparison } from "./marks.ts";

test("marking twice takes the mark away, and order stays", () => {
  const marks = ["b", "a", "c"].reduce(toggleMark, NO_MARKS);
  expect(marks).toEqual(["b", "a", "c"]);
  expect(toggleMark(marks, "a")).toEqual(["b", "c"]);
  expect(addMarks(marks, ["c", "d"])).toEqual(["b", "a", "c", "d"]);
  expect(dropMarks(marks, ["b", "x"])).toEqual(["a", "c"]);
});

test("without marks the selected run is meant", () => {
  expect(subject([], "a")).toEqual(["a"]);
  expect(subject([], null)).toEqual([]);
  expect(subject(["b"], "a")).toEqual(["b"]);
});

test("comparing needs exactly two", () => {
  expect(whyNoComparison(["a", "b"])).toBe("");
  expect(whyNoComparison(["a"])).toContain("two marked runs");
  expect(whyNoComparison(["a", "b", "c"])).toContain("3 are marked");
});
