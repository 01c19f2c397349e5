// Every verb that the machine runs, by name: all sides together.
// Adding one: its routine and its line in the side's file, its row in the vocabulary.
// From: the plan language of the lab.
import type { Verb } from "#shared/scenario/vocabulary";
import { GUEST_VERBS } from "./guest-verbs.ts";
import { HOST_CALLS } from "./host-calls.ts";
import { HOST_VERBS } from "./host-verbs.ts";
import { RACE_VERBS } from "./race-verbs.ts";
import type { VerbRoutine } from "./step.ts";
import { VM_VERBS } from "./vm-verbs.ts";

export const VERB_ROUTINES: ReadonlyMap<Verb, VerbRoutine> = new Map([
  ...HOST_VERBS,
  ...HOST_CALLS,
  ...RACE_VERBS,
  ...VM_VERBS,
  ...GUEST_VERBS,
]);
