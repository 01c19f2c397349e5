// What the Run screen asks the host about one event: its row, the walk, the entry, the page, the
// cause. Each asks again when its question changes and drops the answers to older ones. A run that
// this engine cannot replay is asked nothing but its rows.
import type { Client, Input, Output } from "#shared/contract/methods";
import type { EventRow, RunDetail } from "#shared/contract/runs";
import { onBeforeUnmount, onMounted, type Ref, ref, watch } from "vue";
import { type Request, useRequest } from "../../app/requests.ts";
import type { Selection } from "../../app/selection.ts";
import type { ChosenEntry } from "./chosen-entry.ts";
import { firstRowAt } from "./event-search.ts";

export type Walk = Output<"state.walk">;
export type PageLife = Output<"state.page">;
export type Decoded = Output<"state.decode">;
/** What was decoded with what it says: a later choice never stands over an earlier answer. */
export interface DecodedEntry {
  readonly entry: ChosenEntry;
  readonly decoded: Decoded;
}
export type Machine = Output<"state.machine">;
export type Why = Output<"state.why">;

type Held<T> = Readonly<Ref<T>>;

export interface AskScope {
  readonly client: Client;
  readonly run: Held<RunDetail | null>;
  readonly event: Held<number>;
  readonly selection: Held<Selection>;
}

/** Run and event, when the run's state can be had. */
function place({ run, event }: AskScope): { id: string; event: number } | null {
  return run.value?.canReplay === true ? { id: run.value.id, event: event.value } : null;
}

export const askRow = ({ client, run, event }: AskScope): Request<EventRow | null> =>
  useRequest(
    () => (run.value === null || event.value === 0 ? null : { id: run.value.id, n: event.value }),
    async ({ id, n }, signal) => {
      const input = { id, from: n - 1, count: 1, filter: "" };
      return (await client.call("runs.events", input, { signal })).rows[0] ?? null;
    },
  );

export const askWalk = (scope: AskScope, vcpu: () => number): Request<Walk> =>
  useRequest(
    () => {
      const at = place(scope);
      return at === null ? null : { ...at, vcpu: vcpu(), gva: scope.selection.value.gva };
    },
    (question, signal) => scope.client.call("state.walk", question, { signal }),
  );

export const askDecoded = (
  scope: AskScope,
  entry: Held<ChosenEntry | null>,
): Request<DecodedEntry> =>
  useRequest(
    () => {
      const [run, chosen] = [scope.run.value, entry.value];
      if (place(scope) === null || run === null || chosen === null) return null;
      return { kernel: run.kernel, entry: chosen };
    },
    async ({ kernel, entry: chosen }, signal) => {
      const { tree, level, value } = chosen;
      const question = { kernel, tree, level, value };
      const decoded = await scope.client.call("state.decode", question, { signal });
      return { entry: chosen, decoded };
    },
  );

export const askPage = (scope: AskScope, page: Held<string | null>): Request<PageLife> =>
  useRequest(
    () => {
      const at = place(scope);
      return at === null || page.value === null ? null : { ...at, page: page.value };
    },
    (question, signal) => scope.client.call("state.page", question, { signal }),
  );

type WhyPlace = Input<"state.why">["place"];

export const askWhy = (scope: AskScope, what: () => WhyPlace | null): Request<Why> =>
  useRequest(
    () => {
      const [at, value] = [place(scope), what()];
      return at === null || value === null ? null : { ...at, place: value };
    },
    (question, signal) => scope.client.call("state.why", question, { signal }),
  );

/** The machine's state, read only while a view shows it: each view calls the function once. */
export function askMachine(scope: AskScope): () => Request<Machine> {
  const views = ref(0);
  const machine = useRequest(
    () => (views.value > 0 ? place(scope) : null),
    (question, signal) => scope.client.call("state.machine", question, { signal }),
  );
  return () => {
    onMounted(() => views.value++);
    onBeforeUnmount(() => views.value--);
    return machine;
  };
}

/** A tick in the address stands for the first event at or after it. */
export function followTick(scope: AskScope, found: (event: number) => void): void {
  const { client, run, selection } = scope;
  watch(
    () => [run.value?.id, selection.value.tick] as const,
    async ([id, tick]) => {
      if (id === undefined || tick === null) return;
      const row = await firstRowAt(client, { id, key: "tick", value: tick });
      if (row !== null && selection.value.tick === tick) found(row.n);
    },
    { immediate: true },
  );
}
