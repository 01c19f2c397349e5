// What lies under a point of a timeline, and which neighbour an arrow key goes to.
// Pure: reads the shapes of the layout, so that what is seen is what is hit.
// From: the UI's timeline keys (left and right move along a lane, up and down change lanes).
import type { LaneBox, TimelineBlock, TimelineLane, TimelineShapes } from "./timeline-layout.ts";
import { MARK_WIDTH, laneTop } from "./timeline-layout.ts";

export type TimelineHit =
  | { readonly kind: "mark"; readonly lane: number; readonly event: number; readonly label: string }
  | { readonly kind: "block"; readonly lane: number; readonly block: TimelineBlock }
  | { readonly kind: "bar"; readonly lane: number; readonly count: number }
  | { readonly kind: "lane"; readonly lane: number }
  | { readonly kind: "none" };

export function hitTimeline(
  shapes: TimelineShapes,
  box: LaneBox,
  x: number,
  y: number,
): TimelineHit {
  const lane = box.firstLane + Math.floor((y - box.top) / box.laneHeight);
  if (y < box.top || lane >= box.firstLane + box.laneCount) return { kind: "none" };
  const mark = nearestMark(shapes, lane, x);
  if (mark !== undefined) {
    return { kind: "mark", lane, event: mark.mark.event, label: mark.mark.label };
  }
  // Inner blocks come after outer ones, so the last one that holds the point is the innermost.
  const block = shapes.blocks.findLast(
    (shape) => shape.lane === lane && x >= shape.x && x <= shape.x + shape.width && y >= shape.y,
  );
  if (block !== undefined) return { kind: "block", lane, block: block.block };
  const bar = shapes.bars.find(
    (shape) => shape.lane === lane && x >= shape.x && x <= shape.x + shape.width + 0.5,
  );
  if (bar !== undefined) return { kind: "bar", lane, count: bar.count };
  return { kind: "lane", lane };
}

function nearestMark(shapes: TimelineShapes, lane: number, x: number) {
  let nearest: TimelineShapes["marks"][number] | undefined;
  let distance = MARK_WIDTH / 2 + 1;
  for (const shape of shapes.marks) {
    if (shape.lane !== lane || Math.abs(shape.x - x) >= distance) continue;
    distance = Math.abs(shape.x - x);
    nearest = shape;
  }
  return nearest;
}

/** The event of the lane next to `event` in the given direction; null at the end of the lane. */
export function neighbourEvent(
  lane: TimelineLane,
  event: number,
  direction: 1 | -1,
): number | null {
  let best: number | null = null;
  const consider = (candidate: number): void => {
    if ((candidate - event) * direction <= 0) return;
    if (best === null || (candidate - best) * direction < 0) best = candidate;
  };
  for (const mark of lane.marks) consider(mark.event);
  for (const block of lane.blocks) consider(block.event);
  return best;
}

/** Which first lane shows `lane` with the least scrolling. */
export function revealLane(box: LaneBox, lane: number): number {
  if (lane < box.firstLane) return lane;
  if (lane >= box.firstLane + box.laneCount) return lane - box.laneCount + 1;
  return box.firstLane;
}

/** Middle of a lane's row, for tests and for the keyboard's own cursor. */
export const laneMiddle = (box: LaneBox, lane: number): number =>
  laneTop(box, lane) + box.laneHeight / 2;
