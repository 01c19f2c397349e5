// The witness counts are honest: what the traces of the fixtures reach, the counts have reached,
// and they name no function that the model has not. A change that adds or renames a function on a
// traced path makes the counts again: see the README of shared/profile.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Simulator } from "#shared/model/simulate";
import { calledFunctions, modelFunctions } from "#shared/profile/called";
import { NOT_WITNESSED, WITNESSES, witnessesOf, witnessText } from "#shared/profile/witness";
import { countWitnesses, witnessCounts, witnessJson } from "#shared/profile/witness-file";
import { tryTrace } from "./verify-text.ts";

const TRACES = join(import.meta.dirname, "../../fixtures/traces");
const FILE = join(import.meta.dirname, "../profile/witness.json");
const BY_FOLDER = { kernel: "", mode: "", lookup: "" };

const text = readFileSync(FILE, "utf8");
const kept = witnessCounts.parse(JSON.parse(text));
const simulator = new Simulator();
const modelled = modelFunctions();

const called = (name: string): string[] => {
  const trace = readFileSync(join(TRACES, name), "utf8");
  const { verification, run } = tryTrace(simulator, trace, name, BY_FOLDER);
  const isEqual = verification.kind === "compared" && verification.verdict.equal;
  return isEqual && run !== null ? calledFunctions(run) : [];
};
const names = readdirSync(TRACES, { recursive: true, encoding: "utf8" });

test("no count is below what the fixtures' own traces reach", () => {
  const own = countWitnesses(names.filter((name) => name.endsWith(".trace")).map(called));
  expect(Object.keys(own.functions).length).toBeGreaterThan(150);
  const short = Object.entries(own.functions).filter(([name, count]) => count > witnessesOf(name));
  expect(short, "make the counts again").toEqual([]);
  expect(WITNESSES).toBeGreaterThanOrEqual(own.traces);
});

test("every name is a function of the model, and no count exceeds the traces", () => {
  const known = new Set(modelled);
  expect(Object.keys(kept.functions).filter((name) => !known.has(name))).toEqual([]);
  const most = Object.values(kept.functions).reduce((a, b) => Math.max(a, b), 0);
  expect(most).toBeLessThanOrEqual(kept.traces);
});

test("the file is sorted and in the form that the command writes", () => {
  const sorted = Object.entries(kept.functions).sort(([a], [b]) => (a < b ? -1 : 1));
  expect(text).toBe(witnessJson({ ...kept, functions: Object.fromEntries(sorted) }));
});

test("a trace counts once for a function, and what none reaches is said to be so", () => {
  const { functions, traces } = countWitnesses([["b", "a"], ["b"], []]);
  expect([traces, Object.entries(functions)]).toEqual([
    3,
    [
      ["a", 1],
      ["b", 2],
    ],
  ]);
  expect(witnessText("kvm_tdp_mmu_map")).toMatch(/^witnessed by \d+ real traces$/);
  expect(witnessText("planSteps")).toBe("");
  const silent = modelled.filter((name) => witnessText(name) === NOT_WITNESSED);
  for (const name of silent) expect(kept.functions).not.toHaveProperty([name]);
  expect(silent.length).toBeLessThan(modelled.length / 10);
});
