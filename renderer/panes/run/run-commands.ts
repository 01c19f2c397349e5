// The Run screen's keys, each as a command of the palette: moves, play, findings, touches, why,
// ways on.
// From: the screen keys of the run workspace; pane keys are handled in the panes and only named
// here.
import { address } from "../../app/address.ts";
import { copyText } from "../../app/clipboard.ts";
import { type Command, useCommands } from "../../app/commands.ts";
import { useNavigation } from "../../app/navigation.ts";
import { sentenceOf } from "../../app/requests.ts";
import { showToast } from "../../app/toasts.ts";
import type { RunContext } from "./run-context.ts";
import { nextFinding } from "./next-finding.ts";
import type { PaneId } from "./run-layout.ts";
import { stepPlace } from "./run-timeline.ts";
import { type Touched, touchQuery } from "./touch-query.ts";
import type { ViewId } from "./run-views.ts";

interface ScreenActions {
  showView(view: ViewId): void;
  toggleMaximised(): void;
  readonly activeTabs: Partial<Record<PaneId, ViewId>>;
}

export function useRunCommands(context: RunContext, actions: ScreenActions): void {
  useCommands([
    ...moveCommands(context),
    ...findCommands(context, actions),
    ...wayCommands(context),
    ...viewCommands(context, actions),
  ]);
}

function moveCommands({ model, events }: RunContext): Command[] {
  const last = () => model.run.value?.events ?? 0;
  const step = (by: 1 | -1) => {
    const steps = model.run.value?.stepRows.filter((row) => row.eventCount > 0) ?? [];
    const place = stepPlace(steps, model.event.value);
    const at = place === null ? -1 : steps.indexOf(place.step);
    const target = by < 0 && place !== null && place.at > 1 ? place.step : steps[at + by];
    if (target !== undefined) return events.selectEventNumber(target.firstEvent);
  };
  const list: Command[] = [
    { id: "run.next", title: "Next event", keys: "Right", run: () => events.move(1) },
    { id: "run.previous", title: "Previous event", keys: "Left", run: () => events.move(-1) },
    {
      id: "run.next-any",
      title: "Next event, the filter set aside",
      keys: ".",
      run: () => events.selectEventNumber(model.event.value + 1),
    },
    {
      id: "run.previous-any",
      title: "Previous event, the filter set aside",
      keys: ",",
      run: () => events.selectEventNumber(model.event.value - 1),
    },
    { id: "run.next-step", title: "Next step", keys: "]", run: () => step(1) },
    { id: "run.previous-step", title: "Previous step", keys: "[", run: () => step(-1) },
    { id: "run.first", title: "First event", keys: "Home", run: () => events.selectEventNumber(1) },
    {
      id: "run.last",
      title: "Last event",
      keys: "End",
      run: () => events.selectEventNumber(last()),
    },
    { id: "run.play", title: "Play or pause", keys: "Space", run: playOrPress(events.play.toggle) },
    {
      id: "run.faster",
      title: "Play faster",
      keys: "+ | =",
      run: () => events.play.changeSpeed(1),
    },
    { id: "run.slower", title: "Play slower", keys: "-", run: () => events.play.changeSpeed(-1) },
  ];
  const why = () => whyNoRun(model.run.value);
  return list.map((command) => ({ ...command, context: "Run", why }));
}

// A button in focus keeps its Space: the key's own press was stopped, so it is made here.
const playOrPress = (toggle: () => void) => (): void => {
  const focus = document.activeElement;
  if (focus instanceof HTMLButtonElement) focus.click();
  else toggle();
};

const whyNoRun = (run: unknown): string => (run === null ? "no run is open" : "");

function findCommands({ model, events }: RunContext, actions: ScreenActions): Command[] {
  const finding = async (by: 1 | -1) => {
    const found = nextFinding(model.run.value?.findings ?? [], model.event.value, by);
    if (found === null) return showToast(`No finding ${by > 0 ? "after" : "before"} this event.`);
    await events.selectEventNumber(found);
  };
  const touch = async (by: 1 | -1) => {
    const query = touchQuery(touchedBy(model));
    if (query === "") return showToast("Choose a page or an entry first.");
    try {
      const row = await events.findNext(query, by);
      if (row === null) showToast(`No event ${by > 0 ? "after" : "before"} this one touches it.`);
      else model.selectEvent(row);
    } catch (error) {
      showToast(sentenceOf(error), { kind: "error" });
    }
  };
  return [
    { id: "run.finding", title: "Next finding", keys: "N", run: () => finding(1) },
    { id: "run.finding-back", title: "Previous finding", keys: "Shift+N", run: () => finding(-1) },
    { id: "run.touch", title: "Next touch of the page or entry", keys: "O", run: () => touch(1) },
    {
      id: "run.touch-back",
      title: "Previous touch of the page or entry",
      keys: "Shift+O",
      run: () => touch(-1),
    },
    {
      id: "run.why",
      title: "Why this value",
      keys: "Y",
      run: () => {
        const ledger = document.activeElement?.closest("[data-why='page']") ?? null;
        model.whyOf.value = ledger === null ? "entry" : "page";
        actions.showView("page");
        requestAnimationFrame(() =>
          document.querySelector<HTMLElement>("[data-why-chain]")?.focus(),
        );
      },
    },
    { id: "run.pin", title: "Pin the page inspector", keys: "P", run: model.togglePin },
  ];
}

