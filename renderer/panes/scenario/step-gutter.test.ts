// The gutter shows a run's marks only beside the very text that it ran;
// without a run it shows the step numbers.
// From: step-gutter.ts.
import type { RunDetail } from "#shared/contract/runs";
import { outlineOf } from "#shared/scenario/outline";
import { parseScenario } from "#shared/scenario/parse";
import { expect, test } from "vitest";
import { firstBelow, gutterRows } from "./step-gutter.ts";

const text = `faultline: 1
title: tail
setup:
  - back B lab-tail 64k
  - slot 1 P B 64k
  - boot
steps:
  - gread D+1p
`;
const parsed = parseScenario(text);
const outline = parsed.draft === null ? null : outlineOf(parsed.draft);
const step = (n: number, deltaRef: number, eventCount: number) => ({
  n,
  line: "",
  sourceLine: 0,
  thread: 0,
  firstEvent: 4,
  eventCount,
  firstTick: 0,
  endTick: 0,
  result: "",
  verdict: n === 3 ? ("refuses" as const) : null,
  deltaRef,
});
const run = {
  text,
  decidingStep: 3,
  stepRows: [step(0, 0, 0), step(3, -1, 9)],
} as unknown as RunDetail;

test("steps carry their numbers and lines without a run", () => {
  expect(gutterRows(outline, null, text).map((row) => [row.line, row.n, row.verdict])).toEqual([
    [4, 0, ""],
    [5, 1, ""],
    [6, 2, ""],
    [8, 3, ""],
  ]);
});

test("after a run the step has verdict and change", () => {
  expect(gutterRows(outline, run, text).at(-1)).toMatchObject({
    n: 3,
    verdict: "refuses",
    deltas: "\u22121",
    isDeciding: true,
  });
});

test("another text gets no marks of that run", () => {
  expect(gutterRows(outline, run, `${text}# more\n`).at(-1)).toMatchObject({
    verdict: "",
    deltas: "",
  });
});

test("the first visible row is found wherever it is", () => {
  const tops = [0, 20, 40, 60];
  expect([-1, 0, 30, 60, 99].map((scroll) => firstBelow(tops, (top) => top > scroll))).toEqual([
    0, 1, 2, 4, 4,
  ]);
});
