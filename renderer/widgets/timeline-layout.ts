// Places what a timeline shows: blocks, marks, bars and step lines of each lane, as rectangles.
// Pure: data and a view in, shapes out; painting and hit testing read the same shapes.
// From: the UI's timeline rules (marks above 4 px an event, bars below, labels where they fit).
import type { Scale } from "./timeline-scale.ts";
import { spanOf, xOf } from "./timeline-scale.ts";

export interface TimelineBlock {
  readonly from: number;
  readonly to: number;
  readonly label: string;
  readonly family: string;
  readonly event: number;
}
interface TimelineMark {
  readonly at: number;
  readonly event: number;
  readonly kind: string;
  readonly label: string;
}
export interface TimelineLane {
  readonly key: string;
  readonly title: string;
  readonly kind: string;
  readonly counts: Uint32Array;
  readonly blocks: readonly TimelineBlock[];
  readonly marks: readonly TimelineMark[];
  readonly line: { readonly at: readonly number[]; readonly value: readonly number[] } | null;
  readonly cut: number;
}
/** Lanes and the part of the run that their bins cover. */
export interface TimelineData {
  readonly from: number;
  readonly to: number;
  readonly lanes: readonly TimelineLane[];
}

interface BlockShape {
  readonly lane: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly block: TimelineBlock;
  readonly text: string;
}
export interface MarkShape {
  readonly lane: number;
  readonly x: number;
  readonly mark: TimelineMark;
  readonly isBadge: boolean; // false: a tick, its letter would cover its neighbour
  readonly text: string;
}
interface BarShape {
  readonly lane: number;
  readonly x: number;
  readonly width: number;
  readonly share: number; // of the highest bar of the lane, 0..1
  readonly count: number;
}
interface LineShape {
  readonly lane: number;
  readonly points: readonly (readonly [number, number])[];
  readonly first: number;
}
export interface TimelineShapes {
  readonly blocks: readonly BlockShape[];
  readonly marks: readonly MarkShape[];
  readonly bars: readonly BarShape[];
  readonly lines: readonly LineShape[];
  readonly eventsPerBar: number; // 0: marks are shown
}

export interface LaneBox {
  readonly firstLane: number;
  readonly laneCount: number;
  readonly top: number;
  readonly laneHeight: number;
  readonly textWidth: (text: string) => number;
}

export const MARK_WIDTH = 16;
const PIXELS_PER_MARK = 4;
/** From this height on a lane has room for a text above its line. */
export const ROOMY_LANE = 22;
const MAX_SHAPES = 15_000;
const EDGE_KINDS: ReadonlySet<string> = new Set(["K", "L"]); // what begins and ends blocks

export function layoutTimeline(data: TimelineData, scale: Scale, box: LaneBox): TimelineShapes {
  const shapes = {
    blocks: [] as BlockShape[],
    marks: [] as MarkShape[],
    bars: [] as BarShape[],
    lines: [] as LineShape[],
    eventsPerBar: 0,
  };
  const end = Math.min(data.lanes.length, box.firstLane + box.laneCount);
  for (let index = box.firstLane; index < end; index++) {
    const lane = data.lanes[index];
    if (lane === undefined) continue;
    placeBlocks(lane, index, { scale, box, out: shapes.blocks });
    if (lane.line !== null) shapes.lines.push(placeLine(lane.line, index, scale, box));
    const dense = isDense(lane, data, scale);
    if (dense && lane.blocks.length === 0) {
      const most = placeBars(lane, index, data, scale, shapes.bars);
      shapes.eventsPerBar = Math.max(shapes.eventsPerBar, most);
    } else placeMarks(lane, index, { scale, box, out: shapes.marks });
  }
  return shapes;
}

/** The top of a lane's row; lanes above the first one shown have none. */
export const laneTop = (box: LaneBox, lane: number): number =>
  box.top + (lane - box.firstLane) * box.laneHeight;

function isDense(lane: TimelineLane, data: TimelineData, scale: Scale): boolean {
  let total = 0;
  for (const count of lane.counts) total += count;
  const covered = ((data.to - data.from) / spanOf(scale.view)) * scale.width;
  return total > 0 && covered / total < PIXELS_PER_MARK;
}

interface Into<Shape> {
  readonly scale: Scale;
  readonly box: LaneBox;
  readonly out: Shape[];
}

