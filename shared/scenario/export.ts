// From a plan to the lab's plan text: the same lines in order, after a comment with the title.
// What a plan file has no line for is named, so that nothing is lost in silence.
// From: the product's rule of export; the lab's plan language.
import type { Plan } from "./plan.ts";

export interface ExportedPlan {
  readonly text: string;
  /** One sentence for each part that has no line in a plan. */
  readonly leftOut: readonly string[];
}

export function exportPlan(plan: Plan): ExportedPlan {
  const title = plan.title.replaceAll(/[#\s]+/g, " ").trim();
  const lines = [`# ${title}`, ...plan.steps.map((step) => step.line)];
  return { text: `${lines.join("\n")}\n`, leftOut: leftOutOf(plan) };
}

function leftOutOf(plan: Plan): string[] {
  const leftOut: string[] = [];
  const threadSteps = plan.threads.reduce((sum, thread) => sum + thread.steps.length, 0);
  if (plan.threads.length > 0) {
    const names = plan.threads.map((thread) => thread.name).join(", ");
    leftOut.push(`threads: ${names} with ${threadSteps} steps`);
  }
  if (plan.switches.length > 0) leftOut.push(`switches: ${plan.switches.join(", ")}`);
  const bounds = Object.keys(plan.bounds);
  if (bounds.length > 0) leftOut.push(`bounds: ${bounds.join(", ")}`);
  if (plan.expect.length > 0) leftOut.push(`expect: ${plan.expect.length} sentences`);
  return leftOut;
}
