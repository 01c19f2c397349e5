// What the verbs of all sides share: finding their step, and the form of a verb that is one act.
// A routine is given a list and an index; it ends with its step's RESULT mark.
// From: the lab's agent (run_plan, verb).
import { routine, type SpineRoutine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, done } from "#shared/engine/words";
import type { PlanStep, StepOf } from "#shared/scenario/plan";
import type { Verb } from "#shared/scenario/vocabulary";
import type { Kvm } from "../state/machine.ts";

export const verbLocals = { list: int, i: int } as const;
export type VerbLocals = typeof verbLocals;
export type VerbRoutine = SpineRoutine<VerbLocals>;

/** The steps of list 0 are the scenario's; list n those of its n-th thread. */
export const stepsOf = (m: Kvm, list: number): readonly PlanStep[] =>
  list === 0 ? m.plan.steps : (m.plan.threads[list - 1]?.steps ?? []);

export interface At {
  readonly list: number;
  readonly i: number;
}

export function stepAt(m: Kvm, at: At): PlanStep {
  const step = stepsOf(m, at.list)[at.i];
  if (step === undefined)
    throw new RangeError(`step ${at.i} of list ${at.list} is not in the plan`);
  return step;
}

/** The step as its verb's; the routine is only ever called for that verb. */
export function argsAt<V extends Verb>(m: Kvm, at: At, verb: V): StepOf<V> {
  const step = stepAt(m, at);
  if (step.verb !== verb) throw new TypeError(`step ${step.n} is ${step.verb}, not ${verb}`);
  return step as StepOf<V>;
}

/** A verb that is one act. */
export const simple = (name: string, effect: (m: Kvm, at: At) => void): VerbRoutine =>
  routine(name, verbLocals, (own, m: Kvm) => [act("V1", () => effect(m, own)), done()]);

/** Locals of a system call on a range. */
export const systemCall = { ...verbLocals, start: wide, end: wide, r: int } as const;
