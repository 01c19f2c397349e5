// Every screen, with runs in it, in both themes: no violation of the accessibility rules, and
// nothing reported on the console.
// axe-core judges names, roles, contrast and nesting; journeys by keyboard have files of their own.
import { AxeBuilder } from "@axe-core/playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openApp, type App } from "./app.ts";
import { seedLibrary, type SeededLibrary } from "./library.ts";

let library: SeededLibrary;
let app: App;
beforeAll(async () => {
  library = await seedLibrary();
  app = await openApp({ library: library.file });
});
afterAll(() => app.close());
afterAll(() => library.remove());

const SCREENS: [name: string, address: (a: string, b: string) => string][] = [
  ["welcome", () => "welcome"],
  ["scenario", () => "scenario/lab-tail"],
  ["run", (a) => `run/${a}`],
  ["compare", (a, b) => `compare?a=${a}&b=${b}`],
  ["runs", () => "runs"],
  ["report", (a, b) => `report?a=${a}&b=${b}`],
  ["settings", () => "settings"],
];
/** The report's own script, which the preview's sandbox must not let run. */
const IS_SANDBOX = /^Blocked script execution in 'about:srcdoc'/;

/** The preview's frame runs no script, not even axe's, which would wait for it for ever. */
async function removeFrames({ page }: App): Promise<void> {
  await page.locator("iframe").evaluateAll((frames: { remove(): void }[]) => {
    for (const frame of frames) frame.remove();
  });
}

const THEMES = ["dark", "light"] as const;

test.each(SCREENS.flatMap(([name, address]) => THEMES.map((theme) => ({ name, address, theme }))))(
  "$name, $theme: no violation, no complaint",
  async ({ address, theme }) => {
    const { page, complaints } = app;
    complaints.length = 0;
    await page.emulateMedia({ colorScheme: theme });
    await page.goto(`${new URL(page.url()).origin}/#${address(...library.runs)}`);
    await page.reload();
    await page.getByRole("main").waitFor();
    const busy = page.locator('[aria-busy="true"]');
    await expect.poll(() => busy.count(), { timeout: 15_000 }).toBe(0);
    await page.waitForLoadState("networkidle");
    await removeFrames(app);
    const { violations } = await new AxeBuilder({ page }).analyze();
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ""}`);
    expect([...found, ...complaints.filter((text) => !IS_SANDBOX.test(text))]).toEqual([]);
  },
);
