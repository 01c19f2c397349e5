// The commands on good input: what they print, their exit codes, and that help tells all options.
// Real services, workers and simulator on the sources; one library for the file.
// Bad input has a file of its own.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { COMMANDS } from "./commands.ts";
import { faultline as callCli, PROJECT } from "./test-cli.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "faultline-cli-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const faultline = (...words: string[]) => callCli(join(folder, "library.db"), ...words);

const scenario = (name: string, expectLines: string): string => {
  const path = join(folder, name);
  const head = "faultline: 1\ntitle: t\nsetup:\n  - back B lab-tail 64k\n  - slot 1 P B 64k\n";
  const rest = "  - track b B+1p\n  - boot\nsteps:\n  - gread D+1p\n";
  writeFileSync(path, head + rest + expectLines);
  return path;
};

test.each(COMMANDS.map((command) => [command.name, command] as const))(
  "help of %s names every option that it has",
  async (name, command) => {
    const { code, out } = await faultline("help", name);
    expect(code).toBe(0);
    for (const option of Object.keys(command.options)) expect(out).toContain(`--${option}`);
    expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
  },
);

test("the list of commands names each with its summary", async () => {
  const { code, out } = await faultline("help");
  expect(code).toBe(0);
  for (const { name, summary } of COMMANDS) expect(out).toContain(`${name.padEnd(10)} ${summary}`);
});

test("run: a built-in scenario under V0 refuses the tail page, as it expects", async () => {
  const { code, out } = await faultline("run", "lab-tail", "--lookup", "V0");
  expect(out).toMatch(/^lab-tail · V0 · 6\.12 · tdp · simulated\n/);
  expect(out).toMatch(/ 7 {2}gread D\+1p +errno=14/);
  expect(out).toMatch(/^refuses: /m);
  expect(code).toBe(0);
});

test("run: an unmet expectation is shown with its reason, and the code is 1", async () => {
  const file = scenario("unmet.yaml", "expect:\n  - step 4: ok\n");
  const { code, out } = await faultline("run", file, "--lookup", "V0");
  expect(out).toMatch(/NOT MET: step 4: ok \(.+\)/);
  expect(code).toBe(1);
});

test("run: without --save nothing is kept; with it the run is listed", async () => {
  expect((await faultline("runs", "--json")).out).toContain('"all": 0');
  await faultline("run", "lab-tail", "--lookup", "V3", "--save");
  const { out } = await faultline("runs", "lookup:V3");
  expect(out).toMatch(/^[0-9a-f]{6} +lab-tail +V3 +6\.12 +tdp +maps/m);
});

test("run --json gives the whole run as JSON", async () => {
  const { out } = await faultline("run", "lab-tail", "--lookup", "V3", "--json");
  const run = JSON.parse(out) as { verdict: string; stepRows: unknown[] };
  expect([run.verdict, run.stepRows.length]).toEqual(["maps", 11]);
});

async function makeTwoRuns(): Promise<string[]> {
  for (const lookup of ["V0", "V3"]) {
    await faultline("run", "lab-tail", "--lookup", lookup, "--save");
  }
  const { out } = await faultline("runs", "--json", "--sort", "lookup");
  return (JSON.parse(out) as { rows: { id: string }[] }).rows.map(({ id }) => id.slice(0, 6));
}

let made: Promise<string[]> | undefined;
/** Made once: every command starts and stops the services, which takes most of a test's time. */
const twoRuns = (): Promise<string[]> => (made ??= makeTwoRuns());

test("compare: two runs that differ give one sentence, 72 columns and code 1", async () => {
  const [a = "", b = ""] = await twoRuns();
  const { code, out } = await faultline("compare", a, b);
  expect(out).toMatch(/^A refuses with EFAULT/);
  expect(out.split("\n").filter((line) => line.length > 72)).toEqual([]);
  expect(code).toBe(1);
});

