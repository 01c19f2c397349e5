// The main job, as a user does it: open, edit (an error is underlined, then mended), run under two
// lookups, scrub to the fault, read the decoded entry, the flame graph, compare, export, and find
// the same verdict in the exported file, opened from the disk by a browser that has no app behind
// it. One journey in order: each test begins where the one before it ended.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Locator } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openApp, type App } from "./app.ts";

const VERDICT =
  /^A refuses with EFAULT at event \d+\. B maps the tail page and takes no reference\.$/;

let app: App;
let folder: string;
let verdict = "";
let exported = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "faultline-job-"));
  app = await openApp();
  app.page.setDefaultTimeout(10_000);
});
afterAll(() => app.close());
afterAll(() => rm(folder, { recursive: true, force: true }));

const heading = (): Locator => app.page.getByRole("heading", { level: 1 });

test("the scenario of the debate opens in the editor", async () => {
  const { page } = app;
  await page.getByRole("button", { name: /^Open lab-tail/ }).click();
  await page.locator(".monaco-editor .view-lines").waitFor();
  await expect.poll(() => page.getByText("No problems. The text can be run.").count()).toBe(1);
});

test("an unknown verb is underlined at its line and named; mended, it is gone", async () => {
  const { page } = app;
  await page.locator(".view-line", { hasText: "- gwrite D+1p 0x2222" }).click();
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  // The editor may have gone on with the list.
  await page.keyboard.press("Shift+Home");
  await page.keyboard.press("Shift+Home");
  await page.keyboard.type("  - gread2 D+1p");
  await page.keyboard.press("Escape"); // the completion list
  const problems = page.getByRole("list", { name: "Problems" }).getByRole("listitem");
  await expect.poll(() => problems.first().textContent()).toMatch(/gread2/);
  expect(await problems.first().textContent()).toMatch(/19/);
  await page.locator(".squiggly-error").first().waitFor();
  const [mark, line] = await Promise.all([
    page.locator(".squiggly-error").first().boundingBox(),
    page.locator(".view-line", { hasText: "gread2" }).boundingBox(),
  ]);
  expect(Math.abs((mark?.y ?? 0) - (line?.y ?? 99))).toBeLessThan(line?.height ?? 0);
  const run = page.getByRole("button", { name: /^Run/ });
  expect(await run.getAttribute("aria-disabled")).toBe("true");
  for (let n = 0; n < "2 D+1p".length; n++) await page.keyboard.press("Backspace");
  await page.keyboard.type(" D+1p");
  await page.keyboard.press("Escape");
  await expect.poll(() => page.locator(".squiggly-error").count()).toBe(0);
});

test("both lookups run", async () => {
  const { page } = app;
  await page.getByRole("checkbox", { name: /^V0/ }).setChecked(true);
  await page.getByRole("checkbox", { name: /^V3/ }).setChecked(true);
  await page.getByRole("button", { name: /^Run/ }).click();
  const runs = page.getByRole("list", { name: "Runs of this scenario" }).getByRole("listitem");
  await expect.poll(() => runs.count(), { timeout: 20_000 }).toBe(2);
  const refused = runs.filter({ hasText: "V0 refuses the tail page with EFAULT." });
  await expect.poll(() => refused.count()).toBe(1);
  const maps = runs.filter({ hasText: "V3 maps the tail page and takes no reference." });
  await maps.getByRole("button", { name: /^Open run/ }).click();
  await expect.poll(() => heading().textContent()).toMatch(/V3 maps the tail page/);
});

test("scrubbing to the fault shows the entry and its decoded bits", async () => {
  const { page } = app;
  const timeline = page.getByRole("application", { name: "Timeline of the run" });
  await timeline.focus();
  await page.keyboard.press("Home");
  const events = page.getByRole("grid", { name: "Events" });
  const decoder = page.getByRole("region", { name: "Entry decoder" });
  // Forward event by event to where the tail page's entry is written.
  const chosen = events.locator('[aria-selected="true"]');
  await page.getByRole("button", { name: "Filter events" }).click();
  await page.getByRole("textbox", { name: "Filter events" }).fill("set_spte step:7");
  await page.getByText(/^1 of \d+$/).waitFor();
  await page.keyboard.press("Enter");
  await page.keyboard.press("ArrowDown");
  await expect.poll(() => chosen.textContent()).toMatch(/set_spte.*gfn 10001/);
  await expect.poll(() => decoder.textContent()).toMatch(/TDP L1 \[001\]/);
  const table = await decoder.textContent();
  expect(table).toMatch(/MMU writable\s*1/);
  expect(table).toMatch(/pfn\s*0x[0-9a-f]+/);
  expect(await page.getByRole("img", { name: /A writable page/ }).count()).toBe(1);
});

test("the flame graph of the fault path answers by name", async () => {
  const { page } = app;
  const flame = page.getByRole("application", { name: "Flame graph" });
  await flame.waitFor();
  const box = await flame.boundingBox();
  expect((box?.width ?? 0) * (box?.height ?? 0)).toBeGreaterThan(10_000);
  await flame.focus();
  await page.keyboard.press("ArrowDown");
  await page.getByText(/^\w+\(\) .*witnessed by \d+ real traces$/).waitFor();
});

test("Compare says the difference in one sentence", async () => {
  const { page } = app;
  await page.getByRole("button", { name: /^Compare/ }).click();
  const choice = page.getByRole("list", { name: "Last runs" });
  await choice.getByRole("button", { name: /^V0 refuses the tail page/ }).click();
  await page.getByRole("button", { name: /^Swap/ }).click();
  await expect.poll(() => heading().textContent(), { timeout: 15_000 }).toMatch(VERDICT);
  verdict = (await heading().textContent()) ?? "";
});

test("the report is exported, and opened from the disk it gives the same verdict", async () => {
  const { page } = app;
  await page.getByRole("button", { name: /^Report/ }).click();
  const save = page.getByRole("button", { name: /^Save HTML/ });
  await save.waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), save.click()]);
  exported = join(folder, download.suggestedFilename());
  await download.saveAs(exported);
  expect(await readFile(exported, "utf8")).not.toMatch(/(src|href)="https?:/);
  const reader = await page.context().browser()?.newPage();
  if (reader === undefined) throw new Error("no browser");
  const asked: string[] = [];
  reader.on("request", (request) => asked.push(request.url()));
  await reader.goto(pathToFileURL(exported).href);
  expect(await reader.getByText(verdict).count()).toBeGreaterThan(0);
  const slider = reader.getByRole("slider", { name: "Step" }).first();
  const before = await slider.getAttribute("aria-valuetext");
  await slider.focus();
  await reader.keyboard.press("ArrowLeft");
  expect(await slider.getAttribute("aria-valuetext")).not.toBe(before);
  expect(asked).toEqual([pathToFileURL(exported).href]);
  await reader.close();
});

test("nothing was reported on the console on the way", () => {
  const isSandbox = /^Blocked script execution in 'about:srcdoc'/;
  expect(app.complaints.filter((text) => !isSandbox.test(text))).toEqual([]);
});
