// What must hold of a timeline's geometry: views stay inside the run,
// and what is drawn can be hit.
// From: timeline-layout.ts, timeline-scale.ts, timeline-hit.ts.
import fc from "fast-check";
import { expect, test } from "vitest";
import type { LaneBox, TimelineLane } from "./timeline-layout.ts";
import { layoutTimeline } from "./timeline-layout.ts";
import { hitTimeline, laneMiddle, neighbourEvent, revealLane } from "./timeline-hit.ts";
import {
  clampView,
  frameView,
  panView,
  revealValue,
  rulerTicks,
  spanOf,
  valueOf,
  xOf,
  zoomView,
} from "./timeline-scale.ts";

const box: LaneBox = {
  firstLane: 0,
  laneCount: 5,
  top: 44,
  laneHeight: 24,
  textWidth: (text) => text.length * 6,
};
const scale = { view: { from: 0, to: 100 }, left: 132, width: 1000 };
const lane = (part: Partial<TimelineLane>): TimelineLane => ({
  key: "k",
  title: "t",
  kind: "vcpu",
  counts: new Uint32Array(0),
  blocks: [],
  marks: [],
  line: null,
  cut: 0,
  ...part,
});
const block = (from: number, to: number, event: number) => ({
  from,
  to,
  label: `f${event}`,
  family: "mmu",
  event,
});

test("zoom keeps the value under the pointer and never leaves the run", () => {
  const view = fc.tuple(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 10, max: 100 }));
  fc.assert(
    fc.property(
      view.map(([from, span]) => ({ from, to: from + span })),
      fc.double({ min: 0.1, max: 8, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (start, factor, share) => {
        const around = start.from + share * spanOf(start);
        const next = zoomView(start, factor, around, { end: 1000, minSpan: 1 });
        expect(next.from).toBeGreaterThanOrEqual(0);
        expect(next.to).toBeLessThanOrEqual(1000 + 1e-6);
        const isFree = next.from > 0 && next.to < 999.999;
        expect(isFree ? (around - next.from) / spanOf(next) : share).toBeCloseTo(share, 6);
      },
    ),
  );
});

test("pan, clamp, frame and reveal stay inside the run", () => {
  expect(panView({ from: 0, to: 50 }, -1, 100)).toEqual({ from: 0, to: 50 });
  expect(panView({ from: 40, to: 90 }, 0.5, 100)).toEqual({ from: 50, to: 100 });
  expect(clampView({ from: -50, to: 500 }, 100, 1)).toEqual({ from: 0, to: 100 });
  expect(spanOf(frameView(40, 40, { end: 100, minSpan: 8 }))).toBe(8);
  expect(revealValue({ from: 0, to: 10 }, 5, 100)).toEqual({ from: 0, to: 10 });
  const revealed = revealValue({ from: 0, to: 10 }, 50, 100);
  expect(revealed.from).toBeLessThan(50);
  expect(revealed.to).toBeGreaterThan(50);
});

test("x and value are inverse", () => {
  expect(valueOf(scale, xOf(scale, 37))).toBeCloseTo(37, 9);
});

test("ticks stand at round values, apart, and whole units never fall between two events", () => {
  const ticks = rulerTicks(scale, 80).filter((tick) => tick.isMajor);
  expect(ticks.map((tick) => tick.at)).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
  const close = { ...scale, view: { from: 3, to: 5 } };
  const whole = rulerTicks(close, 80, true).filter((tick) => tick.isMajor);
  expect(whole.map((tick) => tick.at)).toEqual([3, 4, 5]);
});

test("a block inside another one is drawn lower and is the one that is hit", () => {
  const data = { from: 0, to: 100, lanes: [lane({ blocks: [block(0, 50, 1), block(10, 20, 2)] })] };
  const shapes = layoutTimeline(data, scale, box);
  expect(shapes.blocks[1]?.y).toBeGreaterThan(shapes.blocks[0]?.y ?? Infinity);
  expect(hitTimeline(shapes, box, xOf(scale, 15), laneMiddle(box, 0))).toMatchObject({
    kind: "block",
    block: { event: 2 },
  });
  expect(hitTimeline(shapes, box, xOf(scale, 30), laneMiddle(box, 0))).toMatchObject({
    kind: "block",
    block: { event: 1 },
  });
  expect(hitTimeline(shapes, box, xOf(scale, 70), laneMiddle(box, 0)).kind).toBe("lane");
});

test("marks closer than a badge become ticks, and labels show only where they fit", () => {
  const mark = (at: number) => ({ at, event: at, kind: "S", label: "requested" });
  const data = { from: 0, to: 100, lanes: [lane({ marks: [mark(10), mark(11), mark(50)] })] };
  const shapes = layoutTimeline(data, scale, box);
  expect(shapes.marks.map((shape) => shape.isBadge)).toEqual([true, false, true]);
  expect(shapes.marks.map((shape) => shape.text)).toEqual(["", "", "requested"]);
  expect(hitTimeline(shapes, box, xOf(scale, 11), laneMiddle(box, 0))).toMatchObject({ event: 11 });
});

test("below four pixels an event a lane shows bars with its counts", () => {
  const counts = new Uint32Array(100).fill(40);
  const shapes = layoutTimeline({ from: 0, to: 100, lanes: [lane({ counts })] }, scale, box);
  expect(shapes.marks).toHaveLength(0);
  expect(shapes.bars).toHaveLength(100);
  expect(shapes.eventsPerBar).toBe(40);
  expect(hitTimeline(shapes, box, xOf(scale, 3.2), laneMiddle(box, 0))).toMatchObject({
    kind: "bar",
    count: 40,
  });
});

test("a step line keeps its value until the next change and reaches the right edge", () => {
  const line = { at: [0, 50], value: [0, 1] };
  const shapes = layoutTimeline({ from: 0, to: 100, lanes: [lane({ line })] }, scale, box);
  const points = shapes.lines[0]?.points ?? [];
  expect(points[1]?.[1]).toBe(points[0]?.[1]);
  expect(points.at(-1)?.[0]).toBe(1132);
  expect(points.at(-1)?.[1]).toBeLessThan(points[0]?.[1] ?? 0);
});

test("arrow keys visit every event of a lane once", () => {
  const marks = [{ at: 4, event: 5, kind: "S", label: "" }];
  const lanes = lane({ blocks: [block(0, 9, 3)], marks });
  expect(neighbourEvent(lanes, 0, 1)).toBe(3);
  expect(neighbourEvent(lanes, 3, 1)).toBe(5);
  expect(neighbourEvent(lanes, 5, 1)).toBeNull();
  expect(neighbourEvent(lanes, 5, -1)).toBe(3);
});

test("a lane out of sight is scrolled to by the least amount", () => {
  expect(revealLane(box, 3)).toBe(0);
  expect(revealLane(box, 7)).toBe(3);
  expect(revealLane({ ...box, firstLane: 4 }, 1)).toBe(1);
});
