// Paints a timeline: overview with steps and brush, ruler, lanes, playhead.
// Thin: every place comes from the layout, every colour from a token; it decides nothing.
// From: the timeline of the user interface's run screen.
import type { Ink, Surface } from "./canvas-surface.ts";
import { fontOf } from "./canvas-surface.ts";
import { kindSign } from "./signs.ts";
import type { LaneBox, MarkShape, TimelineData, TimelineShapes } from "./timeline-layout.ts";
import { fittingText, laneTop, ROOMY_LANE } from "./timeline-layout.ts";
import type { Scale, View } from "./timeline-scale.ts";
import { rulerTicks, xOf } from "./timeline-scale.ts";

export interface TimelineStep {
  readonly n: number;
  readonly line: string;
  readonly from: number;
  readonly to: number;
}
export interface TimelineFlag {
  readonly at: number;
  readonly token: string; // colour
  readonly text: string;
}
interface TimelinePicture {
  readonly scale: Scale;
  readonly box: LaneBox;
  readonly whole: Scale; // of the overview
  readonly data: TimelineData | null;
  readonly density: Uint32Array; // events per bin of the whole run
  readonly steps: readonly TimelineStep[];
  readonly currentStep: number;
  readonly flags: readonly TimelineFlag[];
  readonly shapes: TimelineShapes;
  readonly cursor: number | null;
  readonly range: View | null;
  readonly selectedEvent: number | null;
  readonly focusLane: number | null;
  readonly wholeTitle: string;
  readonly tickText: (value: number) => string;
  readonly isWhole: boolean; // ticks stand at whole numbers
  readonly textWidth: (text: string) => number;
}

const OVERVIEW_TOP = 6;
const OVERVIEW_HEIGHT = 22;
export const RULER_TOP = 28;
export const LANES_TOP = 44;

const FAMILIES = new Set(["mmu", "tdp", "kvm", "gup", "lock", "arch"]);
/** Fill of a block or frame: the family of its kernel file, or the quiet fill for all others. */
export const familyFill = (family: string): string =>
  FAMILIES.has(family) ? `--f-${family}` : familyAlias(family);
const familyInk = (family: string): string =>
  familyFill(family) === "--f-dim" ? "--f-dim-ink" : "--f-ink";

function familyAlias(family: string): string {
  if (family === "lookup" || family === "main") return "--f-kvm";
  if (["r", "w", "read", "write"].includes(family)) return "--f-lock";
  return family === "host" || family === "mm" ? "--f-gup" : "--f-dim";
}

export function paintTimeline(surface: Surface, picture: TimelinePicture): void {
  const { context, width, height, ink } = surface;
  context.fillStyle = ink("--bg-pane");
  context.fillRect(0, 0, width, height);
  context.textBaseline = "alphabetic";
  paintOverview(surface, picture);
  paintRuler(surface, picture);
  context.save();
  context.beginPath();
  context.rect(0, LANES_TOP, width, height - LANES_TOP);
  context.clip();
  paintLanes(surface, picture);
  context.restore();
  paintCursor(surface, picture);
}

