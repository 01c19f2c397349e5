// What a verifying worker is asked and what it answers.
// Plain data. Owns the two shapes that service and worker
// share.
import type { Verification, VerifyAxes } from "#shared/verify/verify-text";

export interface TraceTask {
  /** The file's path: its folders tell kernel and mode where the axes do not. */
  readonly name: string;
  readonly text: string;
  readonly axes: VerifyAxes;
  /** Tell the functions that the simulated run called, too. */
  readonly withCalls: boolean;
}

export interface TraceTrial {
  readonly verification: Verification;
  /** Names of model functions, sorted; empty unless asked for and run to the end. */
  readonly called: readonly string[];
}
