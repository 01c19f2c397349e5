// The Run screen's shared parts, handed to its panes: model, event table, timeline, profile.
// Owns nothing; the screen makes the parts once and they end with it.
// A pane also hands its own element to its views, for keys that act only inside it.
import { inject, type InjectionKey, provide, type Ref, ref } from "vue";
import { useCommands } from "../../app/commands.ts";
import { createEventTable, type EventTable } from "./run-events.ts";
import { createRunModel, type RunModel } from "./run-model.ts";
import { createRunProfile, type RunProfile } from "./run-profile.ts";
import { createRunTimeline, type RunTimeline } from "./run-timeline.ts";

export interface RunContext {
  readonly model: RunModel;
  readonly events: EventTable;
  readonly timeline: RunTimeline;
  readonly profile: RunProfile;
  readonly isTight: Ref<boolean>; // little room: tools show only what has no other place
}

const contextKey: InjectionKey<RunContext> = Symbol("run");

export function provideRun(): RunContext {
  const model = createRunModel();
  const context = {
    model,
    events: createEventTable(model),
    timeline: createRunTimeline(model),
    profile: createRunProfile(model),
    isTight: ref(false),
  };
  provide(contextKey, context);
  return context;
}

const paneKey: InjectionKey<() => HTMLElement | null> = Symbol("run pane");

/** A pane tells its views its element, so that their keys act only while focus is inside. */
export const providePane = (element: () => HTMLElement | null): void => provide(paneKey, element);

/** The keys that a view's widgets handle themselves, for the key help. */
export function usePaneKeys(keys: readonly { id: string; title: string; keys: string }[]): void {
  const pane = inject(paneKey, () => null);
  useCommands(keys.map((command) => ({ ...command, scope: "pane" as const, pane })));
}

/** The element of the pane that the calling view is in. */
export const usePaneElement = (): (() => HTMLElement | null) => inject(paneKey, () => null);

export function useRun(): RunContext {
  const context = inject(contextKey);
  if (context === undefined) throw new Error("No run is provided above this component.");
  return context;
}
