// The event table's rows and the moves along them: next and previous in the filter, play, jump to
// an event. Owns the filter's window and the play timer. A move acts on loaded rows at once; the
// host is asked only beyond.
// From: the screen keys of the run workspace.
import type { EventRow } from "#shared/contract/runs";
import { computed, onScopeDispose, ref, watch } from "vue";
import { useRequest } from "../../app/requests.ts";
import { useRowWindow } from "../../app/row-window.ts";
import type { RunModel } from "./run-model.ts";

const PLAY_SPEEDS = [1, 2, 4, 8, 16] as const;

export type EventTable = ReturnType<typeof createEventTable>;

export function createEventTable(model: RunModel) {
  const { client } = model;
  const filter = computed(() => model.selection.value.filter);
  const rows = useRowWindow(
    () => (model.run.value === null ? null : { id: model.run.value.id, filter: filter.value }),
    (question, from, count, signal) =>
      client.call("runs.events", { ...question, from, count }, { signal }),
  );

  // Set by moves in the table itself, so that the row is selected in the frame of the key.
  const known = ref<{ run: string; event: number; filter: string; index: number } | null>(null);
  const isKnown = (event: number): boolean =>
    known.value?.event === event &&
    known.value.filter === filter.value &&
    known.value.run === model.run.value?.id;
  const located = useRequest(
    () => {
      const run = model.run.value;
      const n = model.event.value;
      if (run === null || n === 0) return null;
      if (isKnown(n)) return null;
      return { id: run.id, n, filter: filter.value };
    },
    async (question, signal) => ({
      n: question.n,
      index: (await client.call("runs.locate", question, { signal })).index,
    }),
  );
  const selected = computed(() => {
    const n = model.event.value;
    return (isKnown(n) ? known.value?.index : located.value.value?.index) ?? -1;
  });
  // The filter may hide the event itself; then the place is shown but no row is marked as chosen.
  const isExact = computed(() => {
    const row = rows.version.value >= 0 ? rows.row(selected.value) : null;
    return row === null || row.n === model.event.value;
  });

  async function rowAt(index: number): Promise<EventRow | null> {
    const loaded = rows.row(index);
    const run = model.run.value;
    if (loaded !== null || run === null) return loaded;
    const input = { id: run.id, from: index, count: 1, filter: filter.value };
    return (await client.call("runs.events", input)).rows[0] ?? null;
  }

  let wanted = 0;
  async function selectIndex(index: number): Promise<void> {
    const mine = ++wanted;
    const row = await rowAt(Math.min(Math.max(index, 0), rows.total.value - 1));
    const run = model.run.value?.id;
    if (row === null || run === undefined || mine !== wanted) return;
    known.value = { run, event: row.n, filter: filter.value, index };
    model.selectEvent(row);
  }

  /** The row `by` places on among those that pass the filter. */
  async function move(by: number): Promise<void> {
    const at = selected.value;
    // With the event itself hidden, its place is already the next row.
    const from = !isExact.value && by > 0 ? at - 1 : at;
    const to = Math.min(Math.max(from + by, 0), rows.total.value - 1);
    if (to !== at || !isExact.value) await selectIndex(to);
  }

  async function selectEventNumber(n: number): Promise<void> {
    const run = model.run.value;
    if (run === null || n < 1 || n > run.events) return;
    const input = { id: run.id, from: n - 1, count: 1, filter: "" };
    const [row] = (await client.call("runs.events", input)).rows;
    if (row !== undefined) model.selectEvent(row);
  }

  /** The next event that passes `query`, seen from the event on show; null when there is none. */
  async function findNext(query: string, direction: 1 | -1): Promise<EventRow | null> {
    const run = model.run.value;
    if (run === null) return null;
    const at = { id: run.id, filter: query };
    const from = model.event.value;
    const n = direction > 0 ? from + 1 : from;
    const { index } = await client.call("runs.locate", { ...at, n });
    const target = direction > 0 ? index : index - 1;
    if (target < 0) return null;
    return (await client.call("runs.events", { ...at, from: target, count: 1 })).rows[0] ?? null;
  }

  const isFilterOpen = ref(false); // the field is shown although it is empty
  const play = usePlay(
    () => move(1),
    () => selected.value < rows.total.value - 1,
  );
  watch(() => model.run.value?.id, play.stop);
  return {
    rows,
    filter,
    isFilterOpen,
    selected,
    isExact,
    selectIndex,
    move,
    selectEventNumber,
    findNext,
    play,
  };
}

function usePlay(step: () => Promise<void>, canGo: () => boolean) {
  const isPlaying = ref(false);
  const speed = ref<number>(8);
  let timer: ReturnType<typeof setTimeout> | null = null;

  function stop(): void {
    isPlaying.value = false;
    if (timer !== null) clearTimeout(timer);
    timer = null;
  }
  async function tick(): Promise<void> {
    if (!canGo()) return stop();
    await step();
    if (isPlaying.value) timer = setTimeout(() => void tick(), 1000 / speed.value);
  }
  function toggle(): void {
    if (isPlaying.value) return stop();
    isPlaying.value = true;
    void tick();
  }
  function changeSpeed(by: 1 | -1): void {
    const at = PLAY_SPEEDS.findIndex((each) => each === speed.value);
    speed.value = PLAY_SPEEDS[Math.min(Math.max(at + by, 0), PLAY_SPEEDS.length - 1)] ?? 8;
  }
  onScopeDispose(stop);
  return { isPlaying, speed, toggle, stop, changeSpeed };
}
