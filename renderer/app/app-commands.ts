// The commands that are there on every screen: going to screens, palette, address, panes, theme,
// text size. Owned by the frame, so they live as long as the window.
// From: the key table of the user interface.
import { linkText } from "./address.ts";
import { useAppearance } from "./appearance.ts";
import { copyText } from "./clipboard.ts";
import { type Command, useCommands } from "./commands.ts";
import { useNavigation } from "./navigation.ts";
import { focusPane, movePane, moveTab } from "./panes.ts";
import { SCREENS } from "./screens.ts";

export interface AppActions {
  openPalette(mode: "commands" | "open"): void;
  openHelp(): void;
}

export function useAppCommands(actions: AppActions): void {
  useCommands([
    ...screenCommands(),
    ...frameCommands(actions),
    ...paneCommands(),
    ...viewCommands(),
  ]);
}

function screenCommands(): Command[] {
  const navigation = useNavigation();
  return SCREENS.map((screen) => ({
    id: `go.${screen.id}`,
    title: `Go to ${screen.title}`,
    scope: "app" as const,
    ...(screen.keys === "" ? {} : { keys: screen.keys }),
    run: () => navigation.goScreen(screen.id),
  }));
}

function frameCommands(actions: AppActions): Command[] {
  const navigation = useNavigation();
  return [
    {
      id: "app.palette",
      title: "Show all commands",
      keys: "Mod+K",
      run: () => actions.openPalette("commands"),
    },
    {
      id: "app.open",
      title: "Open a run or scenario",
      keys: "Mod+P",
      run: () => actions.openPalette("open"),
    },
    { id: "app.keys", title: "Show the keys of this pane", keys: "?", run: actions.openHelp },
    { id: "app.address", title: "Edit the address", keys: "Mod+L", run: focusAddress },
    {
      id: "app.copy-address",
      title: "Copy the address",
      keys: "Mod+Shift+C",
      run: () => copyText(linkText(navigation.current), "Address"),
    },
    {
      id: "app.back",
      title: "Go back",
      keys: "Alt+Left",
      why: () => (navigation.canGoBack ? "" : "this is the first place"),
      run: navigation.back,
    },
    {
      id: "app.forward",
      title: "Go forward",
      keys: "Alt+Right",
      why: () => (navigation.canGoForward ? "" : "this is the last place"),
      run: navigation.forward,
    },
  ].map((command) => ({ ...command, scope: "app" as const }));
}

function paneCommands(): Command[] {
  const numbered = Array.from({ length: 9 }, (_, i) => ({
    id: `pane.${i + 1}`,
    title: `Go to pane ${i + 1}`,
    keys: `Mod+${i + 1}`,
    isHidden: true,
    isUnlisted: true,
    run: () => focusPane(i),
  }));
  return [
    { id: "pane.next", title: "Go to the next pane", keys: "F6", run: () => movePane(1) },
    {
      id: "pane.previous",
      title: "Go to the previous pane",
      keys: "Shift+F6",
      run: () => movePane(-1),
    },
    { id: "tab.next", title: "Next tab of the pane", keys: "Mod+PgDn", run: () => moveTab(1) },
    {
      id: "tab.previous",
      title: "Previous tab of the pane",
      keys: "Mod+PgUp",
      run: () => moveTab(-1),
    },
    { id: "pane.number", title: "Go to the first pane; 2 to 9: the others", keys: "Mod+1" },
    ...numbered,
  ].map((command) => ({ ...command, scope: "app" as const }));
}

function viewCommands(): Command[] {
  const view = useAppearance();
  return [
    {
      id: "view.theme",
      title: "Switch dark and light",
      keys: "Mod+Shift+L",
      run: view.toggleTheme,
    },
    {
      id: "view.larger",
      title: "Larger text",
      keys: "Mod+= | Mod++",
      run: () => view.stepTextSize(1),
    },
    { id: "view.smaller", title: "Smaller text", keys: "Mod+-", run: () => view.stepTextSize(-1) },
    {
      id: "view.normal",
      title: "Normal text size",
      keys: "Mod+0",
      run: () => view.stepTextSize(0),
    },
  ].map((command) => ({ ...command, scope: "app" as const }));
}

function focusAddress(): void {
  const field = document.querySelector<HTMLInputElement>("[data-address]");
  field?.focus();
  field?.select();
}
