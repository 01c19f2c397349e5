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
interface RunLayout {
  readonly form: "wide" | "medium" | "narrow";
  readonly panes: readonly PanePlan[];
  readonly timeline: number; // px at 16 px root
  readonly events: number;
  readonly inspector: number;
  readonly bottom: number; // 0: no bottom row
  readonly foldsLanes: boolean;
}

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
  timeline: 198,
  events: 452,
  inspector: 424,
  bottom: 214,
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
  timeline: 150,
  events: 376,
  inspector: 348,
  bottom: 0,
  foldsLanes: true,
};
const NARROW: RunLayout = {
  form: "narrow",
  panes: [
    { id: "timeline", tabs: ["timeline"] },
    { id: "events", tabs: [...EVENTS, "tables", "page", "flame", "findings"] },
  ],
  timeline: 120,
  events: 0,
  inspector: 0,
  bottom: 0,
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
