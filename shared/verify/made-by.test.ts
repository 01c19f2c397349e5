// A difference of state names the model function that left the state, though no line of ours does.
// Real traces with one figure changed; each names another kind of state.
// Used through the verification of a whole trace, as the command line does.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Simulator } from "#shared/model/simulate";
import { verifyText } from "./verify-text.ts";

const name = "6.12/tdp/anon_first_touch.trace";
const text = readFileSync(join(import.meta.dirname, "../../fixtures/traces", name), "utf8");
const simulator = new Simulator();

test.each([
  ["an entry", /(SPTE r0 l1 g=10000 [0-9a-f]*)7$/mu, "$15", "value", "kvm_tdp_mmu_map"],
  ["a table's entry", /(SPTE r0 l2 g=10000 [0-9a-f]*)7$/mu, "$15", "value", "kvm_tdp_mmu_map"],
  ["a count", /(PAGE .* ref=)1 /u, "$18 ", "ref", "put_page"],
])("%s that differs is told with its maker", (_what, from, to, field, by) => {
  const mutant = text.replace(from, to);
  expect(mutant).not.toBe(text);
  const axes = { kernel: "", mode: "", lookup: "" };
  const result = verifyText(simulator, mutant, name, axes);
  if (result.kind !== "compared" || result.verdict.equal) throw new Error("no difference found");
  expect(result.verdict.first).toMatchObject({ field, by });
});
