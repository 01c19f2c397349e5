// Running a scenario under everything that is chosen: one call per run, all at once; the host
// queues them.
// A run that fails does not stop the others; stopping stops those that are not done and keeps what
// is done.
import type { Output } from "#shared/contract/methods";
import type { RunSummary } from "#shared/contract/runs";
import type { Progress } from "#shared/contract/values";
import { computed, type ComputedRef, onScopeDispose, type Ref, shallowRef } from "vue";
import { useClient } from "../../app/client.ts";
import { isCancelled, sentenceOf } from "../../app/requests.ts";
import type { Job } from "./run-choice.ts";

export interface BatchRow {
  readonly job: Job;
  readonly state: "waiting" | "running" | "done" | "failed" | "stopped";
  readonly progress: Progress | null;
  readonly run: RunSummary | null;
  readonly known: boolean; // the library had this very run already
  readonly failure: string;
}

export interface Batch {
  readonly rows: Readonly<Ref<readonly BatchRow[]>>;
  readonly isRunning: ComputedRef<boolean>;
  readonly runs: ComputedRef<readonly RunSummary[]>; // the finished ones
  start(text: string, scenario: string, jobs: readonly Job[], spans: boolean): Promise<void>;
  stop(): void;
}

export function useBatch(): Batch {
  const client = useClient();
  const rows = shallowRef<readonly BatchRow[]>([]);
  let calls = new AbortController();
  let batch = 0;

  const isRunning = computed(() =>
    rows.value.some((row) => row.state === "waiting" || row.state === "running"),
  );
  const runs = computed(() => rows.value.flatMap((row) => (row.run === null ? [] : [row.run])));

  async function start(
    text: string,
    scenario: string,
    jobs: readonly Job[],
    spans: boolean,
  ): Promise<void> {
    calls.abort();
    calls = new AbortController();
    const { signal } = calls;
    const mine = ++batch;
    rows.value = jobs.map(waiting);
    const change = (i: number, part: Partial<BatchRow>) => {
      if (mine !== batch) return;
      rows.value = rows.value.map((row, at) => (at === i ? { ...row, ...part } : row));
    };
    const run = async (job: Job, i: number): Promise<void> => {
      try {
        const answer: Output<"runs.start"> = await client.call(
          "runs.start",
          { ...asked(job), text, scenario, schedule: "", spans },
          { signal, onItem: (progress) => change(i, { state: "running", progress }) },
        );
        change(i, { state: "done", run: answer.run, known: answer.known });
      } catch (error) {
        if (isCancelled(error)) change(i, { state: "stopped" });
        else change(i, { state: "failed", failure: sentenceOf(error) });
      }
    };
    await Promise.all(jobs.map(run));
  }

  onScopeDispose(() => calls.abort());
  return { rows, isRunning, runs, start, stop: () => calls.abort() };
}

const waiting = (job: Job): BatchRow => ({
  job,
  state: "waiting",
  progress: null,
  run: null,
  known: false,
  failure: "",
});

type Ids = Pick<RunSummary, "lookup" | "kernel" | "mode">;
// The ids come from host.info, so they are ids of the contract.
const asked = (job: Job): Ids => job as Ids;
