// Truth: every real trace in fixtures/traces equals the simulated run of its own STEP lines. A
// difference fails with its first place, five lines around, and the model function that made
// ours.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Simulator } from "#shared/model/simulate";
import { differenceText } from "./difference-text.ts";
import { verifyText, type VerifyAxes } from "./verify-text.ts";

const ROOT = join(import.meta.dirname, "../../fixtures/traces");
const BY_FOLDER: VerifyAxes = { kernel: "", mode: "", lookup: "" };

const files = readdirSync(ROOT, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".trace"))
  .toSorted();
const simulator = new Simulator();
const textOf = (name: string): string => readFileSync(join(ROOT, name), "utf8");

describe("real traces", () => {
  test("are there", () => {
    expect(files.length).toBeGreaterThanOrEqual(16);
  });

  test.each(files)("%s equals the simulation", (name) => {
    const result = verifyText(simulator, textOf(name), name, BY_FOLDER);
    const told =
      result.kind === "compared" ? differenceText(name, result.verdict) : JSON.stringify(result);
    expect(result.kind === "compared" && result.verdict.equal, told).toBe(true);
  });

  test("another lookup is told apart: V3 leaves no mark on a remapped page, V0 does", () => {
    const result = verifyText(
      simulator,
      textOf("6.12/tdp/lab_tail.trace"),
      "6.12/tdp/lab_tail.trace",
      { ...BY_FOLDER, lookup: "V3" },
    );
    expect(result.kind).toBe("compared");
    if (result.kind !== "compared" || result.verdict.equal)
      throw new Error("V3 came out equal to a V0 kernel");
    const { plan, kind } = result.verdict.first;
    expect({ plan, kind }).toEqual({ plan: "gread D+0", kind: "page" });
  });

  test("a changed bit, a dropped line and a wrong count in the trace are found", () => {
    const name = "7.2/tdp/lab_tail.trace";
    const text = textOf(name);
    const mutants = [
      text
        .replace(/new_spte 346?[0-9a-f]*e67/u, (found) => `${found.slice(0, -3)}e65`)
        .replace("e67 (rwxu)", "e65 (r-xu)"),
      text.replace(/^.*kvm_mmu_spte_requested.*\n/mu, ""),
      text.replace("ref=0 raw=0", "ref=1 raw=1"),
    ];
    for (const mutant of mutants) {
      expect(mutant).not.toBe(text);
      const result = verifyText(simulator, mutant, name, BY_FOLDER);
      expect(result.kind === "compared" && result.verdict.equal).toBe(false);
    }
  });

  test("marks of use that an earlier plan left are found, as one count for the whole trace", () => {
    const name = "7.3/tdp/lab_inserted_zap.trace";
    const text = textOf(name);
    const labMarks = (trace: string): number | null => {
      const result = verifyText(simulator, trace, name, BY_FOLDER);
      return result.kind === "compared" && result.verdict.equal
        ? result.verdict.counts.labMarks
        : null;
    };
    expect(labMarks(text)).toBe(2);
    const late = text.replace("|workingset", "");
    expect(labMarks(late)).toBe(0);
    const lost = text.replace(/(PAGE a old .*)\|workingset/u, "$1");
    expect(lost).not.toBe(text);
    expect(labMarks(lost)).toBeNull();
  });

  const CALL = " 0)               |  kvm_mmu_page_fault() {\n";
  const WATCH = "vmm-1 [000] ..... 1.000000: tracing_mark_write: WATCH pfn=0x1 slot=0 ret=0\n";
  test.each([
    ["a call graph", "7.2/tdp/lab_tail.trace", CALL, /calls/],
    ["a watched count", "7.2/tdp/lab_tail.trace", WATCH, /reference counts/],
    ["a folder of call graphs", "7.2/tdp-calls/lab_tail.trace", "", /calls/],
    ["a folder of watched counts", "7.2/tdp-refs/lab_tail.trace", "", /reference counts/],
  ])("%s is not called equal by its events alone", (_what, name, added, message) => {
    const text = textOf(name.replace(/-\w+/u, "")).replace(/^.*STEP 5/mu, `${added}$&`);
    const result = verifyText(simulator, text, name, BY_FOLDER);
    expect(result).toMatchObject({
      kind: "not simulated",
      message: expect.stringMatching(message),
      line: added === "" ? 1 : text.split(added)[0]?.split("\n").length,
    });
  });
});
