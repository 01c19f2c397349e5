// Verbs that arm and end an invalidation in the middle of a fault. From:
// the lab's agent (race, raced) and module (LAB_IOC_RACE,
// LAB_IOC_RACED).
import { routine } from "#shared/engine/routine";
import { int } from "#shared/engine/struct";
import { act, call, done } from "#shared/engine/words";
import { ResultForm } from "#shared/events/lab";
import type { Verb } from "#shared/scenario/vocabulary";
import { race_off } from "../host/lab-race.ts";
import { RaceState } from "../state/lab.ts";
import type { Kvm } from "../state/machine.ts";
import { emitResult } from "./results.ts";
import { argsAt, verbLocals, type VerbRoutine } from "./step.ts";

const race_arm = routine("race_arm", verbLocals, (own, m: Kvm) => [
  call(race_off),
  act("V1", () => {
    const { at, hva, size, faults } = argsAt(m, own, "race").args;
    const { lab_race } = m;
    lab_race.at = at;
    lab_race.va = hva;
    lab_race.size = size;
    lab_race.faults = faults ?? 0;
    lab_race.fired = false;
    lab_race.state = RaceState.armed;
    emitResult(m, ResultForm.hostOk);
  }),
  done(),
]);

/** Tells the state before it is disarmed. */
const raced = routine("raced", { ...verbLocals, state: int }, (own, m: Kvm) => [
  act("V1", () => (own.state = m.lab_race.state)),
  call(race_off),
  act("V2", () => emitResult(m, ResultForm.raced, m.lab_race.fired ? 1 : 0, 0, own.state)),
  done(),
]) as unknown as VerbRoutine;

export const RACE_VERBS: ReadonlyMap<Verb, VerbRoutine> = new Map<Verb, VerbRoutine>([
  ["race", race_arm],
  ["raced", raced],
]);
