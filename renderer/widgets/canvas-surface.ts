// A canvas that follows its box, the device's pixels, the text size and the theme, one draw a
// frame. Owns the observers and the frame request and ends them with the component. Colours are
// read from the computed style when the theme changes, never written in drawing code. Units are
// pixels at 16 px root.
import { onBeforeUnmount, onMounted, type Ref, ref, shallowRef } from "vue";

export interface Ink {
  /** The value of a token, also as signs name it: `ink("--accent")`, `ink("var(--accent)")`. */
  (token: string): string;
}

export interface Surface {
  readonly context: CanvasRenderingContext2D;
  readonly width: number; // in design pixels
  readonly height: number;
  readonly ink: Ink;
  readonly ratio: number; // device pixels of one design pixel
}

export interface CanvasSurface {
  readonly canvas: Ref<HTMLCanvasElement | null>;
  readonly width: Readonly<Ref<number>>;
  readonly height: Readonly<Ref<number>>;
  /** Text width in the given font; measured once per text and font. */
  textWidth(text: string): number;
  repaint(): void;
  /** Pointer position in design pixels. */
  pointOf(event: MouseEvent): { x: number; y: number };
}

const MAX_TEXTS = 5000;

export function useCanvasSurface(font: string, paint: (surface: Surface) => void): CanvasSurface {
  const canvas = shallowRef<HTMLCanvasElement | null>(null);
  const width = ref(0);
  const height = ref(0);
  const widths = new Map<string, number>();
  let tokens = new Map<string, string>();
  let frame = 0;
  let context: CanvasRenderingContext2D | null = null;

  const rootScale = (): number =>
    Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16 || 1;

  function ink(token: string): string {
    const known = tokens.get(token);
    if (known !== undefined) return known;
    const name = token.startsWith("var(") ? token.slice(4, -1) : token;
    const value = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    tokens.set(token, value);
    return value;
  }

  function resize(): void {
    const element = canvas.value;
    if (element === null) return;
    const scale = rootScale();
    width.value = element.clientWidth / scale;
    height.value = element.clientHeight / scale;
    repaint();
  }

  function repaint(): void {
    if (frame !== 0) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      draw();
    });
  }

  function draw(): void {
    const element = canvas.value;
    if (element === null || width.value === 0 || height.value === 0) return;
    const ratio = (window.devicePixelRatio || 1) * rootScale();
    const [columns, rows] = [Math.round(width.value * ratio), Math.round(height.value * ratio)];
    if (element.width !== columns || element.height !== rows) {
      element.width = columns;
      element.height = rows;
    }
    context ??= element.getContext("2d", { alpha: false, desynchronized: true });
    if (context === null) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    paint({ context, width: width.value, height: height.value, ink, ratio });
  }

  function textWidth(text: string): number {
    const known = widths.get(text);
    if (known !== undefined) return known;
    const measuring = (measure ??= document.createElement("canvas").getContext("2d"));
    if (measuring === null) return text.length * 6;
    measuring.font = fontOf(font, ink);
    const measured = measuring.measureText(text).width;
    if (widths.size > MAX_TEXTS) widths.clear();
    widths.set(text, measured);
    return measured;
  }

  function pointOf(event: MouseEvent): { x: number; y: number } {
    const box = canvas.value?.getBoundingClientRect();
    const scale = rootScale();
    return {
      x: (event.clientX - (box?.left ?? 0)) / scale,
      y: (event.clientY - (box?.top ?? 0)) / scale,
    };
  }

  const themeChanged = (): void => {
    tokens = new Map();
    resize();
  };
  const sizes = new ResizeObserver(resize);
  const themes = new MutationObserver(themeChanged);
  onMounted(() => {
    if (canvas.value !== null) sizes.observe(canvas.value);
    themes.observe(document.documentElement, { attributes: true });
    // A font that arrives late changes every width.
    void document.fonts.ready.then(() => {
      widths.clear();
      repaint();
    });
    resize();
  });
  onBeforeUnmount(() => {
    sizes.disconnect();
    themes.disconnect();
    cancelAnimationFrame(frame);
  });
  return { canvas, width, height, textWidth, repaint, pointOf };
}

let measure: CanvasRenderingContext2D | null = null;

/** A canvas font from a size and a family token: "11px --font-ui". */
export const fontOf = (font: string, ink: Ink): string =>
  font.replace(/--[a-z-]+/, (token) => ink(token));
