// Every kind of wrong input ends with exit code 2 and one message: file, line, column, what to do.
// Nothing is printed as a result, nothing is changed, and no stack is shown.
// Scenario files come from fixtures/bad; traces are cut from a real one.
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { faultline as callCli, PROJECT } from "./test-cli.ts";

const bad = (name: string) => join(PROJECT, "fixtures", "bad", name);
const labTail = join(PROJECT, "fixtures", "scenarios", "lab-tail.yaml");
const trace = join(PROJECT, "fixtures", "traces", "6.12", "tdp", "lab_tail.trace");

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "faultline-bad-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

const faultline = (...words: string[]) => callCli(join(folder, "library.db"), ...words);

test.each([
  ["YAML syntax", "syntax-unclosed-quote.yaml"],
  ["a tab as indent", "syntax-tab-indent.yaml"],
  ["an unknown key", "unknown-key.yaml"],
  ["an unknown verb", "unknown-verb.yaml"],
  ["an address beyond 52 bits", "address-overflow-gpa.yaml"],
  ["an address beyond 64 bits", "address-overflow-gva.yaml"],
  ["overlapping slots", "slots-overlap.yaml"],
  ["an alias bomb", "alias-bomb.yaml"],
  ["an alias inside its own value", "alias-to-itself.yaml"],
  ["an unknown lookup in expect", "expect-unknown-lookup.yaml"],
])("%s is told with file, line, column and advice", async (_what, name) => {
  const path = bad(name);
  const { code, out, err } = await faultline("run", path);
  expect([code, out]).toEqual([2, ""]);
  const [place, message = ""] = err.split(/(?<=:\d+:\d+: )/, 2);
  expect(place?.startsWith(`${path}:`)).toBe(true);
  expect(place?.slice(path.length)).toMatch(/^:\d+:\d+: $/);
  expect(message.length).toBeGreaterThan(20);
  expect(err).not.toMatch(/\n\s+at /);
});

test("a trace cut in the middle of a line", async () => {
  const text = readFileSync(trace, "utf8");
  const path = file("cut.trace", text.slice(0, text.indexOf("\n", 20_000) - 30));
  const { code, out, err } = await faultline("import", "--as", "scenario", path);
  expect([code, out]).toEqual([2, ""]);
  expect(err).toMatch(/cut\.trace:\d+:\d+: The trace ends in the middle of a line\. Copy it again/);
});

test("a trace cut in the middle of a line, where it is verified", async () => {
  const path = file("cut2.trace", readFileSync(trace, "utf8").slice(0, 4321));
  const where = ["--kernel", "6.12", "--mode", "tdp", "--lookup", "V0"];
  const { code, out, err } = await faultline("verify", path, ...where);
  expect([code, out]).toEqual([2, ""]);
  expect(err).toMatch(/cut2\.trace:\d+:\d+: .*(Was (it|the file) cut|Copy it again)/);
});

test("a trace whose folders tell nothing of its kernel", async () => {
  const { code, out, err } = await faultline("verify", file("a.trace", "# tracer: nop\n"));
  expect([code, out]).toEqual([2, ""]);
  expect(err).toMatch(/a\.trace:1:1: .*Give --kernel and --mode\./);
});

test("a trace without a step is not equal, it is no trace of the lab", async () => {
  const where = ["--kernel", "6.12", "--mode", "tdp"];
  const { code, err } = await faultline("verify", file("b.trace", "# tracer: nop\n"), ...where);
  expect(code).toBe(2);
  expect(err).toMatch(/b\.trace:1:1: .*STEP line/);
});

test("a file that is neither plan nor trace", async () => {
  const path = file("letter.txt", "\n\n  Dear reviewer,\n");
  const { code, out, err } = await faultline("import", path);
  expect([code, out]).toEqual([2, ""]);
  expect(err).toMatch(/letter\.txt:3:3: "Dear" is no verb .* Give a lab plan or a trace\./);
});

test("bytes that are no text", async () => {
  const path = file(
    "noise.yaml",
    Uint8Array.from({ length: 3000 }, (_, n) => (n * 37) % 256),
  );
  const { code, err } = await faultline("run", path);
  expect(code).toBe(2);
  expect(err).toMatch(/noise\.yaml:1:1: .*not UTF-8/);
});

test("a database of random bytes is refused and stays as it is", async () => {
  const bytes = Uint8Array.from({ length: 20_000 }, (_, n) => (n * n * 31 + 7) % 251);
  const path = join(folder, "library.db");
  writeFileSync(path, bytes);
  const { code, out, err } = await faultline("runs");
  expect([code, out]).toEqual([2, ""]);
  expect(err).toMatch(/library\.db is not a database\..*Choose another file\./);
  expect(readFileSync(path)).toEqual(Buffer.from(bytes));
  rmSync(path);
});

test.each([
  [["run", labTail, "--lookup", "V9"], /--lookup: "V9" is not known\. Known: V0, V1/],
  [["run", labTail, "--mode", "shadow"], /--mode: "shadow" is not known\. Known: tdp/],
  [["import", "--as", "novel", trace], /--as: "novel" is not known\. Known: scenario\./],
  [["runs", "--limit", "0"], /--limit: give a whole number from 1 to 1000\./],
  [["runs", "--colour"], /Unknown option '--colour'\. See: faultline help runs/],
  [["rum"], /"rum" is not a command\. Did you mean run\?/],
  [["run"], /An argument is missing\. Usage: faultline run FILE/],
  [["compare", "a", "b", "c"], /There are too many arguments\./],
  [["export", "nowhere.yaml"], /nowhere\.yaml: There is no such file\. Give the path of a file\./],
  [["compare", "xyz", "1234"], /"xyz" is no run: give 4 to 16 hex digits/],
  [["serve", "--port", "70000"], /--port must be a number from 0 to 65535/],
])("%j ends with code 2 and advice", async (words, message) => {
  const { code, out, err } = await faultline(...words);
  expect([code, out]).toEqual([2, ""]);
  expect(err).toMatch(message);
});

test("an import of a whole trace works, and exports to the same lines", async () => {
  const copy = join(folder, "whole.trace");
  copyFileSync(trace, copy);
  const imported = await faultline("import", copy);
  expect([imported.code, imported.err]).toEqual([0, ""]);
  const exported = await faultline("export", file("whole.yaml", imported.out));
  expect(exported.code).toBe(0);
  const steps = readFileSync(trace, "utf8").matchAll(/STEP \d+ (.+)$/gm);
  const lines = [...steps].map(([, line]) => line).filter((line) => line !== "end");
  expect(exported.out.trimEnd().split("\n").slice(1)).toEqual(lines);
});