function paintOverview(surface: Surface, picture: TimelinePicture): void {
  const { context, ink } = surface;
  const { whole, density, scale } = picture;
  const bottom = OVERVIEW_TOP + OVERVIEW_HEIGHT;
  context.fillStyle = ink("--bg-inset");
  context.fillRect(whole.left, OVERVIEW_TOP, whole.width, OVERVIEW_HEIGHT);
  const most = density.reduce((a, b) => Math.max(a, b), 1);
  context.fillStyle = ink("--line-strong");
  const bin = whole.width / Math.max(density.length, 1);
  density.forEach((count, n) => {
    if (count === 0) return;
    // A root keeps single events visible beside thousands.
    const tall = Math.max(1, Math.sqrt(count / most) * (OVERVIEW_HEIGHT - 4));
    context.fillRect(whole.left + n * bin, bottom - tall, Math.max(bin - 1, 1), tall);
  });
  const from = Math.round(xOf(whole, scale.view.from)) + 0.5;
  const to = Math.max(Math.round(xOf(whole, scale.view.to)) - 0.5, from + 3);
  context.fillStyle = ink("--accent");
  context.globalAlpha = 0.13;
  context.fillRect(from, OVERVIEW_TOP, to - from, OVERVIEW_HEIGHT);
  context.globalAlpha = 1;
  context.strokeStyle = ink("--accent");
  context.lineWidth = 1;
  context.strokeRect(from, OVERVIEW_TOP - 0.5, to - from, OVERVIEW_HEIGHT + 1);
  paintSteps(surface, picture);
  paintFlags(surface, picture);
  context.fillStyle = ink("--text-2");
  context.font = fontOf("11px --font-ui", ink);
  context.textAlign = "right";
  context.fillText(picture.wholeTitle, whole.left - 12, OVERVIEW_TOP + 15);
}

function paintSteps(surface: Surface, picture: TimelinePicture): void {
  const { context, ink } = surface;
  const { whole, steps } = picture;
  context.font = fontOf("10.5px --font-ui", ink);
  context.textAlign = "left";
  context.lineWidth = 3;
  context.strokeStyle = ink("--bg-inset");
  const taken: { from: number; to: number }[] = [];
  // The current step is named first, so that its neighbours give way to it.
  const current = steps.filter((step) => step.n === picture.currentStep);
  for (const step of [...current, ...steps]) {
    const isCurrent = step.n === picture.currentStep;
    const x = xOf(whole, step.from) + (isCurrent ? 4 : 3);
    const room = whole.left + whole.width - x;
    const text = stepText(step, xOf(whole, step.to) - x, room, picture);
    const to = x + picture.textWidth(text) + 6;
    if (text === "" || taken.some((other) => x < other.to && to > other.from)) continue;
    taken.push({ from: x - 4, to });
    context.fillStyle = ink(isCurrent ? "--text" : "--text-3");
    context.strokeText(text, x, OVERVIEW_TOP + 10);
    context.fillText(text, x, OVERVIEW_TOP + 10);
  }
}

function stepText(step: TimelineStep, own: number, room: number, picture: TimelinePicture): string {
  const full = `${step.n} ${step.line}`;
  const short = `${step.n} ${step.line.split(" ")[0] ?? ""}`;
  if (picture.textWidth(full) <= own) return full;
  return picture.textWidth(short) <= room ? short : "";
}

function paintFlags(surface: Surface, picture: TimelinePicture): void {
  const { context, ink } = surface;
  for (const flag of picture.flags) {
    const x = Math.round(xOf(picture.whole, flag.at)) + 0.5;
    context.fillStyle = ink(flag.token);
    context.beginPath();
    context.moveTo(x - 4, OVERVIEW_TOP - 5);
    context.lineTo(x + 4, OVERVIEW_TOP - 5);
    context.lineTo(x, OVERVIEW_TOP + 1);
    context.fill();
  }
}

function paintRuler(surface: Surface, picture: TimelinePicture): void {
  const { context, height, ink } = surface;
  const { scale } = picture;
  context.font = fontOf("10.5px --font-mono", ink);
  context.textAlign = "left";
  for (const tick of rulerTicks(scale, 110, picture.isWhole)) {
    const x = Math.round(tick.x) + 0.5;
    line(context, ink("--line-strong"), [x, tick.isMajor ? 39 : 41, x, LANES_TOP]);
    if (!tick.isMajor) continue;
    line(context, ink("--line-soft"), [x, LANES_TOP, x, height]);
    const text = picture.tickText(tick.at);
    if (x + 4 + picture.textWidth(text) > scale.left + scale.width) continue;
    context.fillStyle = ink("--text-3");
    context.fillText(text, x + 4, 41);
  }
  line(context, ink("--line"), [0, LANES_TOP + 0.5, surface.width, LANES_TOP + 0.5]);
}

