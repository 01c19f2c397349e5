// What can be done on the scenario screen, as commands with names, keys and reasons.
// The editor's own actions are in the list too, so that palette and key help name them.
// From: the key list of the scenario screen in the user interface.
import { address } from "../../app/address.ts";
import { type Command, useCommands } from "../../app/commands.ts";
import { useNavigation } from "../../app/navigation.ts";
import { rank, usePaletteSource } from "../../app/palette.ts";
import type { useScenarioScreen } from "./use-scenario-screen.ts";

export interface ScenarioActions {
  goTo(line: number, column: number): void;
  goToProblem(by: 1 | -1): void;
  editorAction(id: string): void; // an action of the editor by its id
}

/** "@name" in the palette goes to where a backing or a page is named. */
function useNames(screen: ReturnType<typeof useScenarioScreen>, actions: ScenarioActions): void {
  usePaletteSource({
    prefix: "@",
    title: "Names of the scenario",
    items: (query) => {
      const draft = screen.parsed.value?.draft;
      const named = [
        ...(draft?.backings ?? []).map((one) => ({ ...one, what: `backing, ${one.kind}` })),
        ...(draft?.pages ?? []).map((one) => ({ ...one, what: "tracked page" })),
      ];
      const items = named.map(({ name, what, range }) => ({
        id: `name.${name}`,
        title: name,
        context: `${what}, line ${range.line}`,
        keys: "",
        why: "",
        run: () => actions.goTo(range.line, range.column),
      }));
      return rank(query, items, []);
    },
  });
}

export function useScenarioCommands(
  screen: ReturnType<typeof useScenarioScreen>,
  actions: ScenarioActions,
): void {
  const navigation = useNavigation();
  const { scenario, batch } = screen;
  useNames(screen, actions);
  const isOpen = (): string => (screen.name.value === "" ? "open a scenario first" : "");
  const on = (
    id: string,
    title: string,
    keys: string,
    run: () => unknown,
    why = isOpen,
  ): Command => ({
    id: `scenario.${id}`,
    title,
    ...(keys === "" ? {} : { keys }),
    why,
    run,
  });
  const edit = (id: string, title: string, keys: string, action: string) =>
    on(id, title, keys, () => actions.editorAction(action));
  const whyNoStop = () => (batch.isRunning.value ? "" : "nothing is running");
  const whyNoPair = () => (screen.pair.value === null ? "needs two runs" : "");
  const whyNoRun = () => (screen.shownId.value === "" ? "needs a run" : "");
  useCommands([
    on(
      "run",
      "Run the scenario",
      "Mod+Enter",
      screen.run,
      () => isOpen() || screen.whyNotRun.value,
    ),
    on("stop", "Stop the runs", "Mod+.", batch.stop, whyNoStop),
    on("save", "Save the scenario", "Mod+S", scenario.save),
    on("discard", "Discard changes", "", scenario.discard),
    on("compare", "Compare the last two runs", "C", screen.compare, whyNoPair),
    on(
      "open-run",
      "Open the run in the gutter",
      "R",
      () => screen.openRun(screen.shownId.value),
      whyNoRun,
    ),
    on(
      "new",
      "New scenario",
      "",
      () => navigation.go(address("scenario")),
      () => "",
    ),
    on("next", "Next problem", "F8", () => actions.goToProblem(1)),
    on("previous", "Previous problem", "Shift+F8", () => actions.goToProblem(-1)),
    edit("steps", "Go to a step", "Mod+Shift+O", "editor.action.quickOutline"),
    edit("definition", "Go to the definition of a name", "F12", "editor.action.revealDefinition"),
    edit("fix", "Fix the problem at the cursor", "Alt+Enter", "editor.action.quickFix"),
    edit("comment", "Comment or uncomment lines", "Mod+/", "editor.action.commentLine"),
    edit("wrap", "Wrap long lines", "Alt+Z", "editor.action.toggleWordWrap"),
    edit("tab", "Let Tab leave the editor", "", "editor.action.toggleTabFocusMode"),
  ]);
}
