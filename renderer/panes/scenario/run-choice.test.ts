// Runs are the product of what is chosen, each once; the choice survives the address;
// what does not run on the host says why.
// From: run-choice.ts.
import { expect, test } from "vitest";
import {
  choiceParams,
  DEFAULT_CHOICE,
  type Host,
  jobsOf,
  kernelOfLookup,
  readChoice,
  toggled,
  whyNotRunnable,
} from "./run-choice.ts";

const row = (id: string, runs = true) => ({
  id,
  title: id,
  posted: true,
  runs,
  why: runs ? "" : "not yet",
});
const host = {
  kernels: ["7.3", "7.2", "6.12", "6.1"].map((id) => ({ id, title: id, real: "" })),
  modes: [row("tdp"), row("npt0", false)],
  lookups: ["V0", "V1", "V3"].map((id) => row(id)),
} as unknown as Host;
const lines = (choice: Partial<typeof DEFAULT_CHOICE>) =>
  jobsOf({ ...DEFAULT_CHOICE, ...choice }, host).map(
    (job) => `${job.lookup} ${job.kernel} ${job.mode}`,
  );

test("without a kernel each lookup gets its own", () => {
  expect(kernelOfLookup("V0", host)).toBe("6.12");
  expect(lines({ lookups: ["V0", "V3"] })).toEqual(["V0 6.12 tdp", "V3 7.2 tdp"]);
});

test("several kernels and modes multiply", () => {
  const choice = { lookups: ["V0", "V3"], kernels: ["6.12", "7.2"], modes: ["tdp", "npt0"] };
  expect(lines(choice)).toHaveLength(8);
  expect(new Set(lines(choice)).size).toBe(8);
});

test("a choice read from its own parameters is the same choice", () => {
  const choice = { lookups: ["V0", "V3"], kernels: ["7.2"], modes: ["tdp"], spans: false };
  const params = Object.entries(choiceParams(choice)).filter(([, value]) => value !== null);
  expect(readChoice(Object.fromEntries(params) as Record<string, string>, host)).toEqual(choice);
  expect(choiceParams(DEFAULT_CHOICE)).toEqual({
    lookup: null,
    kernel: null,
    mode: null,
    spans: null,
  });
});

test("words that the host does not know are left out", () => {
  expect(readChoice({ lookup: "V9,V1", kernel: "9.9" }, host)).toMatchObject({
    lookups: ["V1"],
    kernels: [],
  });
});

test("what does not run says why", () => {
  expect(whyNotRunnable({ ...DEFAULT_CHOICE, modes: ["npt0"] }, host)).toBe("npt0: not yet");
  expect(whyNotRunnable(DEFAULT_CHOICE, host)).toBe("");
});

test("toggling keeps the order of the list", () => {
  expect(toggled(["V3"], "V0", ["V0", "V1", "V3"])).toEqual(["V0", "V3"]);
  expect(toggled(["V0", "V3"], "V0", ["V0", "V1", "V3"])).toEqual(["V3"]);
});