function line(
  context: CanvasRenderingContext2D,
  color: string,
  [x0, y0, x1, y1]: readonly [number, number, number, number],
): void {
  context.strokeStyle = color;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

function paintLanes(surface: Surface, picture: TimelinePicture): void {
  const { context, ink } = surface;
  const { scale, box } = picture;
  paintRange(surface, picture);
  paintNames(surface, picture);
  context.save();
  context.beginPath();
  context.rect(scale.left, LANES_TOP, scale.width + 8, surface.height);
  context.clip();
  for (const bar of picture.shapes.bars) {
    const tall = Math.max(2, bar.share * (box.laneHeight - 7));
    context.fillStyle = ink("--line-strong");
    const bottom = laneTop(box, bar.lane) + box.laneHeight - 4;
    context.fillRect(bar.x, bottom - tall, bar.width, tall);
  }
  paintLines(surface, picture);
  paintBlocks(surface, picture);
  paintMarks(surface, picture);
  context.restore();
}

function paintNames(surface: Surface, picture: TimelinePicture): void {
  const { context, ink, width } = surface;
  const { box, data } = picture;
  context.textAlign = "right";
  data?.lanes.forEach((lane, index) => {
    const top = laneTop(box, index);
    if (index < box.firstLane || index >= box.firstLane + box.laneCount) return;
    if (index === picture.focusLane) {
      context.fillStyle = ink("--bg-hover");
      context.fillRect(0, top + 1, picture.scale.left, box.laneHeight - 1);
    }
    const isMono = lane.kind === "reference";
    context.font = fontOf(isMono ? "11px --font-mono" : "11.5px --font-ui", ink);
    context.fillStyle = ink("--text-2");
    const room = picture.scale.left - 20;
    const title = laneTitle(picture, index, lane.title);
    const text = fittingText(title, room, picture) || title.slice(0, 14);
    context.fillText(text, picture.scale.left - 12, top + box.laneHeight / 2 + 4);
    const bottom = top + box.laneHeight + 0.5;
    line(context, ink("--line-soft"), [0, bottom, width, bottom]);
  });
}

// Where a lane is too low for a text of its own, its first count stands with its name.
function laneTitle(picture: TimelinePicture, index: number, title: string): string {
  const shape = picture.shapes.lines.find((each) => each.lane === index);
  if (shape === undefined || picture.box.laneHeight >= ROOMY_LANE) return title;
  return `${title}: ${shape.first}`;
}

function paintRange(surface: Surface, picture: TimelinePicture): void {
  if (picture.range === null) return;
  const { context, ink, height } = surface;
  const from = xOf(picture.scale, picture.range.from);
  const to = xOf(picture.scale, picture.range.to);
  context.fillStyle = ink("--accent-tint");
  context.fillRect(from, LANES_TOP + 1, Math.max(to - from, 2), height);
}

function paintLines(surface: Surface, picture: TimelinePicture): void {
  const { context, ink } = surface;
  for (const shape of picture.shapes.lines) {
    context.strokeStyle = ink("--e-ref-get");
    context.lineWidth = 1.5;
    context.beginPath();
    shape.points.forEach(([x, y], n) => (n === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
    context.stroke();
    const top = laneTop(picture.box, shape.lane);
    context.font = fontOf("10.5px --font-mono", ink);
    context.textAlign = "left";
    context.fillStyle = ink("--text-3");
    if (picture.box.laneHeight < ROOMY_LANE) continue;
    const text = `count ${shape.first}`;
    // Above the line, or below it where the line runs along the upper edge of the lane.
    const y = shape.points[0]?.[1] ?? top + 12;
    const baseline = y - top >= 9 ? y - 2.5 : y + 10;
    context.fillText(text, picture.scale.left + 6, baseline);
  }
}

function paintBlocks(surface: Surface, picture: TimelinePicture): void {
  const { context, ink } = surface;
  context.font = fontOf("11px --font-ui", ink);
  context.textAlign = "left";
  for (const shape of picture.shapes.blocks) {
    context.fillStyle = ink(familyFill(shape.block.family));
    if (shape.width < 4) context.fillRect(shape.x, shape.y, shape.width, shape.height);
    else {
      context.beginPath();
      context.roundRect(shape.x, shape.y, shape.width, shape.height, 1.5);
      context.fill();
    }
    const isSelected = picture.selectedEvent === shape.block.event;
    if (isSelected) outline(context, ink("--text"), shape);
    if (shape.text === "") continue;
    context.fillStyle = ink(familyInk(shape.block.family));
    context.fillText(shape.text, shape.x + 5, shape.y + shape.height / 2 + 4);
  }
}

function outline(
  context: CanvasRenderingContext2D,
  color: string,
  shape: { x: number; y: number; width: number; height: number },
): void {
  context.strokeStyle = color;
  context.lineWidth = 1.5;
  context.strokeRect(shape.x + 0.75, shape.y + 0.75, shape.width - 1.5, shape.height - 1.5);
}

function paintMarks(surface: Surface, picture: TimelinePicture): void {
  const { context, ink } = surface;
  const { box } = picture;
  const { marks } = picture.shapes;
  const selected = marks.filter((shape) => shape.mark.event === picture.selectedEvent);
  let lastBadge: MarkShape | undefined;
  for (const shape of [...marks, ...selected]) {
    const top = laneTop(box, shape.lane) + (box.laneHeight - 15) / 2;
    const color = ink(kindSign(shape.mark.kind).ink);
    const isSelected = shape.mark.event === picture.selectedEvent;
    if (shape.isBadge) lastBadge = shape;
    if (!shape.isBadge && !isSelected) {
      const isCovered = lastBadge?.lane === shape.lane && shape.x - lastBadge.x < 9;
      if (isCovered) continue;
      context.fillStyle = color;
      context.fillRect(shape.x - 1, top + 3, 2, 10);
      continue;
    }
    paintBadge(context, ink, { x: shape.x, top, color, letter: shape.mark.kind, isSelected });
    if (shape.text === "") continue;
    context.font = fontOf("11px --font-ui", ink);
    context.textAlign = "left";
    context.fillStyle = ink("--text-2");
    context.fillText(shape.text, shape.x + 14, top + 11.5);
  }
}

function paintBadge(
  context: CanvasRenderingContext2D,
  ink: Ink,
  badge: { x: number; top: number; color: string; letter: string; isSelected: boolean },
): void {
  context.beginPath();
  context.roundRect(badge.x - 8, badge.top, 16, 15, 2);
  context.fillStyle = ink(badge.isSelected ? "--bg-selected" : "--bg-pane");
  context.fill();
  context.strokeStyle = badge.color;
  context.lineWidth = badge.isSelected ? 1.5 : 1;
  context.stroke();
  context.font = fontOf("600 10.5px --font-mono", ink);
  context.textAlign = "center";
  context.fillStyle = badge.color;
  context.fillText(badge.letter, badge.x, badge.top + 11.5);
}

function paintCursor(surface: Surface, picture: TimelinePicture): void {
  if (picture.cursor === null) return;
  const { context, ink, height } = surface;
  const x = Math.round(xOf(picture.scale, picture.cursor)) + 0.5;
  if (x < picture.scale.left - 1 || x > picture.scale.left + picture.scale.width + 1) return;
  line(context, ink("--accent"), [x, 34, x, height]);
  context.fillStyle = ink("--accent");
  context.beginPath();
  context.moveTo(x - 5, 31);
  context.lineTo(x + 5, 31);
  context.lineTo(x + 5, 36);
  context.lineTo(x, 41);
  context.lineTo(x - 5, 36);
  context.fill();
}
