// What a finished simulated run leaves: its inputs, its record, and the steps that the record is
// divided into. Plain data beside the engine's columns; rules, profiles, comparisons, reports and
// services read this and nothing else. Event numbers are 1-based everywhere outside the engine:
// event n has index n - 1 in the record.
import type { FunctionInfo } from "#shared/engine/routine";
import type { RunRecord } from "#shared/engine/record";
import type { Texts } from "#shared/events/texts";
import type { Plan, PlanStep } from "#shared/scenario/plan";
import type { KernelProfile } from "./kernels/profile.ts";
import type { ModeId } from "./state/machine.ts";

export interface LookupInfo {
  readonly id: "V0" | "V3";
  readonly title: string;
  /** Never posted as code: always labelled so. */
  readonly posted: boolean;
}

export interface StepSpan {
  readonly step: PlanStep;
  readonly n: number;
  readonly thread: number;
  /**
   * Number of the step's first event (its STEP mark), and how many it has; steps of different
   * threads may interleave.
   */
  readonly firstEvent: number;
  readonly eventCount: number;
  readonly firstTick: number;
  /** Tick after the step's last act: the state that the lab would report. */
  readonly endTick: number;
  /** Number of its RESULT mark; 0 when it prints none. */
  readonly resultEvent: number;
}

/**
 * finished; blocked: threads wait for each other; bound: a bound was reached; failed: a
 * programmer's error stopped it.
 */
export type RunEnd = "finished" | "blocked" | "bound" | "failed";

export interface SimRun {
  readonly plan: Plan;
  readonly kernel: KernelProfile;
  readonly mode: ModeId;
  readonly lookup: LookupInfo;
  /** Canonical schedule text. */
  readonly schedule: string;
  readonly end: RunEnd;
  /** Empty when finished: who waits where, which bound, which error. */
  readonly message: string;
  readonly record: RunRecord;
  readonly texts: Texts;
  /** By function id of the span words. */
  readonly functions: readonly FunctionInfo[];
  readonly threads: readonly string[];
  readonly steps: readonly StepSpan[];
}
