// A scenario's parts as YAML text, in one fixed layout: used by import, by "save as" and by tests.
// Promises: reading the text gives the same lines, threads, switches, bounds and sentences.
// From: the product's order of keys; YAML 1.2 for what a plain word may look like.
import type { Bounds, Plan } from "./plan.ts";

export interface ScenarioParts {
  readonly title: string;
  readonly about?: string;
  readonly tags?: readonly string[];
  readonly setup: readonly string[];
  readonly steps: readonly string[];
  readonly threads?: readonly { readonly name: string; readonly lines: readonly string[] }[];
  readonly switches?: readonly string[];
  readonly bounds?: Bounds;
  readonly expect?: readonly string[];
}

export function printScenario(parts: ScenarioParts): string {
  const lines = ["faultline: 1", `title: ${scalar(parts.title)}`];
  if (parts.about) lines.push(`about: ${scalar(parts.about)}`);
  if (parts.tags?.length) lines.push(`tags: [${parts.tags.map(scalar).join(", ")}]`);
  lines.push(...section("setup:", parts.setup, "  "));
  lines.push(...section("steps:", parts.steps, "  "));
  if (parts.threads?.length) {
    lines.push("threads:");
    for (const thread of parts.threads)
      lines.push(...section(`  ${thread.name}:`, thread.lines, "    "));
  }
  if (parts.switches?.length) lines.push(`switches: [${parts.switches.join(", ")}]`);
  const bounds = Object.entries(parts.bounds ?? {});
  if (bounds.length > 0)
    lines.push("bounds:", ...bounds.map(([name, value]) => `  ${name}: ${value}`));
  if (parts.expect?.length)
    lines.push("expect:", ...parts.expect.map((text) => `  - ${sentence(text)}`));
  return `${lines.join("\n")}\n`;
}

/** The parts of a plan: `printScenario(partsOf(plan))` is the plan's scenario in canonical form. */
export function partsOf(plan: Plan): ScenarioParts {
  const lines = plan.steps.map((step) => step.line);
  return {
    title: plan.title,
    about: plan.about,
    tags: plan.tags,
    setup: lines.slice(0, plan.setupCount),
    steps: lines.slice(plan.setupCount),
    threads: plan.threads.map((thread) => ({
      name: thread.name,
      lines: thread.steps.map((step) => step.line.replace(/^v[1-3] /, "")),
    })),
    switches: plan.switches,
    bounds: plan.bounds,
    expect: plan.expect.map((expectation) => expectation.sentence),
  };
}

function section(head: string, lines: readonly string[], indent: string): string[] {
  return lines.length === 0 ? [] : [head, ...lines.map((line) => `${indent}- ${scalar(line)}`)];
}

/** A sentence reads as a map to YAML, which is fine with one colon and no YAML at all with two. */
const sentence = (text: string): string =>
  /^[a-z][A-Za-z0-9 +.,_-]*(: [A-Za-z0-9][A-Za-z0-9 +.,_-]*)?$/.test(text)
    ? text
    : JSON.stringify(text);

const isPlain = (text: string): boolean =>
  /^[A-Za-z][A-Za-z0-9 _+.,;/()'|=?!-]*$/.test(text) &&
  !text.endsWith(" ") &&
  !/^(true|false|null|yes|no|on|off)$/i.test(text);

/**
 * A JSON string is a YAML string; bare words are kept bare. In lists a comma or bracket would part
 * them.
 */
const scalar = (text: string): string =>
  isPlain(text) && !/[,[\]{}]/.test(text) ? text : JSON.stringify(text);
