// A run's identity: a digest over everything its record follows from, so that equal inputs are one
// run. The JSON is canonical because its keys are written here, in this order, and its values are
// canonical texts. Title, file name, spans and the moment are no part of it: they change no event.
import { createHash } from "node:crypto";

export interface RunInputs {
  /** `planText()` of the plan: steps, threads, switches, bounds, expectations. */
  readonly planText: string;
  readonly kernel: string;
  readonly mode: string;
  readonly lookup: string;
  /** Canonical text. */
  readonly schedule: string;
  readonly switches: readonly string[];
  readonly engine: string;
}

/** Hex digits of an id: enough that two runs of a library never meet. */
const ID_DIGITS = 16;

const digestOf = (text: string): string =>
  createHash("sha256").update(text, "utf8").digest("hex").slice(0, ID_DIGITS);

export const scenarioDigest = (planText: string): string => digestOf(planText);

export function runDigest(inputs: RunInputs): string {
  const { planText, kernel, mode, lookup, schedule, switches, engine } = inputs;
  return digestOf(
    JSON.stringify({
      planText,
      kernel,
      mode,
      lookup,
      schedule,
      switches: switches.toSorted(),
      engine,
    }),
  );
}
