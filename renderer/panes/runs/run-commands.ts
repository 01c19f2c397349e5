// What can be done with runs of the list, as commands with names, keys and reasons.
// The list itself is in use-runs.ts; here is only what each key and palette row calls.
// From: the list of runs in the user interface.
import { address } from "../../app/address.ts";
import { type Command, useCommands } from "../../app/commands.ts";
import { useNavigation } from "../../app/navigation.ts";
import { whyNoComparison } from "./marks.ts";
import type { RunList } from "./use-runs.ts";

export interface RunListActions {
  focusFilter(): void;
  editTags(): void;
}

export function useRunCommands(list: RunList, actions: RunListActions): void {
  const navigation = useNavigation();
  const why = () => (list.current.value === null ? "needs a selected run" : "");
  const on = (id: string, title: string, keys: string, run: () => unknown): Command => ({
    id: `runs.${id}`,
    title,
    ...(keys === "" ? {} : { keys }),
    why,
    run,
  });
  const openScenario = () => {
    const run = list.current.value;
    if (run === null) return;
    navigation.go(address("scenario", run.scenario, { run: run.id }));
  };
  const pin = () => list.label(list.current.value, { pinned: list.current.value?.pinned !== true });
  useCommands([
    on("open", "Open the run", "Enter", () => list.open(list.current.value)),
    on("mark", "Mark or unmark the run", "Space", () => list.toggle(list.current.value)),
    on("delete", "Delete the run or the marked runs", "Delete", list.remove),
    on("pin", "Pin or unpin the run", "P", pin),
    on("tag", "Edit the run's tags", "T", actions.editTags),
    on("scenario", "Open the run's scenario", "S", openScenario),
    on("report", "Report on the run or the marked runs", "Shift+R", list.report),
    on("folded", "Save the profile as folded stacks", "", () => list.exportProfile("folded")),
    on("speedscope", "Save the profile for speedscope", "", () => list.exportProfile("speedscope")),
    on("chrome", "Save the profile as Chrome trace", "", () => list.exportProfile("chrome")),
    {
      id: "runs.compare",
      title: "Compare the marked runs",
      keys: "C",
      why: () => whyNoComparison(list.marks.value),
      run: list.compare,
    },
    { id: "runs.filter", title: "Filter the runs", keys: "/ | Mod+F", run: actions.focusFilter },
  ]);
}
