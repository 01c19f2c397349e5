// A step curve of a count over a run: its line, its axis and the marks on it, in pixels.
// Pure. Above two points a pixel the line keeps the least and the greatest value of each pixel.
// From: the page inspector and the comparison of the user interface (reference count over events).

export interface CurvePoint {
  readonly at: number;
  readonly value: number;
}
interface CurveBox {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly end: number; // last place of the axis
}
interface CurveAxis {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly number[];
}

/** Whole-number axis that holds every value and 0, with at most four ticks. */
export function curveAxis(values: Iterable<number>): CurveAxis {
  let low = 0;
  let high = 1;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const step = Math.max(1, niceStep((high - low) / 3));
  low = Math.floor(low / step) * step;
  high = Math.ceil(high / step) * step;
  const ticks: number[] = [];
  for (let tick = low; tick <= high && ticks.length < 8; tick += step) ticks.push(tick);
  return { low, high, ticks };
}

function niceStep(least: number): number {
  if (least <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 5].find((factor) => power * factor >= least) ?? 10) * power;
}

export const curveX = (box: CurveBox, at: number): number =>
  box.left + (Math.min(at, box.end) / Math.max(box.end, 1)) * (box.right - box.left);
export const curveY = (box: CurveBox, axis: CurveAxis, value: number): number =>
  box.bottom - ((value - axis.low) / (axis.high - axis.low)) * (box.bottom - box.top);

/** Path data of the step line from the first point to the end of the run. */
export function curvePath(points: readonly CurvePoint[], box: CurveBox, axis: CurveAxis): string {
  const parts: string[] = [];
  let pixel = -1;
  let held: CurvePoint | null = null;
  for (const point of points) {
    const x = curveX(box, point.at);
    const y = round(curveY(box, axis, point.value));
    if (held === null) parts.push(`M${round(x)} ${y}`);
    else if (Math.floor(x) === pixel) parts.push(`V${y}`);
    else parts.push(`H${round(x)}V${y}`);
    pixel = Math.floor(x);
    held = point;
  }
  if (held !== null) parts.push(`H${round(box.right)}`);
  return simplify(parts);
}

// Within one pixel only the extremes of a run of vertical moves can be seen.
function simplify(parts: readonly string[]): string {
  const kept: string[] = [];
  let run: number[] = [];
  const flush = (): void => {
    if (run.length > 3) {
      kept.push(`V${Math.min(...run)}V${Math.max(...run)}V${run.at(-1) ?? 0}`);
    } else for (const y of run) kept.push(`V${y}`);
    run = [];
  };
  for (const part of parts) {
    if (part.startsWith("V") && run.length < 10_000) run.push(Number(part.slice(1)));
    else {
      flush();
      kept.push(part);
    }
  }
  flush();
  return kept.join("");
}

const round = (value: number): number => Math.round(value * 10) / 10;

/** The value of the curve at a place: that of the last point at or before it. */
export function valueAt(points: readonly CurvePoint[], at: number): number | null {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((points[middle]?.at ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return points[low - 1]?.value ?? null;
}
