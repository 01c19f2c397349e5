// From nothing to an editor that takes keys, against the same browser opening a page with a bare
// text area: what of the wait is the app's own.
// Wall time, the fastest of three: it is what a person waits, and two programs share the machine.
import { chromium } from "playwright-core";
import { chromiumProgram, openApp } from "./app.ts";

type Report = (line: { name: string; value: number; unit: string; limit?: number }) => void;

const ROUNDS = 3;
const BARE = "data:text/html,<textarea autofocus></textarea>";

async function fastest(open: () => Promise<() => Promise<void>>): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < ROUNDS; n++) {
    const start = performance.now();
    const close = await open();
    times.push(performance.now() - start);
    await close();
  }
  return Math.min(...times);
}

async function openBare(): Promise<() => Promise<void>> {
  const browser = await chromium.launch(chromiumProgram());
  const page = await browser.newPage();
  await page.goto(BARE);
  await page.locator("textarea:focus").waitFor();
  return () => browser.close();
}

async function openEditor(): Promise<() => Promise<void>> {
  const { page, close } = await openApp();
  await page.getByRole("button", { name: /^Open lab-tail/ }).click();
  await page.getByText("No problems. The text can be run.").waitFor();
  await page.locator(".view-line", { hasText: "gread" }).first().waitFor();
  return close;
}

export async function bench(report: Report): Promise<void> {
  const bare = await fastest(openBare);
  const app = await fastest(openEditor);
  report({ name: "browser to a bare page", value: bare, unit: "ms" });
  report({ name: "host and browser to a usable editor", value: app, unit: "ms" });
  report({ name: "usable editor / bare page", value: app / bare, unit: "x" });
}
