// The signs of a report: verdict shapes, entry states, as inline SVG and letters that read without
// colour.
// Owns the shapes; colours come from classes of the style sheet.
// From: the table of verdict signs and entry states of the interface.
import { html, type Html } from "./html.ts";

/** Outlines by verdict, on a square of 16; ring and dotted ring are drawn by two paths. */
const RING = "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zm0 1.6a4.4 4.4 0 1 0 0 8.8 4.4 4.4 0 0 0 0-8.8z";
const SHAPES: Readonly<Record<string, readonly string[]>> = {
  maps: ["M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2z"],
  refuses: ["M2 2h12v12H2zM4.5 6.8v2.4h7V6.8z"],
  leaks: ["M8 2l6.5 12h-13z"],
  underflows: ["M8 14L1.5 2h13z"],
  "wrong page": ["M8 1l7 7-7 7-7-7z"],
  "stale mapping": ["M3 2h10L8 8l5 6H3l5-6z"],
  differs: [
    "M2 2h12v12H2zM3.2 3.2v9.6h9.6V3.2z",
    "M4.5 6h7v1.2h-7zM4.5 9h7v1.2h-7z",
    "M10 4l1 .5-5 8-1-.5z",
  ],
  crashes: [
    "M8 .5l1.6 3.7 3.7-1.5-1.5 3.7L15.5 8l-3.7 1.6 1.5 3.7-3.7-1.5L8 15.5l-1.6-3.7-3.7 1.5 " +
      "1.5-3.7L.5 8l3.7-1.6-1.5-3.7 3.7 1.5z",
  ],
  fails: ["M3.5 2L8 6.5 12.5 2 14 3.5 9.5 8l4.5 4.5-1.5 1.5L8 9.5 3.5 14 2 12.5 6.5 8 2 3.5z"],
  emulates: [RING, "M8 6.2a1.8 1.8 0 1 1 0 3.6 1.8 1.8 0 0 1 0-3.6z"],
  skips: [RING, "M5 7.2h6v1.6H5z"],
};
const UNKNOWN = html`<circle cx="8" cy="8" r="5.4" fill="none" stroke="currentColor"
 stroke-width="1.4" stroke-dasharray="2 2"/>`;

const CLASSES: Readonly<Record<string, string>> = {
  maps: "maps",
  refuses: "refuses",
  leaks: "leaks",
  underflows: "underflows",
  crashes: "underflows",
  fails: "underflows",
  "wrong page": "wrong",
  "stale mapping": "wrong",
  emulates: "emulates",
  skips: "emulates",
};

/** Class of a verdict's colour. */
export const verdictClass = (verdict: string): string => `v-${CLASSES[verdict] ?? "other"}`;

/** The shape beside its word: the word is the name, so the shape is hidden from readers. */
export function verdictShape(verdict: string, size = 12): Html {
  const paths = SHAPES[verdict]?.map((d) => html`<path fill-rule="evenodd" d="${d}"/>`) ?? UNKNOWN;
  return html`<svg class="${verdictClass(verdict)}" width="${size}" height="${size}"
 viewBox="0 0 16 16" aria-hidden="true">${paths}</svg>`;
}

export const verdictWord = (verdict: string): Html =>
  html`<span class="vv ${verdictClass(verdict)}">${verdictShape(verdict)}<b>${verdict}</b></span>`;

const STATE_CLASSES: Readonly<Record<string, string>> = {
  T: "table",
  W: "writable",
  R: "readonly",
  a: "readonly",
  P: "readonly",
  M: "mmio",
  Z: "frozen",
};
export const STATE_WORDS: Readonly<Record<string, string>> = {
  ".": "not present",
  T: "table",
  W: "writable",
  R: "read-only",
  a: "access-tracked",
  P: "write-protected by KVM",
  M: "MMIO",
  Z: "frozen",
};

export function stateBadge(state: string, isChanged: boolean): Html {
  const kind = `st-${STATE_CLASSES[state] ?? "none"}${isChanged ? " ring" : ""}`;
  const letter = state === "." ? "·" : state;
  return html`<i class="st ${kind}" title="${STATE_WORDS[state] ?? ""}">${letter}</i>`;
}
