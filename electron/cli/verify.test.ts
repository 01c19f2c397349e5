// `verify` over many traces and `merge`: the same bytes however the work is divided, a JSON form
// that names the first difference, and shards that do not fit told apart.
// Real workers and simulator on the sources; traces are the fixtures' and one with a changed line.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { verifyResult, type VerifyResult } from "#shared/verify/verify-result";
import { faultline as callCli, type Outcome, PROJECT } from "./test-cli.ts";

const traces = join(PROJECT, "fixtures", "traces");
const TRACE = "anon_first_touch.trace";
let folder = "";
/** Traces of two kernels, one of them changed: what all runs of this file look at. */
let places: string[] = [];
let changed = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "faultline-verify-"));
  const place = join(folder, "6.12", "tdp");
  mkdirSync(place, { recursive: true });
  changed = join(place, "changed.trace");
  const text = readFileSync(join(traces, "6.12", "tdp", TRACE), "utf8");
  // The guest's page is not writable in the entry that the real kernel left.
  writeFileSync(changed, text.replace(/^(.*SPTE r0 l1 g=10000 [0-9a-f]*)7$/mu, "$15"));
  const few = readdirSync(join(traces, "7.2", "tdp")).slice(0, 7);
  places = [...few.map((name) => join(traces, "7.2", "tdp", name)), join(traces, "6.1", "npt0")];
  places.push(place);
});
afterAll(() => rmSync(folder, { recursive: true }));

const faultline = (...words: string[]) => callCli(join(folder, "library.db"), ...words);
const file = (name: string): string => join(folder, name);

const parsed = (json: string): VerifyResult => verifyResult.parse(JSON.parse(json));

async function makeShard(part: string, ...options: string[]): Promise<string> {
  const output = file(`shard-${part.replace("/", "-")}-${options.join("")}.json`);
  const words = [...places, "--shard", part, "-o", output, "-q", ...options];
  const { code, err } = await faultline("verify", ...words);
  expect([err, code < 2]).toEqual(["", true]);
  return output;
}

async function makeThree(): Promise<string[]> {
  const files: string[] = [];
  for (const part of ["1/3", "2/3", "3/3"]) files.push(await makeShard(part));
  return files;
}

// Made once: each run starts workers on the sources, which takes longer than the traces.
let three: Promise<string[]> | undefined;
const threeShards = (): Promise<string[]> => (three ??= makeThree());
let json: Promise<Outcome> | undefined;
const wholeJson = () => (json ??= faultline("verify", ...places, "--json", "--jobs", "1"));
let text: Promise<Outcome> | undefined;
const wholeText = () => (text ??= faultline("verify", ...places));

test("three shards merged are the whole, byte for byte, in any order", async () => {
  const whole = await wholeJson();
  const [a = "", b = "", c = ""] = await threeShards();
  expect(parsed(readFileSync(b, "utf8")).rows.length).toBeGreaterThan(3);
  expect(await faultline("merge", c, a, b, "--json")).toEqual(whole);
  expect(await faultline("merge", b, c, a)).toEqual(await wholeText());
  const output = file("merged.json");
  expect((await faultline("merge", a, b, c, "-o", output)).code).toBe(1);
  expect(readFileSync(output, "utf8")).toBe(whole.out);
  expect(whole.code).toBe(1);
});

test("workers and the order of arguments do not change a byte", async () => {
  const one = await wholeJson();
  const two = await faultline("verify", ...places.toReversed(), ...places, "--json", "--jobs", "2");
  expect(two).toEqual(one);
  const files = parsed(one.out).rows.map((row) => row.file);
  expect(files).toEqual(files.toSorted());
});

test("a difference is told with step, both lines, field and the model's function", async () => {
  const { out, code } = await faultline("verify", changed, "--json");
  const { rows, summary } = parsed(out);
  expect(rows).toMatchObject([
    {
      file: changed,
      kernel: "6.12",
      mode: "tdp",
      lookup: "V0",
      scenario: "changed",
      verdict: "differs",
      first: {
        kind: "table",
        step: 5,
        field: "value",
        expected: expect.stringMatching(/^SPTE r0 l1 g=10000 .*5$/),
        got: expect.stringMatching(/^SPTE r0 l1 g=10000 .*7$/),
        function: "kvm_tdp_mmu_map",
      },
    },
  ]);
  expect(summary.cells).toMatchObject([{ equal: 0, total: 1, differing: ["changed"] }]);
  expect(code).toBe(1);
});

