// Which verbs and kinds of memory the machine runs. A plan that needs more is refused before it
// starts, line by line.
// From: the tables of verb routines (verbs.ts) and memory kinds (host/kinds.ts); nothing else lists
// them.
import type { Plan, PlanStep } from "#shared/scenario/plan";
import { MEMORY_KINDS } from "../host/kinds.ts";
import { VERB_ROUTINES } from "./verbs.ts";

export interface Unsupported {
  readonly step: PlanStep;
  /** What is not simulated, and what is. */
  readonly message: string;
}

function whyNot(step: PlanStep): string | null {
  if (!VERB_ROUTINES.has(step.verb)) {
    const verbs = [...VERB_ROUTINES.keys()].join(", ");
    return `"${step.verb}" is not simulated yet. Simulated verbs: ${verbs}`;
  }
  if (step.verb === "back" && !MEMORY_KINDS.some((kind) => kind.kind === step.args.kind)) {
    const kinds = MEMORY_KINDS.map((kind) => kind.kind).join(", ");
    return `memory of kind "${step.args.kind}" is not simulated yet. Simulated kinds: ${kinds}`;
  }
  return null;
}

/** Every step that the machine cannot run, in order. */
export function unsupportedSteps(plan: Plan): readonly Unsupported[] {
  const found: Unsupported[] = [];
  for (const step of [...plan.steps, ...plan.threads.flatMap((thread) => thread.steps)]) {
    const message = whyNot(step);
    if (message !== null) found.push({ step, message });
  }
  return found;
}
