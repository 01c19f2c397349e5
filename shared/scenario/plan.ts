// The plan: what a scenario means, with names resolved and sums computed, ready for a machine.
// `steps` holds setup and steps with the numbers of real traces' STEP lines; thread steps are
// numbered on after them. A step's `line` is the canonical plan line; `planText` is the text over
// which a run's digest is taken.
// From: the product's words and the lab's plan language.
import type { Hva } from "#shared/units/address";
import type { SourceRange } from "./diagnostics.ts";
import type { Expectation } from "./expect.ts";
import type { ArgsOf, BackingKind, VcpuIndex, Verb } from "./vocabulary.ts";

interface StepBase {
  /** Step number: 0, 1, … through setup, steps and then the threads in order. */
  readonly n: number;
  /** Canonical plan line, vCPU prefix included. */
  readonly line: string;
  readonly vcpu: VcpuIndex;
  readonly range: SourceRange;
}
/** The steps of one verb, or the union over several. */
export type StepOf<V extends Verb> = V extends Verb
  ? StepBase & { readonly verb: V; readonly args: ArgsOf<V> }
  : never;
/** `switch (step.verb)` narrows `step.args`. */
export type PlanStep = StepOf<Verb>;

export interface PlanThread {
  readonly name: string;
  /** null: a host thread. */
  readonly vcpu: VcpuIndex | null;
  readonly steps: readonly PlanStep[];
}

export interface Backing {
  readonly name: string;
  readonly kind: BackingKind;
  readonly hva: Hva;
  readonly size: number;
  /** The step that makes it. */
  readonly n: number;
  /** Where its name is given. */
  readonly range: SourceRange;
}

export interface TrackedPage {
  readonly name: string;
  readonly hva: Hva;
  readonly n: number;
  readonly range: SourceRange;
}

export interface Bounds {
  readonly ticks?: number;
  readonly events?: number;
  readonly states?: number;
  readonly depth?: number;
}

export interface Plan {
  readonly title: string;
  readonly about: string;
  readonly tags: readonly string[];
  /** How many of `steps` come from `setup`. */
  readonly setupCount: number;
  readonly steps: readonly PlanStep[];
  readonly threads: readonly PlanThread[];
  readonly backings: readonly Backing[];
  readonly pages: readonly TrackedPage[];
  /** Sorted by name. */
  readonly switches: readonly string[];
  readonly bounds: Bounds;
  readonly expect: readonly Expectation[];
}

/**
 * The canonical text of all that a run and its verdict depend on: lines, threads, switches,
 * bounds, expectations. Left out, since they change nothing: title, about, tags, and the border
 * between setup and steps.
 */
export function planText(plan: Plan): string {
  const lines = ["faultline 1", ...plan.steps.map((step) => step.line)];
  for (const thread of plan.threads) {
    lines.push(`thread ${thread.name}`, ...thread.steps.map((step) => step.line));
  }
  if (plan.switches.length > 0) lines.push(`switches ${plan.switches.join(" ")}`);
  for (const name of ["ticks", "events", "states", "depth"] as const) {
    const bound = plan.bounds[name];
    if (bound !== undefined) lines.push(`bound ${name} ${bound}`);
  }
  for (const expectation of plan.expect) lines.push(`expect ${expectation.sentence}`);
  return `${lines.join("\n")}\n`;
}
