// Expectations against facts: met, unmet or not for this run.
// Facts are written by hand in the words of the lab's RESULT lines.
// From: the product's closed sentences.
import { describe, expect, test } from "vitest";
import type { Facts } from "./evaluate.ts";
import { decidingStep, evaluate, questionsOf } from "./evaluate.ts";
import { parseScenario } from "./parse.ts";
import type { Plan } from "./plan.ts";

function planOf(...sentences: string[]): Plan {
  const expectations = sentences.map((sentence) => `  - "${sentence}"\n`).join("");
  const setup = "setup:\n  - back B lab-tail 64k\n  - track b B+1p\n  - boot\n";
  const { plan, diagnostics } = parseScenario(`faultline: 1\n${setup}expect:\n${expectations}`);
  if (!plan) throw new Error(diagnostics[0]?.message);
  return plan;
}

const none: Facts = {
  lookup: "V0",
  kernel: "6.12",
  mode: "tdp",
  switches: [],
  verdict: null,
  steps: [],
  mappings: [],
  references: [],
  findings: [],
};
const judged = (sentence: string, facts: Partial<Facts>): string =>
  planOf(sentence)
    .expect.map((each) => evaluate(each, { ...none, ...facts }).outcome)
    .join();
const afterStep = (result: string, mmioCount = 0): Partial<Facts> => ({
  steps: [{ n: 2, result, mmioCount }],
});

describe("evaluate", () => {
  test.each([
    ["step 2: EFAULT", "errno=14 exit=0", "met"],
    ["step 2: EFAULT", "ok value=0x0", "unmet"],
    ["step 2: EEXIST", "host errno=17", "met"],
    ["step 2: refuses", "errno=14 exit=0", "met"],
    ["step 2: refuses", "host errno=17", "unmet"],
    ["step 2: ok", "host ok", "met"],
    ["step 2: maps", "ok value=0x0", "met"],
    ["step 2: value 0x1111", "ok value=0x1111", "met"],
    ["step 2: value 0x1111", "ok value=0x11111", "unmet"],
    ["step 2: guest page fault 0x7", "guest-exception pf cr2=0x40000000 ec=0x7", "met"],
    ["step 2: guest page fault 0x3", "guest-exception pf cr2=0x40000000 ec=0x7", "unmet"],
    ["step 2: SIGBUS", "host signal=7", "met"],
    ["step 2: dirty 0,1", "dirty count=2 pages=0,1", "met"],
    ["step 2: dirty none", "dirty count=0 pages=-", "met"],
    ["step 2: young 1", "host young=1", "met"],
    ["step 2: moved 1", "host ok moved=16 of 16", "unmet"],
    ["step 2: plan error", "plan-error", "met"],
  ])("%s with %s is %s", (sentence, result, outcome) => {
    expect(judged(sentence, afterStep(result))).toBe(outcome);
  });

  test("an MMIO exit emulates and does not map", () => {
    expect(judged("step 2: emulates", afterStep("ok", 1))).toBe("met");
    expect(judged("step 2: maps", afterStep("ok", 1))).toBe("unmet");
  });

  test("maps with a frame asks for the mapping after that step", () => {
    const plan = planOf("step 2: maps gfn 0x10001 writable");
    expect(questionsOf(plan)).toEqual({ mappings: [{ step: 2, gfn: 0x10001 }], references: [] });
    const mappings = [
      { ...questionsOf(plan).mappings[0], state: "read-only" },
    ] as Facts["mappings"];
    const facts = { ...afterStep("ok"), mappings };
    expect(judged("step 2: maps gfn 0x10001 writable", facts)).toBe("unmet");
    expect(judged("step 2: maps gfn 0x10001 read-only", facts)).toBe("met");
    expect(judged("step 2: maps gfn 0x10001", facts)).toBe("met");
  });

  test("a count is compared, and unknown is not met", () => {
    const sentence = "refs of page b: 0";
    const asked = questionsOf(planOf(sentence)).references.map((each) => ({ ...each, count: 0 }));
    expect(judged(sentence, { references: asked })).toBe("met");
    const one = asked.map((each) => ({ ...each, count: 1 }));
    expect(judged(sentence, { references: one })).toBe("unmet");
    expect(judged(sentence, {})).toBe("unmet");
  });

  test("findings by rule and in general", () => {
    expect(judged("no finding", { findings: ["I3"] })).toBe("unmet");
    expect(judged("no finding I1", { findings: ["I3"] })).toBe("met");
    expect(judged("finding I3", { findings: ["I3"] })).toBe("met");
  });

  test("conditions: names of one axis are alternatives, of two must both hold", () => {
    const sentence = "under V0, V3, npt0: no finding";
    expect(judged(sentence, { mode: "npt0" })).toBe("met");
    expect(judged(sentence, { mode: "tdp" })).toBe("does not apply");
    expect(judged(sentence, { mode: "npt0", lookup: "V1" })).toBe("does not apply");
    expect(judged("under V2b: no finding", { lookup: "V2b.S1" })).toBe("met");
    expect(judged("with early_double_put: no finding", {})).toBe("does not apply");
  });

  test("the deciding step is the first that is named for this run", () => {
    const plan = planOf("no finding", "under V3: step 1: ok", "step 2: ok");
    expect(decidingStep(plan, none)).toBe(2);
    expect(decidingStep(plan, { ...none, lookup: "V3" })).toBe(1);
  });
});
