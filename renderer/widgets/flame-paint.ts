// Paints a flame graph: frames by family, names and values where they fit, selection and finds
// outlined. Thin frames are written as pixels in one buffer, because thousands of small rectangles
// cost too much.
// From: the stack's figures for canvas drawing; colours come from tokens only.
import type { Surface } from "./canvas-surface.ts";
import { fontOf } from "./canvas-surface.ts";
import type { FlameShapes, FlameView } from "./flame-layout.ts";
import type { FlameTree } from "./flame-tree.ts";
import { fittingText } from "./timeline-layout.ts";

interface FlamePicture {
  readonly tree: FlameTree;
  readonly shapes: FlameShapes;
  readonly view: FlameView;
  readonly top: number;
  readonly scroll: number; // pixels of frames above the picture
  readonly selected: number | null;
  readonly found: ReadonlySet<number>;
  readonly isSearching: boolean;
  readonly fill: (row: number) => string; // token
  readonly isDotted: (row: number) => boolean; // only in one of two runs
  readonly valueText: (row: number) => string;
  readonly textWidth: (text: string) => number;
}

const LEFT = 8;
const RECT_LIMIT = 12_000; // above it, frames without text are left to the pixel rows
export const FLAME_LEFT = LEFT;

export function paintFlame(surface: Surface, picture: FlamePicture): void {
  const { context, width, height, ink } = surface;
  context.fillStyle = ink("--bg-pane");
  context.fillRect(0, 0, width, height);
  const { shapes, view } = picture;
  context.textBaseline = "alphabetic";
  let drawn = 0;
  for (let n = 0; n < shapes.size; n++) {
    const y = topOf(picture, n);
    if (y + view.frame < 0 || y > height) continue;
    const row = shapes.row[n] ?? -1;
    const wide = shapes.width[n] ?? 0;
    if (drawn++ > RECT_LIMIT && wide < 3) continue;
    context.fillStyle = ink(row < 0 ? "--f-dim" : fillOf(picture, row));
    const x = LEFT + (shapes.x[n] ?? 0);
    const shown = Math.max(wide - 1, 0.8);
    if (wide < 5) context.fillRect(x, y, shown, view.frame - 1);
    else {
      context.beginPath();
      context.roundRect(x, y, shown, view.frame - 1, 1.5);
      context.fill();
    }
    if (row < 0) continue;
    if (picture.isDotted(row)) dottedEdge(surface, x, y + view.frame - 1.5, shown);
    if (wide >= 24) paintText(surface, picture, { row, x, y, wide: shown });
  }
  paintOutlines(surface, picture);
}

const topOf = (picture: FlamePicture, n: number): number => {
  const level = (picture.shapes.level[n] ?? 0) - picture.view.firstLevel;
  return picture.top + level * picture.view.frame - picture.scroll;
};

// While something is searched for, frames that do not match step back.
function fillOf(picture: FlamePicture, row: number): string {
  return picture.isSearching && !picture.found.has(row) ? "--f-dim" : picture.fill(row);
}

interface FrameBox {
  readonly row: number;
  readonly x: number;
  readonly y: number;
  readonly wide: number;
}

function paintText(surface: Surface, picture: FlamePicture, box: FrameBox): void {
  const { context, ink } = surface;
  const { tree } = picture;
  const name = tree.functions[tree.fn[box.row] ?? 0] ?? "";
  const dim = fillOf(picture, box.row) === "--f-dim";
  const value = picture.valueText(box.row);
  const valueWidth = picture.textWidth(value);
  const nameWidth = picture.textWidth(name);
  const showsValue = value !== "" && nameWidth + valueWidth + 26 <= box.wide;
  const text = fittingText(name, box.wide - 10, picture);
  context.fillStyle = ink(dim ? "--f-dim-ink" : "--f-ink");
  context.font = fontOf("11px --font-ui", ink);
  context.textAlign = "left";
  if (text !== "") context.fillText(text, box.x + 5, box.y + 12.3);
  if (!showsValue) return;
  context.textAlign = "right";
  context.font = fontOf("10.5px --font-ui", ink);
  context.fillText(value, box.x + box.wide - 5, box.y + 12.3);
}

function dottedEdge(surface: Surface, x: number, y: number, wide: number): void {
  const { context, ink } = surface;
  context.strokeStyle = ink("--f-ink");
  context.lineWidth = 1;
  context.setLineDash([2, 2]);
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x + wide, y);
  context.stroke();
  context.setLineDash([]);
}

function paintOutlines(surface: Surface, picture: FlamePicture): void {
  const { context, ink } = surface;
  const { shapes, view } = picture;
  for (let n = 0; n < shapes.size; n++) {
    if (shapes.row[n] !== picture.selected || picture.selected === null) continue;
    const y = topOf(picture, n);
    const wide = Math.max((shapes.width[n] ?? 0) - 1, 3);
    context.strokeStyle = ink("--text");
    context.lineWidth = 2;
    context.strokeRect(LEFT + (shapes.x[n] ?? 0) + 1, y + 1, wide - 2, view.frame - 3);
  }
}
