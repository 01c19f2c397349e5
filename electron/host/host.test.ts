// What all hosts share: no address leaves the bundle, the policy stays closed, the library's place.
// The hostile addresses are the usual encodings of "one folder up".
// No file is read: both are pure functions.
import { join } from "node:path";
import { expect, test } from "vitest";
import { bundleFile, contentType } from "./bundle.ts";
import { PAGE_HEADERS } from "./headers.ts";
import { libraryPath } from "./library.ts";

const folder = join("/", "app", "renderer");

test.each([
  ["/", "index.html"],
  ["/assets/a.js", join("assets", "a.js")],
  ["/assets/%61.js", join("assets", "a.js")],
  ["/assets/../index.html", "index.html"],
])("%s is a file of the bundle", (path, file) => {
  expect(bundleFile(folder, path)).toBe(join(folder, file));
});

test.each([
  "/..%2f..%2fetc/passwd",
  "/../secret",
  "/%2e%2e/secret",
  "/..%5c..%5csecret",
  "/assets/%00.js",
  "/%E0%A4%A",
  "/../renderer-of-someone-else/x",
  "/..",
])("%s leads nowhere", (path) => {
  expect(bundleFile(folder, path)).toBeNull();
});

test("an unknown ending is served as bytes, never as something a browser runs", () => {
  expect(contentType("x.js")).toMatch(/^text\/javascript/);
  expect(contentType("x.exe")).toBe("application/octet-stream");
});

test("the policy opens no foreign source, no eval and no frame", () => {
  const policy = PAGE_HEADERS["content-security-policy"] ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/https?:|\*|unsafe-eval|blob:/);
  expect(policy).toMatch(/script-src 'self';/);
});

test.each([
  ["linux", {}, "/home/u/.local/share/faultline/library.db"],
  ["linux", { XDG_DATA_HOME: "/data" }, "/data/faultline/library.db"],
  ["linux", { FAULTLINE_LIBRARY: "/x/y.db", XDG_DATA_HOME: "/data" }, "/x/y.db"],
  ["darwin", {}, "/home/u/Library/Application Support/faultline/library.db"],
  ["win32", { APPDATA: "/roaming" }, "/roaming/faultline/library.db"],
] as const)("on %s with %j the library is %s", (platform, env, path) => {
  expect(libraryPath(undefined, { platform, env, home: "/home/u" })).toBe(path);
});

test("--library wins over the environment", () => {
  const env = { FAULTLINE_LIBRARY: "/x/y.db" };
  expect(libraryPath("/mine.db", { platform: "linux", env, home: "/" })).toBe("/mine.db");
});
