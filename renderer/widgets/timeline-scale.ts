// The horizontal axis of a timeline: which part of the run is in view and where a value falls.
// Pure arithmetic: zoom and pan never leave the run, and the same input gives the same view.
// From: the UI's rules for the timeline (zoom with W S, pan with A D, frame with F, all with 0).

/** A part of the axis, in the unit of the axis; `to` is exclusive and larger than `from`. */
export interface View {
  readonly from: number;
  readonly to: number;
}

/** Where a view is drawn: `left` is the x of `view.from`, `width` the pixels of the whole view. */
export interface Scale {
  readonly view: View;
  readonly left: number;
  readonly width: number;
}

interface RulerTick {
  readonly at: number;
  readonly x: number;
  readonly isMajor: boolean;
}

export const spanOf = (view: View): number => view.to - view.from;
export const xOf = (scale: Scale, value: number): number =>
  scale.left + ((value - scale.view.from) / spanOf(scale.view)) * scale.width;
export const valueOf = (scale: Scale, x: number): number =>
  scale.view.from + ((x - scale.left) / scale.width) * spanOf(scale.view);

/** The nearest view of at least `minSpan` that lies inside 0..end. */
export function clampView(view: View, end: number, minSpan: number): View {
  const whole = Math.max(end, minSpan);
  const span = Math.min(Math.max(spanOf(view), minSpan), whole);
  const middle = (view.from + view.to) / 2;
  const from = Math.min(Math.max(middle - span / 2, 0), whole - span);
  return { from, to: from + span };
}

/** Zooms by `factor` (below 1: closer) and keeps the value `around` at its place on screen. */
export function zoomView(view: View, factor: number, around: number, limits: Limits): View {
  const share = (around - view.from) / spanOf(view);
  const wanted = spanOf(view) * factor;
  const span = Math.min(Math.max(wanted, limits.minSpan), Math.max(limits.end, limits.minSpan));
  const from = around - share * span;
  return insideView(from, span, limits.end);
}

export interface Limits {
  readonly end: number;
  readonly minSpan: number;
}

/** Moves by `share` of the view's own length; negative goes back. */
export function panView(view: View, share: number, end: number): View {
  const span = spanOf(view);
  return insideView(view.from + share * span, span, end);
}

function insideView(from: number, span: number, end: number): View {
  const start = Math.min(Math.max(from, 0), Math.max(end - span, 0));
  return { from: start, to: start + span };
}

/** A view of from..to with an eighth of its length free at both sides. */
export function frameView(from: number, to: number, limits: Limits): View {
  const margin = Math.max((to - from) / 8, limits.minSpan / 8);
  return clampView({ from: from - margin, to: to + margin }, limits.end, limits.minSpan);
}

/** The least pan that brings `value` into view with a margin of a tenth; the same view if it is. */
export function revealValue(view: View, value: number, end: number): View {
  const margin = spanOf(view) / 10;
  if (value >= view.from && value <= view.to) return view;
  const from = value < view.from ? value - margin : value + margin - spanOf(view);
  return insideView(from, spanOf(view), end);
}

/** A step of 1, 2 or 5 times a power of ten with at least `minPixels` between two ticks. */
export function tickStep(scale: Scale, minPixels: number): number {
  const least = (spanOf(scale.view) / scale.width) * minPixels;
  const power = 10 ** Math.floor(Math.log10(least));
  for (const factor of [1, 2, 5]) if (power * factor >= least) return power * factor;
  return power * 10;
}

const MAX_TICKS = 400;

/** Major ticks at round values and one minor tick between two majors. */
export function rulerTicks(scale: Scale, minPixels: number, isWhole = false): RulerTick[] {
  const step = isWhole ? Math.max(1, tickStep(scale, minPixels)) : tickStep(scale, minPixels);
  const ticks: RulerTick[] = [];
  const first = Math.max(0, Math.ceil((scale.view.from / step) * 2 - 1e-9));
  for (let n = first; ticks.length < MAX_TICKS; n++) {
    const at = (n * step) / 2;
    if (at > scale.view.to) break;
    ticks.push({ at, x: xOf(scale, at), isMajor: n % 2 === 0 });
  }
  return ticks;
}