test("compare: a run equals itself, and the code is 0", async () => {
  const [a = ""] = await twoRuns();
  expect((await faultline("compare", a, a)).code).toBe(0);
});

test("report: one file, which is not replaced unless asked", async () => {
  const ids = await twoRuns();
  const file = join(folder, "report.html");
  expect(await faultline("report", ...ids, "-o", file)).toMatchObject({ code: 0 });
  const first = readFileSync(file, "utf8");
  expect(first).toMatch(/^<!doctype html>/i);
  const again = await faultline("report", ...ids, "-o", file, "--text");
  expect([again.code, again.err]).toEqual([2, expect.stringContaining("--force replaces it.")]);
  expect(readFileSync(file, "utf8")).toBe(first);
  expect((await faultline("report", ...ids, "-o", file, "--text", "--force")).code).toBe(0);
  expect(readFileSync(file, "utf8")).toMatch(/^lab-tail\n====/);
});

const traces = join(PROJECT, "fixtures", "traces");

test("verify: the traces of a folder equal the model, and the code is 0", async () => {
  const { code, out } = await faultline("verify", join(traces, "7.3", "tdp"));
  expect(out).toMatch(/folio_walk\.trace: equal \(11 steps, /);
  expect(out).toMatch(/^(\d+) of \1 equal$/m);
  expect(code).toBe(0);
});

test("verify: one changed figure is found, with its line, and the code is 1", async () => {
  const text = readFileSync(join(traces, "6.12", "tdp", "lab_tail.trace"), "utf8");
  const changed = text.replace("level 1", "level 2");
  expect(changed).not.toBe(text);
  const place = join(folder, "6.12", "tdp");
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, "changed.trace"), changed);
  const { code, out } = await faultline("verify", place);
  const line = changed.slice(0, changed.indexOf("level 2")).split("\n").length;
  expect(out).toContain(`changed.trace: differs at step`);
  expect(out).toContain(`line ${line}: The events differ`);
  expect(out).toMatch(/^0 of 1 equal$/m);
  expect(code).toBe(1);
});

test("doctor: every check but the built page is fine on the sources", async () => {
  const { out } = await faultline("doctor", "--json");
  const checks = JSON.parse(out) as { name: string; isFine: boolean }[];
  const broken = checks.filter(({ isFine }) => !isFine).map(({ name }) => name);
  expect(checks.map(({ name }) => name)).toContain("library");
  expect(broken).toEqual(["page"]);
});

test("doctor --witness: every function of the model, what no real trace reaches last", async () => {
  const { code, out } = await faultline("doctor", "--witness");
  const lines = out.trimEnd().split("\n").slice(1, -1);
  const counts = lines.map((line) => Number.parseInt(line, 10));
  expect(counts).toEqual(counts.toSorted((a, b) => b - a));
  expect(out).toMatch(/^ *\d{3,} {2}kvm_tdp_mmu_map +arch\/x86\/kvm\/mmu\/tdp_mmu\.c$/m);
  const silent = lines.filter((line) => line.endsWith("modelled, not witnessed"));
  expect(silent).toEqual(lines.filter((line) => Number.parseInt(line, 10) === 0));
  expect(code).toBe(0);
});

test("witness: a trace counts once for each function, and one that differs does not", async () => {
  const place = join(folder, "witness", "6.12", "tdp");
  mkdirSync(place, { recursive: true });
  const text = readFileSync(join(traces, "6.12", "tdp", "lab_tail.trace"), "utf8");
  writeFileSync(join(place, "a.trace"), text);
  writeFileSync(join(place, "b.trace"), text.replace("level 1", "level 2"));
  const { code, out, err } = await faultline("witness", place);
  const counts = JSON.parse(out) as { traces: number; functions: Record<string, number> };
  expect(counts.traces).toBe(1);
  expect(counts.functions).toMatchObject({ kvm_tdp_mmu_map: 1, __get_user_pages: 1 });
  expect(err).toContain("b.trace: not equal to its simulation");
  expect(code).toBe(0);
});
