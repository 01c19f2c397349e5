// Which panes the Run screen has at a window's size, and which tabs each pane holds. Pure: the same
// size gives the same panes. What has no pane of its own is a tab of its neighbour; the narrowest
// form keeps one view of each kind.
// From: the table of widths of the user interface (1600 x 1000, 1280 x 800, smaller or enlarged).
import type { ViewId } from "./run-views.ts";

export type PaneId = "timeline" | "events" | "tables" | "inspector" | "profile" | "findings";

interface PanePlan {
  readonly id: PaneId;
  readonly tabs: readonly ViewId[];
}
/** An edge that a splitter moves: the size of what lies before or after it. */
export type EdgeId = "timeline" | "events" | "inspector" | "bottom" | "profile";

interface RunLayout {
  readonly form: "wide" | "medium" | "narrow";
  readonly panes: readonly PanePlan[];
  /** px at 16 px root; 0 where the layout has no such edge. */
  readonly sizes: Readonly<Record<EdgeId, number>>;
  readonly foldsLanes: boolean;
}

interface Edge {
  readonly id: EdgeId;
  readonly direction: "row" | "column";
  readonly side: "before" | "after";
  readonly label: string;
  readonly min: number;
  readonly max: number;
}

/** In the order in which Tab reaches them. */
export const EDGES: readonly Edge[] = [
  {
    id: "timeline",
    direction: "row",
    side: "before",
    label: "Height of the timeline",
    min: 100,
    max: 480,
  },
  {
    id: "events",
    direction: "column",
    side: "before",
    label: "Width of events",
    min: 220,
    max: 900,
  },
  {
    id: "inspector",
    direction: "column",
    side: "after",
    label: "Width of the page inspector",
    min: 220,
    max: 720,
  },
  {
    id: "bottom",
    direction: "row",
    side: "after",
    label: "Height of the profile",
    min: 120,
    max: 560,
  },
  {
    id: "profile",
    direction: "column",
    side: "before",
    label: "Width of the profile",
    min: 220,
    max: 920,
  },
];

const EVENTS: readonly ViewId[] = ["events", "calls"];
const TABLES: readonly ViewId[] = ["tables", "memslots", "rmap"];
const INSPECTOR: readonly ViewId[] = ["page", "slot", "locks", "tlb"];
const PROFILE: readonly ViewId[] = ["flame", "sandwich", "diff"];
const FINDINGS: readonly ViewId[] = ["findings", "console"];

const WIDE: RunLayout = {
  form: "wide",
  panes: [
    { id: "timeline", tabs: ["timeline"] },
    { id: "events", tabs: EVENTS },
    { id: "tables", tabs: TABLES },
    { id: "inspector", tabs: INSPECTOR },
    { id: "profile", tabs: PROFILE },
    { id: "findings", tabs: FINDINGS },
  ],
  sizes: { timeline: 198, events: 452, inspector: 424, bottom: 214, profile: 772 },
  foldsLanes: false,
};
const MEDIUM: RunLayout = {
  form: "medium",
  panes: [
    { id: "timeline", tabs: ["timeline"] },
    { id: "events", tabs: [...EVENTS, "findings"] },
    // The slots have a tab in the inspector already; there is no room to show them twice.
    { id: "tables", tabs: ["tables", "rmap", ...PROFILE, "console"] },
    { id: "inspector", tabs: INSPECTOR },
  ],
  sizes: { timeline: 150, events: 376, inspector: 348, bottom: 0, profile: 0 },
  foldsLanes: true,
};
const NARROW: RunLayout = {
  form: "narrow",
  panes: [
    { id: "timeline", tabs: ["timeline"] },
    { id: "events", tabs: [...EVENTS, "tables", "page", "flame", "findings"] },
  ],
  sizes: { timeline: 120, events: 0, inspector: 0, bottom: 0, profile: 0 },
  foldsLanes: true,
};

/** The layout for a screen of this size, in pixels at 16 px root. */
export function layoutRun(width: number, height: number): RunLayout {
  if (width >= 1440 && height >= 820) return WIDE;
  return width >= 1080 ? MEDIUM : NARROW;
}

/** The pane of a layout that holds a view. */
export function paneOf(layout: RunLayout, view: ViewId): PaneId | null {
  return layout.panes.find((pane) => pane.tabs.includes(view))?.id ?? null;
}
