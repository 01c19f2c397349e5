// The diff colour follows the change, is strong where only one run has the frame,
// and is silent below the threshold.
// From: flame-diff.ts.
import { expect, test } from "vitest";
import { diffToken } from "./flame-diff.ts";

const token = (a: number, b: number) => diffToken({ a, b, whole: 1000, threshold: 0.01 });

test("less is blue, more is orange, small changes are grey", () => {
  expect([token(500, 400), token(400, 500), token(500, 505)]).toEqual([
    "--d-less-1",
    "--d-more-1",
    "--d-same",
  ]);
});

test("what is in one run only has the strong colour", () => {
  expect([token(50, 0), token(0, 50)]).toEqual(["--d-less-3", "--d-more-3"]);
});
