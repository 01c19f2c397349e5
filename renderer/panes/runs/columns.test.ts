// Pressing a head walks through ascending, descending and back to newest first;
// only the sorted column says that it is sorted.
// From: columns.ts.
import { expect, test } from "vitest";
import { gridColumns, nextSort } from "./columns.ts";

test("a head goes up, down, and back to newest first", () => {
  expect(nextSort("-when", "events")).toBe("events");
  expect(nextSort("events", "events")).toBe("-events");
  expect(nextSort("-events", "events")).toBe("-when");
  expect(nextSort("-when", "when")).toBe("when");
  expect(nextSort("-when", "tags")).toBe("-when");
});

test("only the sorted column says so", () => {
  const sorted = gridColumns("-events").filter((column) => (column.sort ?? "none") !== "none");
  expect(sorted.map((column) => [column.key, column.sort])).toEqual([["events", "descending"]]);
});
