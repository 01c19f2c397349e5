// A call tree as a still picture: one SVG, root on top, a frame's width its share of the whole.
// Promises that what is too narrow is left out and counted; every frame has its name and figures as
// a title.
// From: the interface's flame graph: rows of 18, coloured by the function's file family.
import type { CallTree } from "#shared/profile/tree";
import { html, NOTHING, type Html } from "./html.ts";
import { MOST_FRAMES_SHOWN } from "./input.ts";

const WIDTH = 956;
const ROW = 18;
const MOST_DEPTH = 40;
const NARROWEST = 1;
/** Mean advance of the picture's font at 11 px. */
const CHAR = 6.7;

interface Frame {
  readonly row: number;
  readonly depth: number;
  readonly x: number;
  readonly width: number;
}

/** Frames wide enough to be seen, and how many are not. */
function layout(tree: CallTree): { frames: readonly Frame[]; hidden: number; depth: number } {
  const total = tree.total[0] ?? 0;
  if (total <= 0) return { frames: [], hidden: 0, depth: 0 };
  const depths = new Int32Array(tree.parent.length);
  const frames: Frame[] = [];
  let hidden = 0;
  let depth = 0;
  for (let row = 0; row < tree.parent.length; row++) {
    depths[row] = row === 0 ? 0 : (depths[tree.parent[row] ?? 0] ?? 0) + 1;
    const width = ((tree.total[row] ?? 0) / total) * WIDTH;
    const isShown =
      width >= NARROWEST && (depths[row] ?? 0) < MOST_DEPTH && frames.length < MOST_FRAMES_SHOWN;
    if (!isShown) {
      hidden += (tree.total[row] ?? 0) > 0 ? 1 : 0;
      continue;
    }
    depth = Math.max(depth, depths[row] ?? 0);
    frames.push({
      row,
      depth: depths[row] ?? 0,
      x: ((tree.start[row] ?? 0) / total) * WIDTH,
      width,
    });
  }
  return { frames, hidden, depth };
}

/** Shared digits: the document stays small and the same on every machine. */
const px = (value: number): string => String(Math.round(value * 10) / 10);

/** `est. 24.030 us`; other units as counts. */
export function amount(value: number, unit: string): string {
  if (unit !== "ns") return `${Math.round(value).toLocaleString("en-US")} ${unit}`;
  return value >= 1e6
    ? `est. ${(value / 1e6).toFixed(3)} ms`
    : `est. ${(value / 1000).toFixed(3)} µs`;
}

function frameMarkup(tree: CallTree, unit: string, { row, depth, x, width }: Frame): Html {
  const fn = tree.fn[row] ?? 0;
  const name = tree.functions[fn] ?? "";
  const share = ((tree.total[row] ?? 0) / (tree.total[0] ?? 1)) * 100;
  const room = Math.floor((width - 6) / CHAR);
  const label = room < 3 ? "" : name.length <= room ? name : `${name.slice(0, room - 1)}…`;
  const figures = [amount(tree.total[row] ?? 0, unit), `self ${amount(tree.self[row] ?? 0, unit)}`];
  const title = `${name}: ${figures.join(", ")}, ${share.toFixed(1)} %`;
  const y = depth * ROW;
  const text = label === "" ? NOTHING : html`<text x="${px(x + 3)}" y="${y + 12}">${label}</text>`;
  return html`<g><title>${title}</title><rect class="f-${tree.families[fn] ?? "dim"}" x="${px(x)}"
 y="${y}" width="${px(width)}" height="${ROW - 1}"/>${text}</g>`;
}

/** The picture and what it leaves out. */
export function flameSvg(
  tree: CallTree,
  unit: string,
  name: string,
): { svg: Html; hidden: number } {
  const { frames, hidden, depth } = layout(tree);
  const height = (depth + 1) * ROW;
  const drawn = frames.map((frame) => frameMarkup(tree, unit, frame));
  const svg = html`<svg class="flame" viewBox="0 0 ${WIDTH} ${height}" role="img"
 aria-label="${name}">${drawn}</svg>`;
  return { svg, hidden };
}
