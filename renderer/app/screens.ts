// The registry of screens: one line adds one. The rail, the palette and the router read it.
// A component is loaded when its screen is first shown; it reads its own parameters from the
// address.
import type { Component } from "vue";
import { defineAsyncComponent } from "vue";

export interface Screen {
  readonly id: string; // first part of the address
  readonly title: string;
  readonly icon: string; // a name of widgets/icons.table.ts; "" keeps it out of the rail
  readonly keys: string; // "" when there are none
  readonly at: "top" | "bottom";
  readonly component: Component;
}

const screen = (
  id: string,
  title: string,
  rail: { icon: string; keys: string; at?: "top" | "bottom" },
  load: () => Promise<{ default: Component }>,
): Screen => ({ id, title, at: "top", ...rail, component: defineAsyncComponent(load) });

export const SCREENS: readonly Screen[] = [
  screen(
    "scenario",
    "Scenario",
    { icon: "scenario", keys: "G S" },
    () => import("../panes/scenario/ScenarioScreen.vue"),
  ),
  screen("run", "Run", { icon: "run", keys: "G R" }, () => import("../panes/run/RunScreen.vue")),
  screen(
    "compare",
    "Compare",
    { icon: "compare", keys: "G C" },
    () => import("../panes/compare/CompareScreen.vue"),
  ),
  screen(
    "runs",
    "Runs",
    { icon: "runs", keys: "G L" },
    () => import("../panes/runs/RunsScreen.vue"),
  ),
  screen(
    "report",
    "Report",
    { icon: "report", keys: "G P" },
    () => import("../panes/report/ReportScreen.vue"),
  ),
  screen(
    "settings",
    "Settings",
    { icon: "settings", keys: "Mod+,", at: "bottom" },
    () => import("../panes/settings/SettingsScreen.vue"),
  ),
  screen(
    "welcome",
    "Welcome",
    { icon: "", keys: "" },
    () => import("../panes/welcome/WelcomeScreen.vue"),
  ),
];

export const screenOf = (id: string): Screen | null => SCREENS.find((one) => one.id === id) ?? null;
