// Mouse and pen on a timeline: wheel zooms, drag pans, Shift+drag chooses a range, the overview is
// a brush. Owns only the drag under way; a press that moves less than a few pixels is a click.
// From: the timeline's keys and the rule that zooming follows the wheel in the same frame.
import { type Ref, ref } from "vue";
import type { CanvasSurface } from "./canvas-surface.ts";
import type { TimelineHit } from "./timeline-hit.ts";
import type { LaneBox } from "./timeline-layout.ts";
import { LANES_TOP, RULER_TOP } from "./timeline-paint.ts";
import {
  clampView,
  type Limits,
  panView,
  type Scale,
  spanOf,
  valueOf,
  type View,
  zoomView,
} from "./timeline-scale.ts";

interface Options {
  readonly surface: CanvasSurface;
  readonly scale: Readonly<Ref<Scale>>;
  readonly whole: Readonly<Ref<Scale>>;
  readonly box: Readonly<Ref<LaneBox>>;
  readonly limits: Readonly<Ref<Limits>>;
  readonly hit: (x: number, y: number) => TimelineHit;
  readonly lanes: () => number;
  readonly emitView: (view: View) => void;
  readonly emitRange: (range: View | null) => void;
  readonly scrollLanes: (by: number) => void;
  readonly click: (hit: TimelineHit, value: number) => void;
}

type Drag =
  | { readonly kind: "brush" | "range"; readonly from: number; readonly x: number }
  | { readonly kind: "pan"; readonly view: View; readonly x: number; readonly y: number };

const CLICK_PIXELS = 4;
const MAX_WHEEL = 3;

export function useTimelinePointer(options: Options) {
  const { surface, scale, whole, limits } = options;
  const title = ref("");
  let drag: Drag | null = null;
  let hasMoved = false;

  function onWheel(event: WheelEvent): void {
    const { x, y } = surface.pointOf(event);
    if (event.shiftKey && y > LANES_TOP) return options.scrollLanes(Math.sign(event.deltaY));
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      const share = event.deltaX / scale.value.width;
      return options.emitView(panView(scale.value.view, share, limits.value.end));
    }
    const turns = Math.min(Math.max(event.deltaY / 100, -MAX_WHEEL), MAX_WHEEL);
    const around = valueOf(y < RULER_TOP ? whole.value : scale.value, x);
    options.emitView(zoomView(scale.value.view, 1.3 ** turns, around, limits.value));
  }

  function onDown(event: PointerEvent): void {
    if (event.button !== 0) return;
    const { x, y } = surface.pointOf(event);
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    hasMoved = false;
    if (y < RULER_TOP) drag = { kind: "brush", from: valueOf(whole.value, x), x };
    else if (event.shiftKey) drag = { kind: "range", from: valueOf(scale.value, x), x };
    else drag = { kind: "pan", view: scale.value.view, x, y };
  }

  function onMove(event: PointerEvent): void {
    const { x, y } = surface.pointOf(event);
    if (drag === null) {
      title.value = titleOf(options.hit(x, y));
      return;
    }
    if (Math.abs(x - drag.x) >= CLICK_PIXELS) hasMoved = true;
    if (!hasMoved) return;
    if (drag.kind === "pan") {
      const share = (drag.x - x) / scale.value.width;
      options.emitView(panView(drag.view, share, limits.value.end));
      return;
    }
    const to = valueOf(drag.kind === "brush" ? whole.value : scale.value, x);
    const view = { from: Math.min(drag.from, to), to: Math.max(drag.from, to) };
    if (drag.kind === "range") options.emitRange(view);
    else options.emitView(clampView(view, limits.value.end, limits.value.minSpan));
  }

  function onUp(event: PointerEvent): void {
    const ended = drag;
    drag = null;
    if (ended === null || hasMoved) return;
    const { x, y } = surface.pointOf(event);
    if (ended.kind === "range") return options.emitRange(null);
    if (ended.kind === "brush") {
      const half = spanOf(scale.value.view) / 2;
      const view = { from: ended.from - half, to: ended.from + half };
      return options.emitView(clampView(view, limits.value.end, limits.value.minSpan));
    }
    options.click(options.hit(x, y), valueOf(scale.value, x));
  }

  return { title, onWheel, onDown, onMove, onUp };
}

function titleOf(hit: TimelineHit): string {
  if (hit.kind === "mark") return `Event ${hit.event} ${hit.label}`;
  if (hit.kind === "block") return hit.block.label;
  return hit.kind === "bar" ? `${hit.count} events` : "";
}
