// What the Run screen shows: the run, the event that is looked at, and what follows from it.
// Every part is asked for when the shared selection changes; the newest question wins.
// From: the selection table of the user interface's rules (event, entry, page; others follow).
import type { Client } from "#shared/contract/methods";
import type { EventRow, RunDetail } from "#shared/contract/runs";
import { computed, type Ref, ref, shallowRef } from "vue";
import { useClient } from "../../app/client.ts";
import { type Request, useRequest } from "../../app/requests.ts";
import { type EntryPlace, type Selection, useSelection } from "../../app/selection.ts";
import { type ChosenEntry, chosenEntry } from "./chosen-entry.ts";
import {
  askDecoded,
  askMachine,
  askPage,
  askRow,
  type AskScope,
  askWalk,
  askWhy,
  type DecodedEntry,
  followTick,
  type Machine,
  type PageLife,
  type Walk,
  type Why,
} from "./run-asks.ts";

export interface RunModel {
  readonly client: Client;
  readonly detail: Request<RunDetail>;
  readonly run: Readonly<Ref<RunDetail | null>>;
  readonly selection: Readonly<Ref<Selection>>;
  readonly event: Readonly<Ref<number>>; // after which state is shown
  readonly row: Request<EventRow | null>; // of that event
  readonly walk: Request<Walk>;
  readonly entry: Readonly<Ref<ChosenEntry | null>>;
  readonly decoded: Request<DecodedEntry>;
  readonly pageHandle: Readonly<Ref<string | null>>;
  readonly page: Request<PageLife>;
  readonly why: Request<Why>;
  readonly isPinned: Readonly<Ref<boolean>>;
  readonly whyOf: Ref<"entry" | "page">;
  readonly foreign: Ref<ChosenEntry | null>; // an entry chosen outside the walk
  select(part: Partial<Selection>): void;
  selectEvent(row: EventRow): void;
  selectEntry(entry: EntryPlace, value: ChosenEntry | null): void;
  togglePin(): void;
  showMachine(): Request<Machine>; // reads the machine's state while the calling view lives
}

export function createRunModel(): RunModel {
  const client = useClient();
  const store = useSelection();
  const selection = computed(() => store.selection);
  const detail = useRequest(
    () => selection.value.run,
    (id, signal) => client.call("runs.get", { id }, { signal }),
  );
  const run = computed(() => {
    const found = detail.value.value;
    const wanted = selection.value.run;
    return found !== null && wanted !== null && found.id.startsWith(wanted) ? found : null;
  });
  const event = computed(() => eventOf(run.value, selection.value));
  const scope: AskScope = { client, run, event, selection };
  const row = askRow(scope);
  const walk = askWalk(scope, () => vcpuOf(run.value, row.value.value));

  const foreign = shallowRef<ChosenEntry | null>(null);
  const entry = computed(() => chosenEntry(walk.value.value, selection.value.entry, foreign.value));
  const decoded = askDecoded(scope, entry);

  const pinned = ref<string | null>(null);
  const followed = computed(() => handleOf(selection.value, row.value.value, walk.value.value));
  const pageHandle = computed(() => pinned.value ?? followed.value);
  const page = askPage(scope, pageHandle);
  const whyOf = ref<"entry" | "page">("entry");
  const why = askWhy(scope, () =>
    whyPlace(whyOf.value, entry.value, page.value.value?.facts.pfn ?? null),
  );
  followTick(scope, (n) => store.select({ event: n }));

  function selectEvent(found: EventRow): void {
    foreign.value = null;
    whyOf.value = "entry";
    const { n, gfn, pfn } = found;
    store.select({ event: n, gfn, pfn, page: null, entry: null, gva: null });
  }
  function selectEntry(place: EntryPlace, value: ChosenEntry | null): void {
    foreign.value = value;
    whyOf.value = "entry";
    store.select({ entry: place });
  }
  function togglePin(): void {
    pinned.value = pinned.value === null ? pageHandle.value : null;
  }
  return {
    client,
    detail,
    run,
    selection,
    event,
    row,
    walk,
    entry,
    decoded,
    pageHandle,
    page,
    showMachine: askMachine(scope),
    why,
    isPinned: computed(() => pinned.value !== null),
    whyOf,
    foreign,
    select: store.select,
    selectEvent,
    selectEntry,
    togglePin,
  };
}

/** The event looked at: the chosen one, else the one that decided the verdict, else the last. */
export function eventOf(run: RunDetail | null, selection: Selection): number {
  if (run === null) return 0;
  if (selection.event !== null) return Math.min(selection.event, run.events);
  return run.decidingEvent > 0 ? run.decidingEvent : run.events;
}

/** A page's name in the contract: the scenario's name, or "pfn:…"; null: nothing is chosen. */
export function handleOf(
  selection: Selection,
  row: EventRow | null,
  walk: Walk | null,
): string | null {
  if (selection.page !== null) return selection.page;
  const frame = selection.pfn ?? row?.pfn ?? walk?.page?.pfn ?? walk?.pfn ?? null;
  return frame === null ? null : `pfn:${frame.toString(16)}`;
}

function vcpuOf(run: RunDetail | null, row: EventRow | null): number {
  const name = run?.threads[row?.thread ?? 0] ?? "";
  const digit = /^(?:v|vCPU )([0-3])$/.exec(name)?.[1];
  return digit === undefined ? 0 : Number(digit);
}

function whyPlace(of: "entry" | "page", entry: ChosenEntry | null, frame: number | null) {
  if (of === "page" && frame !== null) {
    return { kind: "page" as const, pfn: frame, field: "ref" as const };
  }
  if (entry === null || entry.table === null) return null;
  const { tree, level, table, index } = entry;
  return { kind: "entry" as const, tree, level, table, index };
}
