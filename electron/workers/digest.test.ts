// A run's identity: every input changes it, what is no input does not, and it is the same
// everywhere. The literal is the promise to links and reports: if it changes, old ids no longer
// name their runs.
// From: sha-256 over the canonical JSON of the inputs.
import { expect, test } from "vitest";
import { type RunInputs, runDigest, scenarioDigest } from "./digest.ts";

const INPUTS: RunInputs = {
  planText: "faultline 1\nboot\n",
  kernel: "6.12",
  mode: "tdp",
  lookup: "V0",
  schedule: "schedule/1",
  switches: ["a", "b"],
  engine: "1",
};

test("each input changes the id", () => {
  const changes: Partial<RunInputs>[] = [
    { planText: "faultline 1\n" },
    { kernel: "7.2" },
    { mode: "npt0" },
    { lookup: "V3" },
    { schedule: "schedule/1 v0*3" },
    { switches: ["a"] },
    { engine: "2" },
  ];
  const ids = [{}, ...changes].map((change) => runDigest({ ...INPUTS, ...change }));
  expect(new Set(ids).size).toBe(changes.length + 1);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{16}$/);
});

test("the order of switches is no input, and the id never changes", () => {
  expect(runDigest({ ...INPUTS, switches: ["b", "a"] })).toBe(runDigest(INPUTS));
  expect(runDigest(INPUTS)).toBe("ce3c273df96bb5fb");
  expect(scenarioDigest(INPUTS.planText)).not.toBe(scenarioDigest(""));
});
