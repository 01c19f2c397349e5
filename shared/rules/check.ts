// All rules over one run: the registry, and findings in the order in which a reviewer reads them.
// Owns the list of rules; a new rule is one file and one entry here.
// From: the severity order of verdicts, then the order of the run.
import type { SimRun } from "#shared/model/sim-run";
import { buildLedger, type Ledger, type LedgerEntry } from "./ledger.ts";
import { leak } from "./leak.ts";
import { pageNamer } from "./page-names.ts";
import { callPaths } from "./paths.ts";
import { refusedMapping } from "./refused.ts";
import type { Finding, FindingVerdict, Rule, StateReader } from "./rule.ts";
import { staleTranslation } from "./stale.ts";
import { StepFinder } from "./steps.ts";
import { getOfFreePage, putWithoutGet } from "./underflow.ts";

export const RULES: readonly Rule[] = [
  staleTranslation,
  putWithoutGet,
  getOfFreePage,
  leak,
  refusedMapping,
];

const ORDER: readonly FindingVerdict[] = [
  "crashes",
  "underflows",
  "wrong page",
  "stale mapping",
  "leaks",
  "refuses",
];

export interface RuleResult {
  readonly findings: readonly Finding[];
  /** Ids of the rules that were asked. */
  readonly checked: readonly string[];
  /** Ids of the rules that this run's events cannot answer. */
  readonly notAsked: readonly string[];
  readonly ledger: Ledger;
}

/**
 * Asks every rule. `state` answers what events do not say; null where the run cannot be replayed.
 */
export function checkRules(run: SimRun, state: StateReader | null): RuleResult {
  const ledger = buildLedger(run);
  const input = {
    run,
    ledger,
    state,
    steps: new StepFinder(run.steps),
    nameOf: pageNamer(run),
    pathOf: (entry: LedgerEntry) => (callPaths(run, [entry])[0] ?? []).join(" > "),
  };
  const asked = RULES.filter(({ modes }) => modes === undefined || modes.includes(run.mode));
  const findings = asked.flatMap((rule) => rule.check(input));
  findings.sort(
    (a, b) =>
      ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict) || (a.event ?? 0) - (b.event ?? 0),
  );
  const notAsked = RULES.filter((rule) => !asked.includes(rule)).map(({ id }) => id);
  return { findings, checked: asked.map(({ id }) => id), notAsked, ledger };
}