test("the table counts by kernel and mode, names what differs, and fits a terminal", async () => {
  const { out } = await wholeText();
  const table = out.slice(out.indexOf("kernel  lookup"));
  expect(table).toMatch(/^kernel {2}lookup +tdp +npt0$/m);
  expect(table).toMatch(/^6\.1 +V0 +- +(\d+)\/\1$/m);
  expect(table).toMatch(/^6\.12 +V0 +0\/1 +-$/m);
  expect(table).toContain("differs in 6.12 V0 tdp: changed\n");
  expect(table.split("\n").filter((line) => line.length > 80)).toEqual([]);
});

test("a shard that is missing, there twice or made otherwise is named", async () => {
  const [a = "", b = "", c = ""] = await threeShards();
  const refused = async (...files: string[]): Promise<string> => {
    const { code, out, err } = await faultline("merge", ...files);
    expect([code, out]).toEqual([2, ""]);
    return err;
  };
  expect(await refused(a, c)).toMatch(/^Shard 2\/3 is missing\./);
  expect(await refused(b)).toMatch(/^Shards 1\/3, 3\/3 are missing\./);
  expect(await refused(a, b, b, c)).toContain(`${b}: Shard 2/3 is there already, in ${b}.`);
  const two = await makeShard("2/3", "--lookup", "V3");
  expect(await refused(a, two, c)).toContain(`${two}: it was made with other options than ${a}`);
  const other = file("other.json");
  await faultline("verify", changed, "--shard", "2/3", "-o", other, "-q");
  expect(await refused(a, other, c)).toContain(`${other}: it is of another list of files`);
});

test("a result that was cut or edited is no result", async () => {
  const [a = "", b = "", c = ""] = await threeShards();
  const text = readFileSync(b, "utf8");
  const edited = async (to: string): Promise<string> => {
    const name = file("edited.json");
    writeFileSync(name, to);
    const { code, out, err } = await faultline("merge", a, name, c);
    expect([code, out]).toEqual([2, ""]);
    return err;
  };
  expect(await edited(text.slice(0, 900))).toMatch(/edited\.json:\d+:\d+: This is no JSON/);
  expect(await edited("{}")).toMatch(/edited\.json:1:1: This is no result of verify \(/);
  const [, row = ""] = /^(\{"file".*\}),\n/m.exec(text) ?? [];
  expect(await edited(text.replace(`${row},\n`, ""))).toMatch(/has \d+ rows, shard 2\/3 has/);
  expect(await edited(text.replace('"file":"', '"file":"x'))).toContain("not those of the list");
});

test("what is not simulated is counted apart, and a long list is cut", async () => {
  const place = join(folder, "6.12-v11", "stage7", "tdp");
  mkdirSync(place, { recursive: true });
  const trace = readFileSync(join(traces, "6.12", "tdp", TRACE), "utf8");
  for (let n = 10; n < 45; n++) writeFileSync(join(place, `t${n}.trace`), trace);
  const { code, out } = await faultline("verify", place);
  expect(out).toContain(
    "t10.trace: not simulated: The kernel's lookup: V1 without its last patch.",
  );
  expect(out).toContain("15 more are not simulated; --json tells why");
  expect(out).toMatch(/^6\.12 +- +0\/35$/m);
  expect(out).toMatch(/^not simulated in 6\.12 - tdp: t10 [^]* t39\s+and 5 more\n0 of 35 equal$/m);
  expect(code).toBe(1);
});

test.each([
  [["--shard", "0/3"], /--shard: "0\/3" is no shard\. Give i\/n/],
  [["--shard", "4/3"], /--shard: "4\/3" is no shard/],
  [["--jobs", "0"], /--jobs: give a whole number from 1 to/],
])("%j ends with code 2 and advice", async (words, message) => {
  const { code, out, err } = await faultline("verify", changed, ...words);
  expect([code, out]).toEqual([2, ""]);
  expect(err).toMatch(message);
});

test("an existing result is replaced only with --force", async () => {
  const [a = ""] = await threeShards();
  const before = readFileSync(a, "utf8");
  const refused = await faultline("verify", changed, "-o", a);
  expect([refused.code, refused.err]).toEqual([2, expect.stringContaining("--force replaces it")]);
  expect(readFileSync(a, "utf8")).toBe(before);
});
