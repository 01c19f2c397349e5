// What passes between the services and the workers that make and read runs.
// Owns no behaviour.
// A run is named by its inputs until it is stored, by its id afterwards.
import type { MessagePort } from "node:worker_threads";
import type { Finding, RunDetail, RunSummary } from "#shared/contract/runs";
import type { NewRun } from "../store/runs.ts";

/** What a run follows from, as it comes in. */
export interface RunRequest {
  readonly text: string;
  readonly scenario: string;
  readonly kernel: string;
  readonly mode: RunSummary["mode"];
  readonly lookup: RunSummary["lookup"];
  readonly schedule: string;
  readonly spans: boolean;
}

/** Known before the run is made: enough to look for it in the library. */
export interface PreparedRun {
  readonly id: string;
  readonly scenarioDigest: string;
}

export interface SimulateInput {
  readonly request: RunRequest;
  /** Chunks of the record go out here. */
  readonly port: MessagePort;
}

/** Everything of a finished run but its chunks, which went their own way. */
export interface MadeRun {
  readonly run: NewRun;
  readonly findings: Finding[];
}

/** What is kept as JSON beside a run's row; its reader adds the rest of a RunDetail. */
export type StoredDetail = Omit<
  RunDetail,
  keyof RunSummary | "text" | "findings" | "canReplay" | "whyNotReplay"
> & {
  /** Function names by id of the span words. */
  readonly functions: readonly string[];
};
