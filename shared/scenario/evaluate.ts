// Holds expectations against the facts of one run: met, unmet, or not for this run, with a sentence
// why. `questionsOf(plan)` says which facts a run must be asked for; `evaluate` reads nothing else.
// From: the product's closed sentences; the lab's RESULT lines, whose words the facts keep.
import type { Gfn, Hva } from "#shared/units/address";
import type { Claim, Condition, Expectation, MappingState, Outcome } from "./expect.ts";
import { judgeOutcome } from "./evaluate-outcome.ts";
import type { Plan } from "./plan.ts";

export interface StepFact {
  readonly n: number;
  /**
   * The RESULT line without that word: `ok value=0x1111`, `errno=14 exit=0`, `host errno=17`; ""
   * when there is none.
   */
  readonly result: string;
  /** Exits to user space as MMIO within the step. */
  readonly mmioCount: number;
}
/** How a guest frame is mapped after a step (null: at the end); an MMIO mark is no mapping. */
export interface MappingFact {
  readonly step: number | null;
  readonly gfn: Gfn;
  readonly state: "writable" | "read-only" | "not mapped";
}
/**
 * A page's reference count after a step; step null: at the end. It is the count of the frame that
 * the host maps there, else of the last that it did; `count` null: there never was a page.
 */
export interface ReferenceFact {
  readonly step: number | null;
  readonly hva: Hva;
  readonly count: number | null;
}
export interface Facts {
  readonly lookup: string;
  readonly kernel: string;
  readonly mode: string;
  readonly switches: readonly string[];
  readonly verdict: string | null;
  readonly steps: readonly StepFact[];
  readonly mappings: readonly MappingFact[];
  readonly references: readonly ReferenceFact[];
  /** Ids of broken rules. */
  readonly findings: readonly string[];
}

export interface Judgement {
  readonly outcome: "met" | "unmet" | "does not apply";
  readonly because: string;
}

export interface Questions {
  readonly mappings: readonly { readonly step: number | null; readonly gfn: Gfn }[];
  readonly references: readonly { readonly step: number | null; readonly hva: Hva }[];
}

/** The mappings and counts that a plan's expectations speak of, each once. */
export function questionsOf(plan: Plan): Questions {
  const mappings = new Map<string, { step: number | null; gfn: Gfn }>();
  const references = new Map<string, { step: number | null; hva: Hva }>();
  for (const { claim } of plan.expect) {
    if (claim.kind === "mapping") {
      mappings.set(`${claim.after} ${claim.gfn}`, { step: claim.after, gfn: claim.gfn });
    } else if (claim.kind === "refs") {
      references.set(`${claim.after} ${claim.hva}`, { step: claim.after, hva: claim.hva });
    } else if (
      claim.kind === "step" &&
      claim.outcome.kind === "maps" &&
      claim.outcome.gfn !== null
    ) {
      mappings.set(`${claim.n} ${claim.outcome.gfn}`, { step: claim.n, gfn: claim.outcome.gfn });
    }
  }
  return { mappings: [...mappings.values()], references: [...references.values()] };
}

/**
 * The step that decides a run's verdict: the first that an expectation for this run names; null
 * when none does.
 */
export function decidingStep(plan: Plan, facts: RunAxes): number | null {
  for (const expectation of plan.expect) {
    if (expectation.claim.kind === "step" && applies(expectation, facts))
      return expectation.claim.n;
  }
  return null;
}

export type RunAxes = Pick<Facts, "lookup" | "kernel" | "mode" | "switches">;

/** True when each condition of the expectation holds for the run. */
export const applies = (expectation: Expectation, facts: RunAxes): boolean =>
  expectation.when.every((condition) => holds(condition, facts));

export function evaluate(expectation: Expectation, facts: Facts): Judgement {
  const failing = expectation.when.find((condition) => !holds(condition, facts));
  if (failing) {
    const names = failing.names.join(" or ");
    return { outcome: "does not apply", because: `Only ${failing.axis} ${names}.` };
  }
  const { isMet, because } = judge(expectation.claim, facts);
  return { outcome: isMet ? "met" : "unmet", because };
}

function holds(condition: Condition, facts: RunAxes): boolean {
  if (condition.axis === "switch")
    return condition.names.every((name) => facts.switches.includes(name));
  // `under V2b` also speaks of a run of one of its states, such as V2b.S1.
  const value = facts[condition.axis];
  return condition.names.some((name) => value === name || value.startsWith(`${name}.S`));
}

interface Answer {
  readonly isMet: boolean;
  readonly because: string;
}

function judge(claim: Claim, facts: Facts): Answer {
  switch (claim.kind) {
    case "step":
      return judgeStep(claim.n, claim.outcome, facts);
    case "refs":
      return judgeReferences(claim, facts);
    case "mapping":
      return judgeMapping(claim.gfn, claim.after, claim.state, facts);
    case "verdict":
      return {
        isMet: facts.verdict === claim.word,
        because:
          facts.verdict === null ? "The run has no verdict." : `The verdict is ${facts.verdict}.`,
      };
    case "finding":
      return judgeFinding(claim.isBroken, claim.rule, facts.findings);
  }
}

function judgeStep(n: number, outcome: Outcome, facts: Facts): Answer {
  const fact = facts.steps.find((each) => each.n === n);
  if (!fact) return { isMet: false, because: `The run did not reach step ${n}.` };
  const answer = judgeOutcome(outcome, fact);
  if (outcome.kind !== "maps" || outcome.gfn === null || !answer.isMet) return answer;
  return judgeMapping(outcome.gfn, n, outcome.access ?? "mapped", facts);
}

const after = (step: number | null): string =>
  step === null ? "At the end" : `After step ${step}`;
const hex = (value: number): string => `0x${value.toString(16)}`;

function judgeReferences(claim: Extract<Claim, { kind: "refs" }>, facts: Facts): Answer {
  const fact = facts.references.find((each) => each.step === claim.after && each.hva === claim.hva);
  const place = after(claim.after);
  if (!fact)
    return { isMet: false, because: `${place} the count of page ${claim.page} is not known.` };
  if (fact.count === null)
    return { isMet: false, because: `${place} ${claim.page} never was a page.` };
  const because = `${place} page ${claim.page} has ${fact.count} references.`;
  return { isMet: fact.count === claim.count, because };
}

function judgeMapping(gfn: Gfn, step: number | null, state: MappingState, facts: Facts): Answer {
  const fact = facts.mappings.find((each) => each.step === step && each.gfn === gfn);
  const place = `${after(step)} gfn ${hex(gfn)}`;
  if (!fact) return { isMet: false, because: `${place} is not known.` };
  const isMet = state === "mapped" ? fact.state !== "not mapped" : fact.state === state;
  const said = fact.state === "not mapped" ? "is not mapped" : `is mapped ${fact.state}`;
  return { isMet, because: `${place} ${said}.` };
}

function judgeFinding(isBroken: boolean, rule: string | null, findings: readonly string[]): Answer {
  const found = rule === null ? findings.length > 0 : findings.includes(rule);
  const list = [...new Set(findings)].join(", ");
  return {
    isMet: found === isBroken,
    because: list === "" ? "No rule was broken." : `Broken: ${list}.`,
  };
}
