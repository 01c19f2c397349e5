// The palette finds what people type: prefixes first, then word starts, then letters in order;
// what does not match is not there, and recent commands come first.
// From: the palette rules of the user interface.
import { expect, test } from "vitest";
import { rank, score } from "./palette.ts";

const item = (title: string) => ({
  id: title,
  title,
  context: "",
  keys: "",
  why: "",
  run: () => undefined,
});
const titles = ["Run the scenario", "Go to Runs", "Copy address", "Compare runs", "Go to Report"];
const found = (query: string, recent: string[] = []) =>
  rank(query, titles.map(item), recent).map((row) => row.title);

test("a prefix beats a word start, a word start beats letters in order", () => {
  expect(found("run")).toEqual(["Run the scenario", "Go to Runs", "Compare runs"]);
  expect(found("go re")[0]).toBe("Go to Report");
  expect(found("cprns")).toEqual(["Compare runs"]);
});

test("what does not match is not listed", () => {
  expect(found("zap")).toEqual([]);
  expect(score("runs go", "Go to Runs")).toBe(-1);
});

test("without a query recent commands come first", () => {
  expect(found("", ["Compare runs"])[0]).toBe("Compare runs");
});
