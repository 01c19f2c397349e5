// The profile's state: which part of the run, merged or in time order, and the chosen frame by its
// function. Owns no columns beyond the last answer; the chosen function is the shared selection's.
// From: the profile pane of the run workspace (weights, V cycles the views, T changes the order).
import type { Output } from "#shared/contract/methods";
import { witnessText } from "#shared/profile/witness";
import { computed, ref, shallowRef, watch } from "vue";
import { useRequest } from "../../app/requests.ts";
import { durationText } from "../../widgets/time-text.ts";
import { findFrames, indexFlame } from "../../widgets/flame-tree.ts";
import type { RunModel } from "./run-model.ts";
import { stepPlace } from "./run-timeline.ts";

export type Weight = "est" | "events" | "calls";
export const WEIGHT_TITLES: Readonly<Record<Weight, string>> = {
  est: "est. time",
  events: "events",
  calls: "calls",
};

export type RunProfile = ReturnType<typeof createRunProfile>;
type Answer = Output<"profile.tree">;

export function createRunProfile(model: RunModel) {
  const { client, run } = model;
  const weight = ref<Weight>("est");
  const isMerged = ref(true);
  const part = ref<"step" | "run">("step");
  const step = computed(
    () => stepPlace(run.value?.stepRows ?? [], model.event.value)?.step ?? null,
  );
  const span = computed(() => {
    const range = model.selection.value.range;
    if (range !== null) return { fromEvent: range[0], toEvent: range[1] };
    const found = step.value;
    if (part.value === "run" || found === null) return { fromEvent: 0, toEvent: 0 };
    return { fromEvent: found.firstEvent, toEvent: found.firstEvent + found.eventCount - 1 };
  });
  const canAsk = () => run.value !== null && run.value.hasSpans && run.value.canReplay;
  const tree = useRequest(
    () => {
      if (run.value === null || !canAsk()) return null;
      const order = { by: weight.value, merged: isMerged.value, withInlined: false };
      return { id: run.value.id, ...order, ...span.value };
    },
    (question, signal) => client.call("profile.tree", question, { signal }),
  );
  // The call tree in time order, for the Calls tab; asked for only while that tab is open.
  const wantsCalls = ref(false);
  const calls = useRequest(
    () => {
      if (run.value === null || !wantsCalls.value || !canAsk()) return null;
      const order = { by: "est" as const, merged: false, withInlined: false };
      return { id: run.value.id, ...order, fromEvent: 0, toEvent: 0 };
    },
    (question, signal) => client.call("profile.tree", question, { signal }),
  );

  const zoom = ref(0);
  const chosenRow = ref<number | null>(null);
  const fn = computed(() => model.selection.value.fn);
  // The frame of the chosen function: the one that was clicked, else its widest.
  const selected = computed(() => {
    const answer = tree.value.value;
    const name = fn.value ?? model.row.value.value?.fn ?? null;
    if (answer === null || name === null) return null;
    const row = chosenRow.value;
    if (row !== null && nameOf(answer, row) === name) return row;
    return widestRow(answer, name);
  });
  watch(tree.value, () => {
    zoom.value = 0;
    chosenRow.value = null;
  });

  const query = shallowRef("");
  const matches = computed(() => {
    const answer = tree.value.value;
    if (answer === null || query.value.trim() === "") return null;
    return findFrames(answer.tree, indexFlame(answer.tree), query.value);
  });

  function select(row: number): void {
    const answer = tree.value.value;
    if (answer === null) return;
    chosenRow.value = row;
    model.select({ fn: nameOf(answer, row) });
  }

  const valueText = (value: number): string =>
    tree.value.value?.isEstimate === true || tree.value.value?.unit === "ns"
      ? durationText(value)
      : `${Math.round(value)} ${tree.value.value?.unit ?? ""}`;

  return {
    weight,
    isMerged,
    part,
    step,
    tree,
    wantsCalls,
    calls,
    zoom,
    selected,
    fn,
    query,
    matches,
    select,
    valueText,
  };
}

export const nameOf = (answer: Answer, row: number): string =>
  answer.tree.functions[answer.tree.fn[row] ?? 0] ?? "";

/**
 * What is said of one function: its kernel file, and whether real traces confirm the model of it.
 */
export function functionNote({ tree }: Answer, row: number): string {
  const fn = tree.fn[row] ?? 0;
  const parts = [tree.files[fn] ?? "", witnessText(tree.functions[fn] ?? "")];
  return parts.filter((part) => part !== "").join(", ");
}

function widestRow(answer: Answer, name: string): number | null {
  const { tree } = answer;
  const fn = tree.functions.indexOf(name);
  if (fn < 0) return null;
  let best: number | null = null;
  for (let row = 0; row < tree.fn.length; row++) {
    if (tree.fn[row] !== fn) continue;
    if (best === null || (tree.total[row] ?? 0) > (tree.total[best] ?? 0)) best = row;
  }
  return best;
}
