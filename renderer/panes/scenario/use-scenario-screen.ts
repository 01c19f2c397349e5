// What the scenario screen knows and does: text and parse, choice of runs, batch, the run shown in
// the gutter.
// The choice, the run shown and the editor's place are in the address; the rest is derived.
import type { Diagnostic } from "#shared/scenario/diagnostics";
import { computed, type Ref, ref, watch } from "vue";
import { type Address, address } from "../../app/address.ts";
import { useClient } from "../../app/client.ts";
import { useNavigation } from "../../app/navigation.ts";
import { useRequest } from "../../app/requests.ts";
import { useParser } from "./parse-client.ts";
import {
  choiceParams,
  DEFAULT_CHOICE,
  jobsOf,
  readChoice,
  type RunChoice,
  whyNotRunnable,
} from "./run-choice.ts";
import { gutterRows, speaksFor } from "./step-gutter.ts";
import { type Batch, useBatch } from "./use-batch.ts";
import { useScenario } from "./use-scenario.ts";

const RUNS_SHOWN = 50;
const NEW_TEXT = `faultline: 1
title: New scenario
setup:
  - back B anon 64k
  - slot 1 P B 64k
  - boot
steps:
  - gread D+0
`;

export function useScenarioScreen() {
  const client = useClient();
  const navigation = useNavigation();
  const place = usePlace();
  const name = computed(() => place.value.id);
  const scenario = useScenario(() => name.value, NEW_TEXT);
  const parsed = useParser(scenario.text);
  const batch = useBatch();
  const host = useRequest(
    () => ({}),
    (_, signal) => client.call("host.info", {}, { signal }),
  );
  const list = useRequest(
    () => (name.value === "" ? {} : null),
    (_, signal) => client.call("scenario.list", {}, { signal }),
  );
  const own = useOwnRuns(place, batch);

  const choice = computed<RunChoice>(() =>
    host.value.value === null ? DEFAULT_CHOICE : readChoice(place.value.params, host.value.value),
  );
  const jobs = computed(() =>
    host.value.value === null ? [] : jobsOf(choice.value, host.value.value),
  );
  const errors = computed(() => parsed.value?.diagnostics.filter(isError) ?? []);
  const whyNotRun = computed(() => {
    if (host.value.value === null) return host.failure.value || "waits for the host";
    if (parsed.value === null) return "reads the text";
    const first = errors.value[0];
    if (first !== undefined) return `line ${first.line} must be right first`;
    if (jobs.value.length === 0) return "choose a lookup and a mode";
    return whyNotRunnable(choice.value, host.value.value);
  });
  const gutter = computed(() =>
    gutterRows(parsed.value?.outline ?? null, own.shown.value.value, scenario.text.value),
  );
  const isOldRun = computed(
    () => own.shown.value.value !== null && !speaksFor(own.shown.value.value, scenario.text.value),
  );

  async function run(): Promise<void> {
    if (whyNotRun.value !== "" || batch.isRunning.value) return;
    own.show(null);
    await batch.start(scenario.text.value, name.value, jobs.value, choice.value.spans);
  }
  const setChoice = (next: RunChoice) => navigation.patch(choiceParams(next), { remember: false });
  const open = (target: string) => navigation.go(address("scenario", target));

  const sources = { place, name, scenario, parsed, batch, host, list };
  const derived = { choice, jobs, errors, whyNotRun, gutter, isOldRun };
  return { ...own, ...sources, ...derived, run, setChoice, open };
}

/** The screen's address; it stays while another screen is about to be shown. */
function usePlace(): Readonly<Ref<Address>> {
  const navigation = useNavigation();
  const place = ref(navigation.current);
  watch(
    () => navigation.current,
    (now) => {
      if (now.screen === "scenario") place.value = now;
    },
  );
  return place;
}

/** The runs of this scenario in the library, and the one whose marks are in the gutter. */
function useOwnRuns(place: Readonly<Ref<Address>>, batch: Batch) {
  const client = useClient();
  const navigation = useNavigation();
  const runs = useRequest(
    () => (place.value.id === "" ? null : { name: place.value.id, done: batch.runs.value.length }),
    (asked, signal) => {
      const q = `scenario:"${asked.name}"`;
      return client.call("runs.list", { q, sort: "-when", from: 0, count: RUNS_SHOWN }, { signal });
    },
  );
  const runRows = computed(() => runs.value.value?.rows ?? []);
  // The run of the address, else the newest one.
  const shownId = computed(() => place.value.params["run"] ?? runRows.value[0]?.id ?? "");
  const shown = useRequest(
    () => (shownId.value === "" ? null : { id: shownId.value }),
    (asked, signal) => client.call("runs.get", asked, { signal }),
  );
  /** The last two runs, the older first: those of the batch, else of the library. */
  const pair = computed(() => {
    const ofBatch = batch.runs.value;
    const two = ofBatch.length >= 2 ? ofBatch.slice(0, 2) : runRows.value.slice(0, 2).toReversed();
    return two.length === 2 ? two : null;
  });
  function compare(): void {
    const [a, b] = pair.value ?? [];
    if (a === undefined || b === undefined) return;
    navigation.go(address("compare", "", { a: a.id, b: b.id }));
  }
  const show = (id: string | null) => navigation.patch({ run: id }, { remember: false });
  const openRun = (id: string, event = 0) =>
    navigation.go(address("run", id, event > 0 ? { event: String(event) } : {}));
  return { runRows, shownId, shown, pair, compare, show, openRun };
}

const isError = (row: Diagnostic): boolean => row.severity === "error";
