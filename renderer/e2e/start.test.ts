// The app starts in a real browser: host, gate, page, policy, connection.
// What each screen does is the business of its own file.
// No complaint means: no exception, no refused resource, no broken policy.
import { afterAll, beforeAll, expect, test } from "vitest";
import { openApp, type App } from "./app.ts";

let app: App;
beforeAll(async () => {
  app = await openApp();
});
afterAll(() => app.close());

test("the first screen appears, and the console stays silent", async () => {
  await app.page.getByRole("main").waitFor();
  expect(await app.page.title()).toContain("Faultline");
  expect(app.complaints).toEqual([]);
});

test("the page is isolated and can reach no other origin", async () => {
  const reached = await app.page.evaluate(() =>
    fetch("http://127.0.0.1:1/").then(
      () => "reached",
      () => "refused",
    ),
  );
  expect(reached).toBe("refused");
  expect(app.complaints.join()).toContain("Content Security Policy");
  expect(await app.page.evaluate("crossOriginIsolated")).toBe(true);
});

test("a second browser without the code sees nothing", async () => {
  const other = await app.page.context().browser()?.newPage();
  const answer = await other?.goto(app.page.url());
  expect(answer?.status()).toBe(401);
  await other?.close();
});
