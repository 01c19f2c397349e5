// Moving the focus between panes and their tabs. A pane is any element marked `data-pane`
// (widgets/PaneFrame.vue).
// The focus goes to the pane's own Tab stop in its panel; a pane without one gets it on its tab.

const STOPS = ":is([role=tabpanel] :is([tabindex='0'], textarea, input), [role=tab][tabindex='0'])";

function shownPanes(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>("[data-pane]")].filter(
    (pane) => pane.offsetParent !== null,
  );
}

function currentIndex(panes: readonly HTMLElement[]): number {
  return panes.findIndex((pane) => pane.contains(document.activeElement));
}

function enter(pane: HTMLElement | undefined): void {
  pane?.querySelector<HTMLElement>(STOPS)?.focus();
}

export const focusPane = (index: number): void => enter(shownPanes()[index]);

export function movePane(by: 1 | -1): void {
  const panes = shownPanes();
  const at = currentIndex(panes);
  const start = at < 0 && by < 0 ? 0 : at;
  enter(panes.at((start + by) % Math.max(1, panes.length)));
}

/** The next tab of the pane in focus becomes the active one. */
export function moveTab(by: 1 | -1): void {
  const panes = shownPanes();
  const pane = panes[Math.max(0, currentIndex(panes))];
  const tabs = [...(pane?.querySelectorAll<HTMLElement>("[role=tab]") ?? [])];
  const at = tabs.findIndex((tab) => tab.getAttribute("aria-selected") === "true");
  const next = tabs.at((at + by) % Math.max(1, tabs.length));
  next?.click();
  next?.focus();
}