function placeBlocks(lane: TimelineLane, index: number, into: Into<BlockShape>): void {
  const { scale, box, out } = into;
  const right = scale.left + scale.width;
  const open: number[] = [];
  for (const block of lane.blocks) {
    if (out.length >= MAX_SHAPES) return;
    while (open.length > 0 && (open.at(-1) ?? 0) <= block.from) open.pop();
    const depth = Math.min(open.length, 3);
    open.push(block.to);
    const x = Math.max(xOf(scale, block.from), scale.left);
    const width = Math.min(xOf(scale, block.to), right) - x;
    if (width <= 0) continue;
    // A block inside another one is drawn lower, so that both can be seen and hit.
    const gap = box.laneHeight >= ROOMY_LANE ? 3 : 2;
    const y = laneTop(box, index) + gap + depth * 3;
    const drawn = Math.max(width - 1, 1);
    const height = box.laneHeight - 2 * gap - 1 - depth * 3;
    const text = depth === 0 || height >= 11 ? fittingText(block.label, drawn - 8, box) : "";
    out.push({ lane: index, x, y, width: drawn, height, block, text });
  }
}

/** The label, or as much of its start as fits with an ellipsis, or nothing below four letters. */
export function fittingText(
  label: string,
  width: number,
  box: { textWidth: (text: string) => number },
): string {
  if (width < 14 || label === "") return "";
  const full = box.textWidth(label);
  if (full <= width) return label;
  const letters = Math.floor((width / full) * label.length) - 1;
  return letters < 4 ? "" : `${label.slice(0, letters)}…`;
}

function placeMarks(lane: TimelineLane, index: number, into: Into<MarkShape>): void {
  const { scale, box, out } = into;
  const right = scale.left + scale.width;
  const visible = lane.marks.filter((mark) => inView(xOf(scale, mark.at), scale));
  // Beside its own blocks a mark is a tick: a letter would hide the block that it belongs to.
  const isEdge = (kind: string): boolean => lane.blocks.length > 0 && EDGE_KINDS.has(kind);
  let lastBadge = Number.NEGATIVE_INFINITY;
  visible.forEach((mark, n) => {
    if (out.length >= MAX_SHAPES) return;
    const x = xOf(scale, mark.at);
    const isBadge = !isEdge(mark.kind) && x - lastBadge >= MARK_WIDTH + 1;
    if (isBadge) lastBadge = x;
    const next = visible[n + 1];
    const free = (next === undefined ? right : xOf(scale, next.at) - MARK_WIDTH / 2) - x - 14;
    const text = isBadge && box.textWidth(mark.label) <= free - 4 ? mark.label : "";
    out.push({ lane: index, x, mark, isBadge, text });
  });
}

const inView = (x: number, scale: Scale): boolean =>
  x >= scale.left - MARK_WIDTH / 2 && x <= scale.left + scale.width + MARK_WIDTH / 2;

function placeBars(
  lane: TimelineLane,
  index: number,
  data: TimelineData,
  scale: Scale,
  out: BarShape[],
): number {
  const bins = lane.counts.length;
  const binSpan = (data.to - data.from) / Math.max(bins, 1);
  const most = lane.counts.reduce((a, b) => Math.max(a, b), 0);
  for (let bin = 0; bin < bins && out.length < MAX_SHAPES; bin++) {
    const count = lane.counts[bin] ?? 0;
    if (count === 0) continue;
    const x = xOf(scale, data.from + bin * binSpan);
    const width = Math.max(1, xOf(scale, data.from + (bin + 1) * binSpan) - x - 0.5);
    if (x + width < scale.left || x > scale.left + scale.width) continue;
    out.push({ lane: index, x, width, share: count / most, count });
  }
  return most;
}

function placeLine(
  line: { readonly at: readonly number[]; readonly value: readonly number[] },
  index: number,
  scale: Scale,
  box: LaneBox,
): LineShape {
  const low = Math.min(0, ...line.value.slice(0, MAX_SHAPES));
  const high = Math.max(1, ...line.value.slice(0, MAX_SHAPES));
  const bottom = laneTop(box, index) + box.laneHeight - 5;
  const rise = (box.laneHeight - 10) / (high - low);
  const points: (readonly [number, number])[] = [];
  let first = 0;
  for (let n = 0; n < line.at.length && n < MAX_SHAPES; n++) {
    const at = line.at[n] ?? 0;
    const value = line.value[n] ?? 0;
    if (at <= scale.view.from) first = value;
    const x = Math.min(Math.max(xOf(scale, at), scale.left), scale.left + scale.width);
    const y = bottom - (value - low) * rise;
    const before = points.at(-1);
    if (before !== undefined) points.push([x, before[1]]);
    points.push([x, y]);
  }
  const last = points.at(-1);
  if (last !== undefined) points.push([scale.left + scale.width, last[1]]);
  return { lane: index, points, first };
}
