// Shadow paging as a reviewer sees it: a scenario is run in npt0, and the walk of the shadow tables
// is read beside the guest's and the host's: by the guest's address, with what each table stands
// for, the entry bit by bit, and who else maps the page.
// One journey in order: each test begins where the one before it ended.
import { AxeBuilder } from "@axe-core/playwright";
import type { Locator } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openApp, type App } from "./app.ts";

let app: App;
beforeAll(async () => {
  app = await openApp();
  app.page.setDefaultTimeout(10_000);
});
afterAll(() => app.close());
/** A busy machine is no failure. */
const SLOW = { timeout: 10_000 };

const tree = (name: string): Locator => app.page.getByRole("tree", { name });
const entries = (name: string): Promise<string[]> =>
  tree(name).getByRole("treeitem").locator("title").allTextContents();

test("the mode Shadow can be chosen and runs", async () => {
  const { page } = app;
  await page.getByRole("button", { name: /^Open lab-tail/ }).click();
  await page.getByText("No problems. The text can be run.").waitFor();
  const modes = page.getByRole("group", { name: "Mode" });
  await modes.getByRole("button", { name: "Shadow" }).click();
  await modes.getByRole("button", { name: "TDP" }).click();
  await page.getByRole("checkbox", { name: /^V3/ }).setChecked(true);
  await page.getByRole("checkbox", { name: /^V0/ }).setChecked(false);
  await page.getByRole("button", { name: /^Run/ }).click();
  const runs = page.getByRole("list", { name: "Runs of this scenario" }).getByRole("listitem");
  const maps = runs.filter({ hasText: "V3 maps the tail page and takes no reference." });
  await maps.getByRole("button", { name: /^Open run/ }).click();
  const heading = page.getByRole("heading", { level: 1 });
  await expect.poll(() => heading.textContent(), SLOW).toMatch(/V3 maps the tail page/);
  await page.getByText("Shadow MMU").first().waitFor();
});

test("the shadow tables are walked by the guest's address", async () => {
  const { page } = app;
  await page.getByRole("button", { name: "Filter events" }).click();
  await page.getByRole("textbox", { name: "Filter events" }).fill("set_spte step:7");
  await page.getByText(/^1 of \d+$/).waitFor();
  await page.keyboard.press("Enter");
  await page.keyboard.press("ArrowDown");
  const shadow = tree("Shadow page table, gva to hpa");
  await expect.poll(() => shadow.textContent(), SLOW).toMatch(/gva 0x4000_1000/);
  expect(await tree("Guest page table, gva to gpa").textContent()).toMatch(/gva 0x4000_1000/);
  expect(await tree("Host page table, hva to hpa").textContent()).toMatch(/hva 0x7e00_0000_1000/);
  expect(await tree("TDP page table").count()).toBe(0);
  const titles = await entries("Shadow page table, gva to hpa");
  expect(titles.filter((title) => title.includes("changed by this event"))).toEqual([
    expect.stringMatching(/^Shadow L1, index 1, writable, 0x.*, shadow page gfn 0x8, rwux, ch/),
  ]);
  await page.getByText("gpa 0x1000_1000, slot 1").waitFor();
});

test("decoder, facts and cause speak of the shadow entry", async () => {
  const { page } = app;
  const decoder = page.getByRole("region", { name: "Entry decoder" });
  await expect.poll(() => decoder.textContent(), SLOW).toMatch(/Shadow L1 \[001\]/);
  const facts = page.getByRole("region", { name: "Facts" });
  expect(await facts.textContent()).toMatch(/ShadowL1 \[001\], writable/);
  expect(await facts.textContent()).toMatch(/gfn 0x1_0001/);
  await page
    .getByText(/Shadow L1 \[001\] = 0x/)
    .first()
    .waitFor();
});

test("the whole shadow table tells the guest address that it covers", async () => {
  const { page } = app;
  const leaf = tree("Shadow page table, gva to hpa").locator(
    '[role="treeitem"][aria-selected="true"]',
  );
  await leaf.dblclick();
  const head = page.getByText("covers from gva 0x4000_0000.");
  await expect.poll(() => head.count(), SLOW).toBe(1);
  await page.keyboard.press("Escape");
});

test("the address names the shadow entry and brings it back", async () => {
  const { page } = app;
  await tree("Shadow page table, gva to hpa").getByRole("treeitem").nth(2).click();
  const decoder = page.getByRole("region", { name: "Entry decoder" });
  await expect.poll(() => decoder.textContent(), SLOW).toMatch(/Shadow L2 \[000\]/);
  const field = page.getByRole("textbox", { name: /address/i });
  await expect.poll(() => field.inputValue(), SLOW).toMatch(/entry=shadow\.2\.000/);
});

test.each(["dark", "light"] as const)("no accessibility rule is broken, %s", async (theme) => {
  const { page } = app;
  await page.emulateMedia({ colorScheme: theme });
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ""}`)).toEqual([]);
});

test("nothing was reported on the console on the way", () => {
  expect(app.complaints).toEqual([]);
});
