// I4: a reference that KVM took and never gave back.
// At rest a count may not be above what the page's owners hold; an entry of KVM's tables and a
// cache own nothing.
// From: the callers of kvm_release_page_clean() and kvm_release_faultin_page(), 6.12 and 7.2.
import { isKvmsOwn } from "./causes.ts";
import type { LedgerEntry } from "./ledger.ts";
import { countOf, inPath, type Finding, type Rule, type RuleInput } from "./rule.ts";

export const leak: Rule = {
  id: "I4",
  title: "Reference leak",
  sentence: "When the run is at rest, KVM holds no reference that a lookup or an access took.",
  severity: "S3",
  check: (input) => {
    // A run that stopped may stand inside a lookup: nothing is at rest there.
    if (input.run.end !== "finished") return [];
    return [...input.ledger.byPage].flatMap(([pfn, entries]) => {
      const open = entries.filter((e) => e.delta > 0 && e.pair === null && isKvmsOwn(e.group));
      return open.length === 0 ? [] : [leakOf(input, pfn, open)];
    });
  },
};

function leakOf(input: RuleInput, pfn: number, open: readonly LedgerEntry[]): Finding {
  const first = open[0];
  const count = open.reduce((sum, entry) => sum + entry.delta, 0);
  const name = input.nameOf(pfn);
  const path = first === undefined ? "" : input.pathOf(first);
  return {
    rule: "I4",
    verdict: "leaks",
    severity: "S3",
    isBroken: true,
    sentence: `${input.run.lookup.id} leaks ${countOf(count, "reference")} to ${name}.`,
    evidence: `Taken at event ${first?.event ?? 0}${inPath(path)}; no put follows.`,
    event: first?.event ?? null,
    step: first?.step ?? -1,
    pfn,
    gfn: null,
    related: open.map((entry) => entry.event),
  };
}
