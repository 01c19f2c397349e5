// The built-in scenarios are valid and print to themselves; plan files and real traces keep their
// lines through import and export. Reads fixtures/scenarios and fixtures/traces; generated.test.ts
// holds the same laws over generated plans.
// From: the product's rules of import and export.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { exportPlan } from "./export.ts";
import { importPlan, readPlanLines } from "./import.ts";
import { parseScenario } from "./parse.ts";
import type { Plan } from "./plan.ts";
import { planText } from "./plan.ts";
import { partsOf, printScenario } from "./print.ts";

function planOf(text: string): Plan {
  const { plan, diagnostics } = parseScenario(text);
  if (!plan) throw new Error(`${diagnostics[0]?.message} in\n${text}`);
  return plan;
}
const linesOf = (plan: Plan): string[] => plan.steps.map((step) => step.line);
describe("built-in scenarios", () => {
  const folder = new URL("../../fixtures/scenarios/", import.meta.url);
  const files = readdirSync(folder).filter((file) => file.endsWith(".yaml"));

  test.each(files)("%s is valid and prints to itself", (file) => {
    const plan = planOf(readFileSync(new URL(file, folder), "utf8"));
    expect(plan.title).toBe(file.replace(/\.yaml$/, ""));
    expect(plan.about).toMatch(/^[^.]+\?/);
    expect(plan.expect.length).toBeGreaterThan(0);
    const again = planOf(printScenario(partsOf(plan)));
    expect(planText(again)).toBe(planText(plan));
    expect(again).toMatchObject({ title: plan.title, about: plan.about, tags: plan.tags });
  });
});

describe("plan files", () => {
  const text =
    "# a title: odd\nback B anon 64k\nslot 1 P B 64k # why\n\nboot\ntrack a B\ngread D\n";

  test("leading memory lines and the boot behind them become setup", () => {
    const plan = planOf(importPlan(text));
    expect(plan.title).toBe("a title: odd");
    expect(linesOf(plan)).toEqual([
      "back B anon 64k",
      "slot 1 P B 64k",
      "boot",
      "track a B",
      "gread D",
    ]);
    expect(plan.setupCount).toBe(3);
    expect(planOf(importPlan("back B anon 64k\nv1 boot\n")).setupCount).toBe(1);
  });

  test("what a plan has no line for is named as left out", () => {
    const parts = {
      ...partsOf(planOf(importPlan(text))),
      switches: ["no_retry"],
      expect: ["no finding"],
    };
    const threads = [{ name: "v0", lines: ["gread D"] }];
    const { leftOut } = exportPlan(planOf(printScenario({ ...parts, threads })));
    expect(leftOut).toEqual([
      "threads: v0 with 1 steps",
      "switches: no_retry",
      "expect: 1 sentences",
    ]);
  });
});

describe("plans implied by real traces", () => {
  const folder = new URL("../../fixtures/traces/", import.meta.url);
  const files = tracesIn(folder);

  test.runIf(files.length > 0)("every trace's lines survive", () => {
    const seen = new Set<string>();
    for (const file of files) {
      const text = readFileSync(new URL(file, folder), "utf8");
      const { lines } = readPlanLines(text);
      const key = lines.join("\n");
      if (seen.has(key)) continue;
      seen.add(key);
      const title = file.replaceAll(/[^a-z0-9_]/g, " ");
      const plan = planOf(importPlan(text, { title }));
      expect({ file, lines: linesOf(plan) }).toEqual({ file, lines });
    }
  });

  test("STEP lines are found in plain traces and in function graphs", () => {
    const plain = "vmm-1 [000] ..... 1.0: tracing_mark_write: STEP 0 boot\n";
    const graph = "              |  /* STEP 0 boot */\n              |  /* STEP 1 end */\n";
    expect(readPlanLines(plain)).toMatchObject({ lines: ["boot"], kind: "trace" });
    expect(readPlanLines(graph)).toMatchObject({ lines: ["boot"], kind: "trace" });
  });
});

function tracesIn(folder: URL): string[] {
  try {
    const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
    return names.filter((name) => name.endsWith(".trace"));
  } catch {
    return []; // No traces here: the law is then held over generated plans alone.
  }
}
