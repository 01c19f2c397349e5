// The tables say nothing that the parser does not understand: every example is valid, every row has
// its words. Reads rows only; a new verb or form is covered by being there.
// From: vocabulary.table.ts and switches.table.ts.
import { describe, expect, test } from "vitest";
import { parseScenario } from "./parse.ts";
import { referenceRows } from "./reference.ts";
import { SWITCHES } from "./switches.table.ts";
import { CONDITIONS, KINDS, OUTCOMES, SENTENCES, VERBS } from "./vocabulary.table.ts";
import { isPositional } from "./words.ts";

const errorsOf = (text: string): string[] =>
  parseScenario(text)
    .diagnostics.filter((each) => each.severity === "error")
    .map((each) => each.message);
const memory = "faultline: 1\nsetup:\n  - back B memfd 64k\n";

describe("vocabulary", () => {
  test.each(VERBS)("the example of $verb is a step", ({ verb, example }) => {
    const steps = verb === "back" ? `setup:\n  - ${example}\n` : `steps:\n  - ${example}\n`;
    expect(errorsOf(verb === "back" ? `faultline: 1\n${steps}` : memory + steps)).toEqual([]);
  });

  test("every kind can back a slot", () => {
    for (const { kind } of KINDS) {
      expect(errorsOf(`faultline: 1\nsetup:\n  - back B ${kind} 64k\n`)).toEqual([]);
    }
  });

  test.each([...SENTENCES, ...OUTCOMES])("the example of $form is a sentence", ({ example }) => {
    const steps = `steps:\n${"  - boot\n".repeat(12)}`;
    const named = `  - track b B+1p\n${steps}expect:\n  - ${example}\n`;
    expect(errorsOf(memory + named)).toEqual([]);
  });

  test.each(CONDITIONS)("the example of $form is a condition", ({ example }) => {
    expect(errorsOf(`${memory}expect:\n  - ${example}\n      - no finding\n`)).toEqual([]);
  });

  test("names are given once, and flags stand behind the other arguments", () => {
    const names = [...VERBS.map((row) => row.verb), ...SWITCHES.map((row) => row.name)];
    expect(new Set(names).size).toBe(names.length);
    for (const { args } of VERBS) {
      const order = args.map((arg) => (isPositional(arg) ? 0 : 1));
      expect(order).toEqual(order.toSorted());
      const optional = args.filter(isPositional).map((arg) => ("default" in arg ? 1 : 0));
      expect(optional).toEqual(optional.toSorted());
    }
  });

  test("every row of the reference has its usage, sentence and example", () => {
    for (const row of referenceRows()) {
      expect(row.usage).not.toBe("");
      expect(row.doc.length).toBeGreaterThan(5);
      expect(row.example).not.toBe("");
    }
  });
});
