// The timeline's state: unit, view, and the lanes that the host gives for it. Promises: the old
// picture stays until the new lanes are there; the whole run is asked for once per unit.
// From: the timeline of the run workspace (units by U, whole run first, the deciding step framed).
import type { RunDetail, StepRow } from "#shared/contract/runs";
import { computed, ref, shallowRef, watch } from "vue";
import { useRequest } from "../../app/requests.ts";
import { arrangeLanes, sumCounts } from "./lane-order.ts";
import { time } from "../../widgets/format.ts";
import { durationText, tickText, timeUnit } from "../../widgets/time-text.ts";
import {
  clampView,
  frameView,
  revealValue,
  spanOf,
  tickStep,
  type View,
} from "../../widgets/timeline-scale.ts";
import { firstRowAt } from "./event-search.ts";
import type { RunModel } from "./run-model.ts";

type AxisUnit = "time" | "event" | "tick";
const UNITS: readonly AxisUnit[] = ["time", "event", "tick"];
const BINS = 512;

export type RunTimeline = ReturnType<typeof createRunTimeline>;

export function createRunTimeline(model: RunModel) {
  const { client, run } = model;
  const unit = ref<AxisUnit>("time");
  const view = ref<View>({ from: 0, to: 1 });
  const end = computed(() => Math.max(1, endOf(run.value, unit.value)));
  /** With little height, locks and SPTEs share a lane. */
  const isFolded = ref(false);
  const minSpan = computed(() => Math.min(end.value, unit.value === "time" ? 20 : 2));

  const whole = useRequest(
    () => (run.value === null ? null : { id: run.value.id, unit: unit.value, to: end.value }),
    ({ id, unit: asked, to }, signal) =>
      client.call("runs.timeline", { id, unit: asked, from: 0, to, bins: BINS }, { signal }),
  );
  const part = useRequest(
    () => {
      if (run.value === null) return null;
      const { from, to } = askedView(view.value, end.value);
      return { id: run.value.id, unit: unit.value, from, to };
    },
    async (question, signal) => ({
      unit: question.unit,
      ...(await client.call("runs.timeline", { ...question, bins: BINS * 2 }, { signal })),
    }),
  );
  const data = computed(() => {
    const found = part.value.value;
    if (found?.unit !== unit.value) return null;
    const page = model.page.value.value?.facts.name ?? "";
    const lanes = arrangeLanes(found.lanes, { page, isFolded: isFolded.value });
    return { ...found, lanes };
  });
  const density = computed(() => sumCounts(whole.value.value?.lanes ?? []));
  const steps = computed(() => whole.value.value?.steps ?? []);

  const cursor = computed(() => {
    if (run.value === null) return null;
    if (unit.value === "event") return model.event.value;
    const row = model.row.value.value;
    if (row === null) return model.event.value === 0 ? 0 : null;
    return unit.value === "time" ? row.t : row.tick;
  });

  // A new run opens on the step that decided; a new unit keeps the same part by share.
  watch(
    () => [run.value?.id, steps.value.length] as const,
    () => frameStep(run.value?.decidingStep ?? -1),
  );
  watch([end, () => run.value?.id], () => {
    view.value = { from: 0, to: end.value };
    frameStep(model.row.value.value?.step ?? run.value?.decidingStep ?? -1);
  });
  watch(cursor, (at) => {
    if (at !== null) view.value = revealValue(view.value, at, end.value);
  });

  function frameStep(n: number): void {
    const step = steps.value.find((each) => each.n === n);
    if (step === undefined) return;
    const limits = { end: end.value, minSpan: minSpan.value };
    view.value = frameView(step.from, step.to, limits);
  }
  function setView(next: View): void {
    view.value = clampView(next, end.value, minSpan.value);
  }
  // The range as it was dragged, in the axis's unit; the selection holds it as event numbers.
  const dragged = shallowRef<{ readonly unit: AxisUnit; readonly view: View } | null>(null);
  const range = computed<View | null>(() => {
    const chosen = model.selection.value.range;
    if (chosen === null) return null;
    if (unit.value === "event") return { from: chosen[0], to: chosen[1] };
    return dragged.value?.unit === unit.value ? dragged.value.view : null;
  });
  async function setRange(next: View | null): Promise<void> {
    dragged.value = next === null ? null : { unit: unit.value, view: next };
    if (next === null) return model.select({ range: null });
    const [from, to] = await Promise.all([eventAt(next.from), eventAt(next.to)]);
    if (from !== null && to !== null && dragged.value?.view === next) {
      model.select({ range: [Math.min(from, to), Math.max(from, to)] });
    }
  }
  /** The number of the first event at or after a place of the axis. */
  async function eventAt(value: number): Promise<number | null> {
    const id = run.value?.id;
    if (id === undefined) return null;
    if (unit.value === "event") return Math.max(1, Math.round(value));
    const key = unit.value === "time" ? "t" : "tick";
    return (await firstRowAt(client, { id, key, value }))?.n ?? null;
  }
  function nextUnit(): void {
    unit.value = UNITS[(UNITS.indexOf(unit.value) + 1) % UNITS.length] ?? "time";
  }

  const paneUnit = computed(() => timeUnit(end.value));
  function axisText(value: number): string {
    if (unit.value !== "time") return value.toFixed(0);
    const scale = { view: view.value, left: 0, width: 1400 };
    return tickText(value, tickStep(scale, 110), paneUnit.value);
  }
  const wholeTitle = computed(() => {
    if (unit.value === "time") return `Run, ${durationText(end.value)}`;
    return `Run, ${end.value} ${unit.value}s`;
  });
  const cursorText = computed(() => {
    const row = model.row.value.value;
    return row === null ? "—" : time(row.t);
  });
  return {
    unit,
    view,
    end,
    minSpan,
    whole,
    part,
    data,
    density,
    steps,
    cursor,
    range,
    setView,
    setRange,
    eventAt,
    nextUnit,
    frameStep,
    isFolded,
    axisText,
    wholeTitle,
    cursorText,
  };
}

function endOf(run: RunDetail | null, unit: AxisUnit): number {
  if (run === null) return 1;
  if (unit === "time") return run.estimatedNs;
  return unit === "event" ? run.events : run.ticks;
}

// A margin of half a view on both sides, so that small pans show data at once.
function askedView(view: View, end: number): View {
  const margin = spanOf(view) / 2;
  return {
    from: Math.floor(Math.max(0, view.from - margin)),
    to: Math.ceil(Math.min(end, view.to + margin)),
  };
}

/** The step of an event, and the event's place in it, as the pane's head says it. */
export function stepPlace(steps: readonly StepRow[], event: number) {
  const step = steps.findLast((each) => each.firstEvent > 0 && each.firstEvent <= event);
  if (step === undefined) return null;
  return { step, at: event - step.firstEvent + 1 };
}
