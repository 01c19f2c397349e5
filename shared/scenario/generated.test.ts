// Laws of the language over generated plans: import, parse and export keep the lines; both step
// forms are one; no text throws. Steps are drawn from the vocabulary alone, each verb with each
// argument, so a new row is covered by being there.
// From: vocabulary.table.ts and the product's rules of import and export.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { exportPlan } from "./export.ts";
import { importPlan, readPlanLines, setupLength } from "./import.ts";
import { parseScenario } from "./parse.ts";
import type { Plan } from "./plan.ts";
import { planText } from "./plan.ts";
import type { ArgSpec, VerbSpec } from "./vocabulary-rows.ts";
import { KINDS, VERBS } from "./vocabulary.table.ts";
import { isPositional } from "./words.ts";

const pages = fc.nat(15).map((page) => (page === 0 ? "" : `+${page}p`));
const number = (min: number, max: number): fc.Arbitrary<string> =>
  fc
    .tuple(fc.integer({ min, max: Math.min(max, 2 ** 31 - 1) }), fc.boolean())
    .map(([value, isHex]) => (isHex ? `0x${value.toString(16)}` : String(value)));

function anyWord(arg: ArgSpec): fc.Arbitrary<string> {
  switch (arg.type) {
    case "name":
      return fc.constant("");
    case "kind":
      return fc.constantFrom(...KINDS.map((row) => row.kind));
    case "backing":
      return fc.constant("B");
    case "hva":
      return fc.tuple(fc.constantFrom("B", "S", "0x7e0000000000"), pages).map(([a, b]) => a + b);
    case "gpa":
      return fc.tuple(fc.constantFrom("P", "0", "P+1M"), pages).map(([a, b]) => a + b);
    case "gva":
      return fc
        .tuple(fc.constantFrom("D", "0x1000", "0xffff800000000000"), pages)
        .map(([a, b]) => a + b);
    case "value":
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => `0x${value.toString(16)}`);
    case "size":
      return fc.constantFrom("1p", "16k", "64k", "2M");
    case "choice":
      return fc.constantFrom(...(arg.choices ?? []));
    case "letters":
      return fc.subarray([...(arg.choices ?? [])]).map((letters) => letters.join("") || "-");
    case "width":
      return fc.constantFrom("w1", "w2", "w4");
    case "flag":
      return fc.constant(arg.name);
    case "number":
      return number(arg.min ?? 0, arg.max ?? 100);
  }
}

/** A line and the same step in map form. */
interface AnyStep {
  readonly line: string;
  readonly map: string;
}

function anyStepOf(spec: VerbSpec, index: number): fc.Arbitrary<AnyStep> {
  const words = spec.args.map((arg) => {
    if (arg.type === "name") return fc.constant(`n${index}`);
    return arg.default === undefined ? anyWord(arg) : fc.option(anyWord(arg), { nil: null });
  });
  const vcpu = fc.constantFrom("", "v1", "v2", "v3");
  return fc.tuple(vcpu, fc.tuple(...words)).map(([prefix, args]) => {
    const line = [prefix, spec.verb, ...args].filter((word) => word !== "" && word !== null);
    const [leading, ...others] = spec.args.map((arg, at) => pairOf(arg, args[at] ?? null));
    const isLed = spec.args[0] !== undefined && isPositional(spec.args[0]);
    const first = `${spec.verb}: ${isLed ? (leading?.value ?? "") : ""}`;
    const rest = others
      .filter((pair) => pair.value !== null)
      .map((pair) => `${pair.name}: ${pair.value}`);
    const pairs = [first, ...rest, ...(prefix === "" ? [] : [`vcpu: ${prefix}`])];
    return { line: line.join(" "), map: `{${pairs.join(", ")}}` };
  });
}

function pairOf(arg: ArgSpec, word: string | null): { name: string; value: string | null } {
  if (arg.type === "flag") return { name: arg.name, value: word === null ? null : "true" };
  return { name: arg.name, value: word === "-" ? '"-"' : word };
}

/** Steps after `back B anon 2M`; names are new in each place. */
const anySteps = (): fc.Arbitrary<AnyStep[]> =>
  fc.array(fc.nat(VERBS.length - 1), { maxLength: 20 }).chain((picks) => {
    const specs: readonly VerbSpec[] = VERBS;
    return fc.tuple(...picks.map((pick, at) => anyStepOf(specs[pick] ?? VERBS[0], at)));
  });

function planOf(text: string): Plan {
  const { plan, diagnostics } = parseScenario(text);
  if (!plan) throw new Error(`${diagnostics[0]?.message} in\n${text}`);
  return plan;
}
const linesOf = (plan: Plan): string[] => plan.steps.map((step) => step.line);
const yamlOf = (steps: readonly string[]): string =>
  `faultline: 1\nsteps:\n${steps.map((step) => `  - ${step}\n`).join("")}`;

describe("generated plans", () => {
  test("import, parse and export keep every line and number", () => {
    fc.assert(
      fc.property(anySteps(), (steps) => {
        const lines = ["back B anon 2M", ...steps.map((step) => step.line)];
        const plan = planOf(importPlan(`# any\n${lines.join("\n")}\n`));
        expect(linesOf(plan)).toEqual(lines);
        expect(plan.steps.every((step, index) => step.n === index)).toBe(true);
        expect(plan.setupCount).toBe(setupLength(lines));
        expect(readPlanLines(exportPlan(plan).text)).toMatchObject({ lines, comment: "any" });
      }),
    );
  });

  test("the map form of a step is its line", () => {
    fc.assert(
      fc.property(anySteps(), (steps) => {
        const lines = planOf(yamlOf(["back B anon 2M", ...steps.map((step) => step.line)]));
        const maps = planOf(yamlOf(["back B anon 2M", ...steps.map((step) => step.map)]));
        expect(planText(maps)).toBe(planText(lines));
        expect(maps.steps.map((step) => step.args)).toEqual(lines.steps.map((step) => step.args));
      }),
    );
  });

  test("no text makes the parser throw, and each gives the same twice", () => {
    const piece = fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.constantFrom(
        "faultline: 1\n",
        "steps:\n",
        "  - ",
        "gread D",
        "{",
        "&a ",
        "*a",
        ": ",
        "expect:\n",
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const text = pieces.join("");
        const first = parseScenario(text);
        expect(parseScenario(text)).toEqual(first);
        for (const each of first.diagnostics) {
          expect(each.from).toBeLessThanOrEqual(each.to);
          expect(each.to).toBeLessThanOrEqual(text.length);
        }
      }),
    );
  });

  test("setup ends before a slot over another, the lab's own included", () => {
    const overOwn = ["back B anon 2M", "slot 1 0 B 1p", "slot 2 16M B 1p", "boot"];
    expect(setupLength(overOwn)).toBe(1);
    expect(planOf(importPlan(overOwn.join("\n"))).setupCount).toBe(1);
    expect(setupLength(["back B anon 2M", "slot 2 16M B 1p", "boot", "gread D"])).toBe(3);
  });
});
