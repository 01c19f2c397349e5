// The language's rules: both step forms, step numbers, sums, threads, expectations, limits, places.
// Small texts as input, the plan's values or one diagnostic as outcome.
// From: the product's rules of the scenario language and the lab's plan language.
import { describe, expect, test } from "vitest";
import { MAX_TEXT } from "./limits.ts";
import { parseScenario } from "./parse.ts";
import type { Plan } from "./plan.ts";
import { planText } from "./plan.ts";

const memory = "faultline: 1\nsetup:\n  - back B lab-tail 64k\n  - slot 1 P B 64k\n";

function planOf(text: string): Plan {
  const { plan, diagnostics } = parseScenario(text);
  expect(diagnostics.filter((each) => each.severity === "error")).toEqual([]);
  if (!plan) throw new Error("no plan");
  return plan;
}
const stepsOf = (...lines: string[]): Plan =>
  planOf(`${memory}steps:\n${lines.map((line) => `  - ${line}\n`).join("")}`);
const firstOf = (text: string): string => {
  const [first] = parseScenario(text).diagnostics;
  return first ? `${first.line}:${first.column} ${first.message}` : "none";
};

describe("steps", () => {
  test("a map and a line give the same plan", () => {
    const line = stepsOf("v1 gwrite D+1p 0x2222 w4 user", "back C anon 2M", "gcr3", "boot");
    const map = stepsOf(
      "{gwrite: D+1p, value: 0x2222, user: true, width: w4, vcpu: v1}",
      "{back: C, kind: anon, size: 2M}",
      "{gcr3: }",
      "{boot: }",
    );
    expect(planText(map)).toBe(planText(line));
    expect(map.steps.map(({ args }) => args)).toEqual(line.steps.map(({ args }) => args));
  });

  test("numbers count from 0 through setup and steps, and on through threads", () => {
    const threads = "threads:\n  v1:\n    - gread D\n  host:\n    - munmap B 1p\n";
    const plan = planOf(`${memory}steps:\n  - boot\n${threads}`);
    expect(plan.setupCount).toBe(2);
    expect(plan.steps.map((step) => step.n)).toEqual([0, 1, 2]);
    expect(plan.threads.flatMap((thread) => thread.steps.map((step) => step.n))).toEqual([3, 4]);
    expect(plan.threads.map((thread) => thread.vcpu)).toEqual([1, null]);
    expect(plan.threads[0]?.steps[0]?.vcpu).toBe(1);
  });

  test("sums are exact over 64 bits and names have their addresses", () => {
    const plan = stepsOf(
      "gread D+0xffffffff00000000",
      "hread B+16M",
      "back C anon 4k",
      "hread C+010",
      "hread S+0x8000",
      "gpte D+0 0xff00000000000 -",
    );
    const args = plan.steps.slice(2).map((step) => step.args);
    expect(args[0]).toMatchObject({ gva: { lo: 0x40000000, hi: -1 }, width: 8, user: false });
    expect(args[1]).toEqual({ hva: 0x7e0001000000 });
    expect(args[3]).toEqual({ hva: 0x7e0040000008 });
    expect(args[4]).toEqual({ hva: 0x7d0000008000 });
    expect(args[5]).toMatchObject({ gpa: 0xff00000000000, flags: "" });
  });

  test("an argument left out has the machine's default", () => {
    const plan = stepsOf("gcr3", "age test B", "race B B 1p", "hfill B 1p", "cap-manual-dirty");
    expect(plan.steps.slice(2).map((step) => step.args)).toMatchObject([
      { gpa: 0x3000 },
      { size: 4096 },
      { faults: 0 },
      { byte: 0x22 },
      { flags: 1 },
    ]);
  });

  test("K and G are ours and become the lab's letters", () => {
    const plan = stepsOf("back C anon 1G", "munmap C 64K");
    expect(plan.steps.slice(2).map((step) => step.line)).toEqual([
      "back C anon 1024M",
      "munmap C 64k",
    ]);
  });

  test("a comment and blanks are not part of the plan", () => {
    expect(stepsOf('"gread   D+0 # why"').steps[2]?.line).toBe("gread D+0");
  });

  test("slips that a machine would run give warnings only", () => {
    const { plan, diagnostics } = parseScenario(`${memory}steps:\n  - hread D\n  - slot-del 9\n`);
    expect(plan).not.toBeNull();
    expect(diagnostics.map((each) => each.severity)).toEqual(["warning", "warning"]);
  });
});

describe("expectations", () => {
  const sentencesOf = (expectation: string): string[] =>
    planOf(`${memory}  - track b B+1p\nsteps: [boot]\nexpect:\n${expectation}`).expect.map(
      (each) => each.sentence,
    );

  test("strings, maps and lists below a condition are the same sentences", () => {
    const below = sentencesOf("  - under V0:\n      - step 3: EFAULT\n      - no finding\n");
    const quoted = sentencesOf('  - "under V0: step 3: EFAULT"\n  - under V0: no finding\n');
    expect(below).toEqual(["under V0: step 3: EFAULT", "under V0: no finding"]);
    expect(quoted).toEqual(below);
  });

  test("a page is a tracked name or a backing, with pages added", () => {
    const plan = planOf(`${memory}expect:\n  - refs of page B+2: 0\n`);
    expect(plan.expect[0]?.claim).toMatchObject({ kind: "refs", hva: 0x7e0000002000, count: 0 });
  });

  test("every form of the vocabulary is understood", () => {
    const forms = [
      "step 0: ok",
      "step 3: maps gfn 0x10001 writable",
      "step 3: refuses",
      "step 3: emulates",
      "step 3: value 0x1111",
      "step 3: guest page fault 0x7",
      "step 3: guest protection fault",
      "step 3: SIGBUS",
      "step 3: dirty 0,1",
      "step 3: young 1",
      "step 3: plan error",
      "refs of page b after step 3: 1",
      "gfn 0x10001: not mapped",
      "verdict: wrong page",
      "no finding I3",
      "finding I3",
      "with early_double_put: no finding",
    ];
    expect(sentencesOf(forms.map((form) => `  - ${form}\n`).join(""))).toEqual(forms);
  });
});

describe("places and limits", () => {
  test("columns are right with CRLF, quotes and flow style", () => {
    expect(firstOf("faultline: 1\r\nsteps:\r\n  - 'graed D'\r\n")).toMatch(/^3:6 "graed"/);
    expect(firstOf("faultline: 1\nsteps: [boot, graed D]\n")).toMatch(/^2:15 "graed"/);
  });

  test("a fix replaces exactly the wrong word", () => {
    const text = `${memory}steps:\n  - v1 gread D+64kk\n`;
    const [first] = parseScenario(text).diagnostics;
    const { from = 0, to = 0, text: word = "" } = first?.fix ?? {};
    expect(parseScenario(text.slice(0, from) + word + text.slice(to)).diagnostics).toEqual([]);
  });

  test("too long a text is refused before it is read", () => {
    expect(firstOf(`#${" ".repeat(MAX_TEXT)}`)).toMatch(/characters; a scenario has at most/);
  });

  test("more lines than a scenario can have are refused", () => {
    expect(firstOf("\n".repeat(200_000))).toMatch(/more than 150000 lines/);
  });

  test("100,000 steps are a plan", () => {
    const plan = planOf(`faultline: 1\nsteps:\n${"  - gread D\n".repeat(100_000)}`);
    expect(plan.steps.length).toBe(100_000);
  });
});
