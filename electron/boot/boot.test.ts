// The start scripts' decisions: which host and why, one start at a time, a bench's table, which
// real traces are there. Installing and building themselves are proven by every `npm test` in an
// untouched clone. Locks are made in a folder of the test's own.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { figureTable, isMissed } from "./bench-table.mjs";
import { reasonForBrowser } from "./choose-host.mjs";
import { withLock } from "./lock.mjs";
import { truthRuns } from "./truth-runs.mjs";

const folder = mkdtempSync(join(tmpdir(), "faultline-boot-"));
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  ["linux", {}, 1000, "there is no display"],
  ["linux", { DISPLAY: ":0" }, 0, "Electron's sandbox does not run as root"],
  ["linux", { DISPLAY: ":0" }, 1000, ""],
  ["linux", { WAYLAND_DISPLAY: "wayland-0" }, 1000, ""],
  ["darwin", { FAULTLINE_HOST: "browser" }, 501, "FAULTLINE_HOST=browser asks for it"],
  ["darwin", {}, 501, ""],
  ["win32", {}, 1, ""],
])("on %s with %j as user %i: %j", (platform, env, uid, reason) => {
  expect(reasonForBrowser({ platform, env, uid })).toBe(reason);
});

test("what is done under a lock is done one at a time, also when it fails", async () => {
  const log: string[] = [];
  const work = async (name: string) => {
    log.push(`${name} begins`);
    await new Promise((resolve) => setTimeout(resolve, 20));
    log.push(`${name} ends`);
    if (name === "a") throw new Error("a fails");
  };
  const both = ["a", "b"].map((name) => withLock("build", () => work(name), folder));
  const results = await Promise.allSettled(both);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
  expect(log).toEqual(["a begins", "a ends", "b begins", "b ends"]);
  expect(readdirSync(folder)).toEqual([]);
});

test("a lock whose maker is gone is taken over", async () => {
  await withLock("install", async () => {}, folder);
  let file = "";
  await withLock(
    "install",
    async () => {
      file = readdirSync(folder)[0] ?? "";
    },
    folder,
  );
  writeFileSync(join(folder, file), "999999999"); // above the system's highest process number
  await expect(withLock("install", async () => "taken", folder)).resolves.toBe("taken");
});

test("a ratio above its limit is marked, a figure without a limit never", () => {
  const figures = [
    { name: "rows to plain", value: 2.41, unit: "ratio", limit: 2 },
    { name: "undo", value: 4.8, unit: "ratio", limit: 5 },
    { name: "events", value: 4_123_456.7, unit: "per second" },
  ];
  expect(figures.map(isMissed)).toEqual([true, false, false]);
  const [first = "", second = "", third = ""] = figureTable(figures).split("\n");
  expect(first).toMatch(/^rows to plain +2\.41 ratio +at most 2 +MISSED$/);
  expect(second).toMatch(/^undo +4\.8 ratio +at most 5$/);
  expect(third).toMatch(/^events +4,123,000 per second$/);
});

test("the real traces are the folders that are there, and what 7.3 printed as 7.2 did", () => {
  const truth = join(folder, "truth");
  for (const place of ["6.12/tdp", "6.12/tdp-refs", "6.12-v11/tdp", "7.2/npt0", "7.3/tdp"]) {
    mkdirSync(join(truth, place), { recursive: true });
  }
  writeFileSync(join(truth, "7.3/IDENTICAL.txt"), "npt0-refs/ksm\nnpt0/widths\ntdp/zero_page\n");
  expect(truthRuns(truth).map(({ args }) => args)).toEqual([
    ["6.12/tdp", "7.2/npt0", "7.3/tdp"],
    ["7.2/npt0/widths.trace", "7.2/tdp/zero_page.trace", "--kernel", "7.3"],
  ]);
  expect(truthRuns(join(folder, "nowhere"))).toEqual([]);
});