function touchedBy(model: RunContext["model"]): Touched {
  const { gfn, pfn } = model.selection.value;
  const facts = model.page.value.value?.facts;
  return { gfn: gfn ?? model.walk.value.value?.gfn ?? null, pfn: pfn ?? facts?.pfn ?? null };
}

function wayCommands({ model }: RunContext): Command[] {
  const navigation = useNavigation();
  const id = () => model.run.value?.id ?? "";
  const why = () => whyNoRun(model.run.value);
  const list: Command[] = [
    {
      id: "run.scenario",
      title: "Edit the scenario",
      keys: "S",
      run: () => navigation.go(address("scenario", model.run.value?.scenario ?? "")),
    },
    {
      id: "run.compare",
      title: "Compare this run",
      keys: "C",
      run: () => navigation.go(address("compare", "", { a: id() })),
    },
    {
      id: "run.report",
      title: "Report of this run",
      keys: "Shift+R",
      run: () => navigation.go(address("report", "", { a: id() })),
    },
    { id: "run.again", title: "Run again", keys: "R | Mod+Enter", run: () => runAgain(model) },
    {
      id: "run.bookmark",
      title: "Bookmark this event in the note",
      keys: "B",
      run: () => bookmark(model),
    },
  ];
  return list.map((command) => ({ ...command, why }));
}

async function runAgain(model: RunContext["model"]): Promise<void> {
  const run = model.run.value;
  if (run === null) return;
  const { text, scenario, kernel, mode, lookup, schedule } = run;
  const input = { text, scenario, kernel, mode, lookup, schedule, spans: true };
  try {
    const answer = await model.client.call("runs.start", input);
    if (answer.run.id !== run.id) model.select({ run: answer.run.id });
    else showToast("The same inputs give the same run: nothing has changed.");
  } catch (error) {
    showToast(sentenceOf(error), { kind: "error" });
  }
}

async function bookmark(model: RunContext["model"]): Promise<void> {
  const run = model.run.value;
  const row = model.row.value.value;
  if (run === null || row === null) return;
  const line = `event ${row.n}: ${row.name} ${row.detail}`.trim();
  const note = run.note === "" ? line : `${run.note}\n${line}`;
  try {
    await model.client.call("runs.label", { id: run.id, note });
    model.detail.again();
    showToast(`Event ${row.n} is noted with the run.`);
  } catch (error) {
    showToast(sentenceOf(error), { kind: "error" });
  }
}

function viewCommands({ model, timeline, profile }: RunContext, actions: ScreenActions): Command[] {
  const cycle: readonly ViewId[] = ["flame", "sandwich", "diff"];
  let shown = 0;
  return [
    { id: "run.maximise", title: "Maximise the pane", keys: "Z", run: actions.toggleMaximised },
    {
      id: "run.profile-view",
      title: "Next profile view",
      keys: "V",
      run: () => {
        shown = (shown + 1) % cycle.length;
        actions.showView(cycle[shown] ?? "flame");
      },
    },
    {
      id: "run.profile-order",
      title: "Profile in time order or merged",
      keys: "T",
      run: () => {
        profile.isMerged.value = !profile.isMerged.value;
      },
    },
    { id: "run.axis", title: "Next unit of the timeline", keys: "U", run: timeline.nextUnit },
    {
      id: "run.copy-row",
      title: "Copy the event as text",
      run: () => {
        const row = model.row.value.value;
        if (row !== null) return copyText(`#${row.n} ${row.name} ${row.detail}`, `Event ${row.n}`);
      },
    },
    {
      id: "run.copy-json",
      title: "Copy the event as JSON",
      keys: "Mod+Alt+C",
      run: () => {
        const row = model.row.value.value;
        if (row !== null) return copyText(JSON.stringify(row, null, 2), `Event ${row.n}`);
      },
    },
    {
      id: "run.parents",
      title: "What maps this page",
      keys: "Alt+Up",
      run: () => actions.showView("rmap"),
    },
  ];
}
