// I2: a reference dropped that was never taken, so that a count falls below what the page's owners
// hold.
// I3: a reference taken on a page whose count was 0, which the matching put would then free.
// From: put_page(), get_page_unless_zero() and their callers in virt/kvm/kvm_main.c, 6.12 and 7.2.
import { isKvmsOwn } from "./causes.ts";
import type { LedgerEntry } from "./ledger.ts";
import { countOf, inPath, type Finding, type Rule, type RuleInput } from "./rule.ts";

const isStrayPut = (entry: LedgerEntry): boolean =>
  entry.delta < 0 && entry.pair === null && isKvmsOwn(entry.group);

/** The first break of each page: what follows is its consequence. */
function firstOfEachPage(
  input: RuleInput,
  isBroken: (entry: LedgerEntry) => boolean,
  finding: (entry: LedgerEntry) => Finding,
): readonly Finding[] {
  return [...input.ledger.byPage.values()].flatMap((entries) => {
    const first = entries.find(isBroken);
    return first === undefined ? [] : [finding(first)];
  });
}

export const putWithoutGet: Rule = {
  id: "I2",
  title: "Put without get",
  sentence: "A page's reference count is never below the number of its owners.",
  severity: "S1",
  check: (input) =>
    firstOfEachPage(
      input,
      (entry) => isStrayPut(entry) || entry.count < entry.owners || entry.count < 0,
      (entry) => strayPut(input, entry),
    ),
};

function strayPut(input: RuleInput, entry: LedgerEntry): Finding {
  const name = input.nameOf(entry.pfn);
  const left = `the count of ${name} is ${entry.count} with ${countOf(entry.owners, "owner")}`;
  const path = input.pathOf(entry);
  return {
    rule: "I2",
    verdict: "underflows",
    severity: "S1",
    isBroken: true,
    sentence: `${input.run.lookup.id} underflows: ${left}.`,
    evidence: `Event ${entry.event}${inPath(path)} drops a reference that nothing took.`,
    event: entry.event,
    step: entry.step,
    pfn: entry.pfn,
    gfn: null,
    related: [entry.event],
  };
}

export const getOfFreePage: Rule = {
  id: "I3",
  title: "Get on count 0",
  sentence: "No reference is taken on a page whose count is 0, and none on a page that was freed.",
  severity: "S1",
  check: (input) =>
    firstOfEachPage(
      input,
      (entry) => entry.delta > 0 && entry.count === entry.delta && isKvmsOwn(entry.group),
      (entry) => getFromZero(input, entry),
    ),
};

function getFromZero(input: RuleInput, entry: LedgerEntry): Finding {
  const path = input.pathOf(entry);
  const name = input.nameOf(entry.pfn);
  const then = entry.pair === null ? "" : `; the put at event ${entry.pair} frees it`;
  return {
    rule: "I3",
    verdict: "underflows",
    severity: "S1",
    isBroken: true,
    sentence: `${input.run.lookup.id} takes a reference to ${name}, whose count was 0.`,
    evidence: `Event ${entry.event}${inPath(path)}${then}.`,
    event: entry.event,
    step: entry.step,
    pfn: entry.pfn,
    gfn: null,
    related: entry.pair === null ? [entry.event] : [entry.event, entry.pair],
  };
}
