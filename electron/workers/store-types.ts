// What the host asks of the store worker, method by method: inputs and results.
// Owns no behaviour: the worker does each, the services call them.
// Both ends import it, so that a message is typed on either side of the thread.
import type { MessagePort } from "node:worker_threads";
import type { Finding } from "#shared/contract/runs";
import type { Label } from "../store/run-labels.ts";
import type { NewRun } from "../store/runs.ts";

export interface StoreMethods {
  open: { input: null; output: { backup: string } };
  /** A run's chunks will come over this port. The result is the number for commitRun or dropRun. */
  beginRun: { input: { port: MessagePort; control: SharedArrayBuffer }; output: number };
  /** Waits for the last chunk, then writes everything in one transaction. */
  commitRun: { input: { incoming: number; run: NewRun; findings: Finding[] }; output: null };
  dropRun: { input: { incoming: number }; output: null };
  labelRun: { input: { run: number; label: Label }; output: null };
  /** Ids of the runs that were marked. */
  deleteRuns: { input: { runs: number[] }; output: number[] };
  restoreRuns: { input: { runs: number[] }; output: number };
  saveScenario: { input: { name: string; text: string }; output: { savedAt: number } };
  deleteScenario: { input: { name: string }; output: null };
  saveDraft: { input: { name: string; text: string }; output: null };
  setSetting: { input: { key: string; value: string }; output: null };
  /** Sweeps what was deleted, moves the log into the file, and closes it. */
  close: { input: null; output: null };
}

export type StoreMethod = keyof StoreMethods;
/** Typed table for the worker's side. */
export type StoreTasks = {
  [M in StoreMethod]: (
    input: StoreMethods[M]["input"],
  ) => StoreMethods[M]["output"] | Promise<StoreMethods[M]["output"]>;
};
