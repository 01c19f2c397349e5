// The shape of a scenario for a side pane: slots with what backs them, steps with numbers and
// lines, definitions of names. Works on a draft too, so the picture stays while a line is wrong.
// From: the plan; slots follow the calls in order, as KVM's memslots would if no call failed.
import type { SourceRange } from "./diagnostics.ts";
import type { Backing, Plan, PlanStep } from "./plan.ts";

export interface OutlineSlot {
  readonly id: number;
  readonly gpa: number;
  readonly size: number;
  readonly hva: number;
  readonly isReadOnly: boolean;
  readonly isLogged: boolean;
  /** Name and kind of the memory behind it; null when no backing is there. */
  readonly backing: { readonly name: string; readonly kind: string } | null;
  /** Tracked pages in it: name and guest physical address. */
  readonly pages: readonly { readonly name: string; readonly gpa: number }[];
  readonly n: number;
  readonly line: number;
}
export interface OutlineStep {
  readonly n: number;
  readonly text: string;
  /** "" outside of threads. */
  readonly thread: string;
  readonly isSetup: boolean;
  readonly line: number;
  readonly from: number;
  readonly to: number;
}
export interface Outline {
  readonly slots: readonly OutlineSlot[];
  readonly steps: readonly OutlineStep[];
}

export function outlineOf(plan: Plan): Outline {
  const steps = plan.steps.map((step) => outlineStep(step, "", step.n < plan.setupCount));
  for (const thread of plan.threads) {
    steps.push(...thread.steps.map((step) => outlineStep(step, thread.name, false)));
  }
  return { slots: slotsOf(plan), steps };
}

const outlineStep = (step: PlanStep, thread: string, isSetup: boolean): OutlineStep => ({
  n: step.n,
  text: step.line,
  thread,
  isSetup,
  line: step.range.line,
  from: step.range.from,
  to: step.range.to,
});

/**
 * Every slot that a `slot` step makes, in order of guest address; slot 0 belongs to every guest and
 * is left out.
 */
function slotsOf(plan: Plan): OutlineSlot[] {
  const slots: OutlineSlot[] = [];
  for (const step of plan.steps) {
    if (step.verb !== "slot") continue;
    const { id, gpa, hva, size, ro, log } = step.args;
    const pages = plan.pages
      .filter((page) => page.hva >= hva && page.hva < hva + size)
      .map((page) => ({ name: page.name, gpa: gpa + (page.hva - hva) }));
    const around = backingAt(plan, hva);
    const backing = around ? { name: around.name, kind: around.kind } : null;
    const { n, range } = step;
    slots.push({
      id,
      gpa,
      size,
      hva,
      isReadOnly: ro,
      isLogged: log,
      backing,
      pages,
      n,
      line: range.line,
    });
  }
  return slots.toSorted((a, b) => a.gpa - b.gpa || a.n - b.n);
}

const backingAt = (plan: Plan, hva: number): Backing | undefined =>
  plan.backings.find((each) => hva >= each.hva && hva < each.hva + each.size);

/** Where the backing or page with this name is defined; a sum's name counts without its offset. */
export function definitionOf(plan: Plan, word: string): SourceRange | null {
  const name = word.split("+")[0] ?? "";
  const found =
    plan.backings.find((each) => each.name === name) ??
    plan.pages.find((each) => each.name === name);
  return found?.range ?? null;
}
