// The table of mutants cannot rot: each fragment is found exactly once in its source. The check
// itself: some mutants are really run, one that a trace must see and one that it cannot.
// All of them are run by `npm run mutants`, which is no part of `npm test`.
import { expect, test } from "vitest";
import { fateOf, reachOf, readTraces } from "./mutants-pool.mjs";
import { isEnough, reportText } from "./mutants-report.mjs";
import { applyMutant, parseMutants, readMutants, sourceOf } from "./mutants-table.mjs";
import { inProject } from "./project.mjs";

const { mutants, problems } = readMutants();
type Mutant = (typeof mutants)[number];

/** The mutant as its source, which must have its fragment exactly once. */
function changeOf(mutant: Mutant): { text: string; start: number; end: number } {
  const { text, start, end, problem } = applyMutant(sourceOf(mutant), mutant);
  if (text === undefined || start === undefined || end === undefined) throw new Error(problem);
  return { text, start, end };
}

test("every mutant's fragment is found exactly once, and no two are the same change", () => {
  const changes = mutants.map((mutant) => applyMutant(sourceOf(mutant), mutant));
  expect([...problems, ...changes.flatMap(({ problem }) => problem ?? [])]).toEqual([]);
  expect(new Set(changes.map(({ text }) => text)).size).toBe(mutants.length);
});

test("there are at least 120, and every room of the model's code has some", () => {
  expect(mutants.length).toBeGreaterThanOrEqual(120);
  const rooms = new Set(mutants.map(({ file }) => file.split("/")[2]));
  expect([...rooms].sort()).toEqual(["guest", "host", "kernels", "kvm", "lab", "lookup"]);
});

test("what is wrong with the table is told with its place", () => {
  const text =
    "x.ts: No minus lines.\n+a\nx.ts No colon.\nkvm/x86.ts: Good.\n? unseen\n-old one\n+new\n";
  const read = parseMutants(text, "table.txt");
  expect(read.problems).toEqual([
    expect.stringMatching(/^table\.txt:3:1: not understood\. /),
    expect.stringMatching(/^table\.txt:1:1: the mutant changes nothing\. /),
  ]);
  const good = read.mutants.at(-1);
  expect(good).toMatchObject({
    file: "shared/model/kvm/x86.ts",
    means: "Good.",
    unseen: " unseen",
  });
  if (good === undefined) return;
  // A line that is only broken anew is still the same.
  expect(applyMutant("an old\n  one.", good)).toMatchObject({ text: "an new.", line: 1 });
  expect(applyMutant("none.", good).problem).toMatch(/^table\.txt:4:1: the fragment is not in /);
  expect(applyMutant("old one old one", good).problem).toMatch(/is 2 times in /);
});

/** By its meaning: the table may grow and move. */
function mutantThat(means: string): Mutant {
  const found = mutants.find((mutant) => mutant.means === means);
  if (found === undefined) throw new Error(`no mutant says "${means}"`);
  return found;
}

const tracesOf = (...names: string[]) =>
  readTraces().filter(({ name }) => names.some((wanted) => name === `${wanted}.trace`));

test("a dropped event and a missed put are caught; what no trace comes to is not", async () => {
  const traces = tracesOf("6.12/tdp/munmap_mapped", "7.2/tdp/hole_fault");
  const event = mutantThat("The start of an invalidation is not recorded.");
  const put = mutantThat("The release after mapping forgets the put.");
  const unsync = mutantThat("A table that becomes unsync is not recorded.");
  const places = [event, put, unsync].map((mutant) => ({
    file: inProject(mutant.file),
    ...changeOf(mutant),
  }));
  const watched = await reachOf(places, traces);
  expect(watched.reach).toEqual([[0, 1], [1], []]);
  const fates = await Promise.all(
    [event, put, unsync].map((mutant) =>
      fateOf({ file: mutant.file, text: changeOf(mutant).text }, traces),
    ),
  );
  expect(fates.map(({ kind }) => kind)).toEqual(["caught", "caught", "survived"]);
  expect(fates[0]?.how).toMatch(/^step \d+ \(.+\): event, /);
});

test("a mutant whose text makes no sense is none", async () => {
  const mutant = mutantThat("The end of an invalidation does not move the sequence.");
  const traces = tracesOf("6.12/tdp/munmap_mapped");
  const run = (after: string) =>
    fateOf({ file: mutant.file, text: changeOf({ ...mutant, after }).text }, traces);
  expect(await run("noSuchName += 1;")).toMatchObject({ kind: "senseless" });
  expect(await run("m.kvm.mmu_invalidate_seq += ;")).toMatchObject({ kind: "senseless" });
});

test("the report names each survivor's place in source and table; 95 in 100 are enough", () => {
  const mutant = { file: "a.ts", means: "Wrong.", place: "t.txt:1", before: "", after: "" };
  const row = (kind: "caught" | "survived", unseen = "") => ({
    mutant: { ...mutant, unseen },
    line: 7,
    fate: { kind, name: "x.trace", how: "" },
  });
  const rows = [...Array.from({ length: 38 }, () => row("caught")), row("survived")];
  const marked = row("survived", " no trace of the lab comes there");
  expect(reportText([...rows, marked], 3, false)).toBe(
    `${[
      "38 of 40 mutants are caught by 3 traces: 95.0 %; 95 % are wanted.",
      "Of the 39 without a mark: 38, 97.4 %.",
      "",
      "Not caught (1):",
      "a.ts:7: Wrong.\n    t.txt:1, no trace that comes there differs",
      "",
      "Not caught, and marked in the table (1):",
      "a.ts:7: Wrong.\n    t.txt:1, no trace of the lab comes there",
    ].join("\n")}\n`,
  );
  const part = false;
  expect(isEnough([...rows, marked], part)).toBe(true);
  // A mark explains, and excuses nothing.
  expect(isEnough([...rows, marked, marked], part)).toBe(false);
  expect(isEnough([...rows, row("survived"), row("survived")], part)).toBe(false);
  // The whole table must have a hundred that are caught.
  expect(isEnough([...rows, marked], true)).toBe(false);
  expect(isEnough([...rows, ...rows, ...rows], true)).toBe(true);
});
