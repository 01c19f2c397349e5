// From a trace back to a scenario: steps, setup and
// memory kinds, and the errors of files that are
// none.
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { EventId } from "#shared/events/table";
import { MemoryKinds } from "./memory-kinds.ts";
import { traceOrigin } from "./origin.ts";
import { readTrace } from "./read-trace.ts";

const TEXT = readFileSync(
  new URL("../../fixtures/traces/6.12/tdp/anon_first_touch.trace", import.meta.url),
  "utf8",
);
const problemsOf = (text: string, kernel = "6.12") => {
  const reading = readTrace(text, "x", kernel);
  return reading.ok ? [] : reading.problems;
};
const mark = (body: string) => `vmm-1 [000] ..... 1.000000: tracing_mark_write: ${body}\n`;

test("a trace becomes its steps, each line in its part", () => {
  const reading = readTrace(TEXT, "anon", "6.12");
  if (!reading.ok) throw new Error("not read");
  const { steps } = reading.trace;
  expect(steps.map((step) => step.plan).slice(0, 6)).toEqual([
    "back B anon 64k",
    "slot 1 P B 64k",
    "track a B",
    "track b B+1p",
    "boot",
    "gwrite D+0 0x1111",
  ]);
  const boot = steps[4];
  expect(boot?.results.map((record) => record.id)).toEqual([EventId.labResult]);
  expect(boot?.events).toHaveLength(31);
  expect(boot?.tables).toHaveLength(10);
  expect(steps[5]?.pages).toHaveLength(1);
});

test("a line cut in the middle is told with its place", () => {
  const lines = TEXT.split("\n");
  lines[20] = (lines[20] ?? "").slice(0, 60);
  const problems = problemsOf(lines.join("\n"));
  expect(problems).toHaveLength(1);
  expect(problems[0]?.line).toBe(21);
  expect(problems[0]?.column).toBeGreaterThan(50);
});

test.each([
  ["", "no STEP line"],
  ["what is this?", "the task's name and pid should stand here"],
  [TEXT.slice(0, TEXT.indexOf("\n", TEXT.indexOf("STEP 8")) + 1), "the file ends inside step 8"],
  [mark("RESULT ok"), "before the first STEP"],
  [mark("STEP 0 boot") + mark("STEP 2 boot"), "step 2 comes where step 1 is due"],
])("what is no whole trace is refused with a reason", (text, reason) => {
  expect(
    problemsOf(text)
      .map((problem) => problem.message)
      .join("\n"),
  ).toContain(reason);
});

test("a trace of another kernel is refused, not misread", () => {
  expect(problemsOf(TEXT, "7.2").length).toBeGreaterThan(0);
});

test("a kernel that stopped ends a trace without its end mark", () => {
  const reading = readTrace(`${mark("STEP 0 boot")}# the kernel stopped here (x)\n`, "x", "6.12");
  expect(reading).toMatchObject({ ok: true, remarks: ["line 2: # the kernel stopped here (x)"] });
});

test("the VMM's own memory and background threads are no part of a step", () => {
  const notifier = (task: string, start: string) =>
    `${task} [000] ..... 1.000000: ` +
    `kvm_unmap_hva_range: mmu notifier unmap range: ${start} -- 0x007fff00002000\n`;
  const step = (plan: string) => {
    const reading = readTrace(
      mark(`STEP 0 ${plan}`) +
        notifier("vmm-1", "0x007fff00001000") +
        notifier("kdamond.0-9", "0x007e0000001000") +
        notifier("ksmd-30", "0x007e0000001000") +
        notifier("vmm-1", "0x007e0000001000") +
        mark("STEP 1 end"),
      "x",
      "6.12",
    );
    return reading.ok ? reading.trace.steps[0]?.events.map((record) => record.line) : null;
  };
  expect(step("munmap B 4k")).toEqual([5]);
  expect(step("ksm B 64k")).toEqual([4, 5]);
});

test("no text makes the reader throw", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), fc.nat(TEXT.length), (text, cut) => {
      expect(readTrace(TEXT.slice(0, cut) + text, "x", "6.12")).toHaveProperty("ok");
    }),
    { numRuns: 50 },
  );
});

test.each([
  ["traces/6.12/tdp/a.trace", "6.12", "tdp", "V0"],
  ["fixtures/traces/7.2/npt0-refs/a.trace", "7.2", "npt0", "V3"],
  ["C:\\t\\7.3\\tdp0-calls\\a.trace", "7.3", "tdp0", "V3"],
  ["6.1/tdp/a.trace", "6.1", "tdp", "V0"],
  ["6.12-v11/tdp0/a.trace", "6.12", "tdp0", "V1"],
  ["6.12-v11/unpatched/npt0/a.trace", "6.12", "npt0", "V0"],
  ["6.12-v11/stage6/tdp-refs/a.trace", "6.12", "tdp", "V2b"],
  ["6.12-v11/stage7/tdp/a.trace", "6.12", "tdp", null],
  ["6.12-v11/defects/early-retry-put-refs/a.trace", "6.12", "tdp", "V1"],
  ["6.12-v11/defects/gone-before-lock-unpatched/a.trace", "6.12", "tdp", "V0"],
  ["6.12-v11/clock/unpatched/npt0/a.trace", "6.12", "npt0", "V0"],
  ["6.12-v11/clock/v11/tdp/a.trace", "6.12", "tdp", "V1"],
])("the folders of %s tell its origin", (path, kernel, mode, lookup) => {
  expect(traceOrigin(path)).toMatchObject({ kernel, mode, lookup });
});

test("planted defects and stages are told; other folders tell nothing", () => {
  const planted = traceOrigin("6.12-v11/defects/early-retry-put/a.trace");
  expect(planted?.mutants).toEqual(["earlyDoublePut"]);
  expect(traceOrigin("6.12-v11/stage6/tdp/a.trace")?.stage).toBe("S1");
  expect(traceOrigin("6.12-v11/clock/v11/tdp/a.trace")?.remark).toContain("msr");
  for (const path of ["a.trace", "tdp/a.trace", "6.12/a.trace", "16.12/tdp/a.trace"]) {
    expect(traceOrigin(path)).toBeNull();
  }
});

test("the plan's lines tell which memory lies where", () => {
  const kinds = new MemoryKinds();
  const plan = [
    "back B anon 64k",
    "back T lab-tail 16p  # second",
    "mmapover B+4p 0x2000 lab-ref",
    "mremap T 4k B+8p",
  ];
  for (const line of plan) kinds.read(line);
  const B = 0x7e00_0000_0000;
  expect(kinds.kindAt(B)).toBe("anon");
  expect(kinds.kindAt(B + 0x5000)).toBe("lab-ref");
  expect(kinds.kindAt(B + 0x6000)).toBe("anon");
  expect(kinds.kindAt(B + 0x8000)).toBe("lab-tail");
  expect(kinds.kindAt(B + 2 ** 30 + 0xf000)).toBe("lab-tail");
  expect(kinds.kindAt(B + 2 ** 31)).toBeNull();
});
