// The registry of the Run screen's views: each tab's title, content and tools, by id.
// A view reads the shared parts by itself; a layout only says which tabs stand together.
// Adding a view is one line here and its id in a layout.
import type { Component } from "vue";
import CallsView from "./CallsView.vue";
import ConsoleView from "./ConsoleView.vue";
import DiffView from "./DiffView.vue";
import EventsTools from "./EventsTools.vue";
import EventsView from "./EventsView.vue";
import FindingsView from "./FindingsView.vue";
import FlameView from "./FlameView.vue";
import LocksView from "./LocksView.vue";
import MachineTools from "./MachineTools.vue";
import PageTools from "./PageTools.vue";
import PageView from "./PageView.vue";
import ProfileTools from "./ProfileTools.vue";
import RmapView from "./RmapView.vue";
import SandwichView from "./SandwichView.vue";
import SlotsView from "./SlotsView.vue";
import TablesView from "./TablesView.vue";
import TimelineTools from "./TimelineTools.vue";
import TimelineView from "./TimelineView.vue";
import TlbView from "./TlbView.vue";

interface RunView {
  readonly title: string;
  readonly content: Component;
  readonly tools: Component | null;
}

const view = (title: string, content: Component, tools: Component | null): RunView => ({
  title,
  content,
  tools,
});

export const RUN_VIEWS = {
  timeline: view("Timeline", TimelineView, TimelineTools),
  events: view("Events", EventsView, EventsTools),
  calls: view("Calls", CallsView, EventsTools),
  tables: view("Page tables", TablesView, MachineTools),
  memslots: view("Memslots", SlotsView, MachineTools),
  rmap: view("Rmap", RmapView, MachineTools),
  page: view("Page", PageView, PageTools),
  slot: view("Slot", SlotsView, MachineTools),
  locks: view("Locks", LocksView, MachineTools),
  tlb: view("TLB", TlbView, MachineTools),
  flame: view("Flame", FlameView, ProfileTools),
  sandwich: view("Sandwich", SandwichView, ProfileTools),
  diff: view("Diff", DiffView, ProfileTools),
  findings: view("Findings", FindingsView, null),
  console: view("Console", ConsoleView, null),
} as const satisfies Record<string, RunView>;

export type ViewId = keyof typeof RUN_VIEWS;
