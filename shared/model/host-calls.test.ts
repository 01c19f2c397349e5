// What single system calls on the VMM's memory do in each kernel: the notifier calls, in pages from
// the backing's start, and the result. Each row is where kernels differ, or where a range meets
// memory that a plain test does not have.
// From: mm/migrate.c, mm/huge_memory.c, mm/khugepaged.c, mm/mprotect.c, mm/gup.c of the kernels.
import { describe, expect, test } from "vitest";
import { printEvent } from "#shared/events/print";
import { EventId } from "#shared/events/table";
import { parseScenario } from "#shared/scenario/parse";
import { joinHalves } from "#shared/units/halves";
import { _PAGE_ACCESSED, _PAGE_RW, presentLeaf, pteLow } from "./host/pgtable.ts";
import { KERNELS } from "./kernels/profiles.ts";
import { LOOKUP_DESIGNS } from "./lookup/designs.ts";
import { FULL, Simulator } from "./simulate.ts";

const simulator = new Simulator();
const FIRST_BACKING = 0x7e0000000000;
const CALL = EventId.kvm_unmap_hva_range;

/** "0-512 4-5 moved=1 of 1": the last step's notifier calls and its result. */
function lastStep(id: string, kind: string, lines: readonly string[]): string {
  const kernel = KERNELS.find((one) => one.id === id);
  const lookup = LOOKUP_DESIGNS.find((one) => one.id === kernel?.lookup);
  const steps = [`back A ${kind} 2M`, "slot 1 P A 2M", "boot", ...lines];
  const text = steps.map((line) => `  - ${line}\n`).join("");
  const { plan } = parseScenario(`faultline: 1\ntitle: t\nsteps:\n${text}`);
  if (plan === null || kernel === undefined || lookup === undefined) throw new Error(text);
  const run = simulator.simulate({ plan, kernel, lookup, schedule: "", record: FULL });
  if (run.end !== "finished") return run.message;
  const { firstEvent = 0, eventCount = 0 } = run.steps.at(-1) ?? {};
  const words: string[] = [];
  for (let n = firstEvent - 1; n < firstEvent - 1 + eventCount; n++) {
    const { event, fields } = run.record.event(n);
    const page = (at: number): number =>
      (joinHalves(fields[at] ?? 0, fields[at + 1] ?? 0) - FIRST_BACKING) / 4096;
    if (event === CALL) words.push(`${page(0)}-${page(2)}`);
    const context = { forms: kernel.forms, texts: run.texts };
    if (event === EventId.labResult)
      words.push(
        printEvent(event, Int32Array.from(fields), 0, context).replace(/RESULT (host )?/u, ""),
      );
  }
  return words
    .join(" ")
    .replace(" ok moved", " moved")
    .replace(/^ok moved/u, "moved");
}

/** Low half of the host's entry for the backing's first page, after the last step. */
function hostEntry(): number {
  const { machine: m } = simulator;
  return pteLow(m, presentLeaf(m, FIRST_BACKING));
}

const HOLE = ["gread D", "munmap A+4p 1p"];

describe("move_pages", () => {
  test.each([
    // A hole of anonymous memory and memory without access, as get_user_pages() sees them.
    ["6.1", "anon", ["gwrite D 1", "migrate A 2p 1"], "0-1 moved=1 of 2 status=-14"],
    ["6.12", "anon", ["gwrite D 1", "migrate A 2p 1"], "0-1 moved=1 of 2 status=-2"],
    ["6.1", "memfd", ["migrate A 1p 1"], "moved=0 of 1 status=-2"],
    ["6.1", "touched", ["mprotect A 1p -", "migrate A 1p 1"], "moved=0 of 1 status=-2"],
    ["6.12", "touched", ["mprotect A 1p -", "migrate A 1p 1"], "0-1 moved=1 of 1"],
    // A page of hugetlbfs moves whole; 6.1 wants its head.
    ["6.1", "hugetlb", ["gwrite D 1", "migrate A 2p 1"], "0-512 moved=1 of 2 status=-13"],
    ["6.12", "hugetlb", ["gwrite D 1", "migrate A 4p 1"], "0-512 moved=3 of 4 status=-16"],
    ["6.1", "hugetlb", ["gwrite D 1", "migrate A+1p 1p 1"], "moved=0 of 1 status=-13"],
    ["7.2", "hugetlb-shared", ["gread D", "migrate A+1p 1p 1"], "0-512 moved=1 of 1"],
    // Dirty pages of ramfs cannot move: one try, or one with the others and one alone.
    ["6.1", "filefs-shared", ["gread D", "migrate A 1p 1"], "0-1 moved=0 of 1 status=-999"],
    ["6.12", "filefs-shared", ["gread D", "migrate A 1p 1"], "0-1 0-1 moved=0 of 1 status=-999"],
    // A huge page mapped by small entries moves whole, mapping by mapping.
    ["6.12", "thp", ["mprotect A+4p 1p r", "migrate A 1p 1"], "0-4 4-5 5-512 moved=1 of 1"],
    ["6.1", "thp", [...HOLE, "migrate A 1p 1"], "0-4 5-512 moved=1 of 1"],
    ["7.2", "thp", ["mprotect A+4p 1p r", "fork", "migrate A 1p 1"], "moved=0 of 1 status=-13"],
  ])("%s %s %j", (kernel, kind, lines, expected) => {
    expect(lastStep(kernel, kind, lines)).toBe(expected);
  });

  test.each([
    ["6.12", "0-512 0-4 0-512 5-512", "9-10 5-6 1-2 0-1"],
    ["7.2", "0-4 5-512", "1-2 5-6 9-10 0-1"],
  ])("%s splits a huge page with a part gone, and moves what is written", (kernel, ...words) => {
    const writes = [0, 1, 5, 9].map((n) => `hwrite A+${n}p 1`);
    const lines = [...HOLE, ...writes, "migrate A 1p 1"];
    expect(lastStep(kernel, "thp", lines)).toBe(`${words.join(" ")} moved=1 of 1`);
  });

  test("a page with a reference elsewhere is tried ten times by 6.1", () => {
    const tries = lastStep("6.1", "touched", ["get A 1p", "migrate A 1p 1"]).split(" ");
    expect(tries.filter((word) => word === "0-1")).toHaveLength(10);
  });
});

describe.each([
  ["6.1", "1-2 0-512 0-512 ok"],
  ["7.2", "1-2 0-512 ok"],
])("freeing a part of a huge page on %s", (kernel, expected) => {
  test("calls for the split", () => {
    expect(lastStep(kernel, "thp", ["madvise A+1p 1p free"])).toBe(expected);
  });
});

test.each(["6.1", "6.12", "7.2"])("freeing a page that a child shares, on %s", (kernel) => {
  const isOld = (...before: string[]): boolean => {
    lastStep(kernel, "touched", [...before, "fork", "madvise A 1p free"]);
    return (hostEntry() & _PAGE_ACCESSED) === 0;
  };
  // A page that KVM marked dirty cannot be made clean for the child.
  expect([isOld(), isOld("gwrite D 1")]).toEqual([true, false]);
});

test.each([
  ["6.12", ["munmap A 1p"], "errno=22"],
  ["6.12", ["mprotect A 1p r"], "errno=22"],
  ["6.12", ["madvise A 1p dontneed"], "0-512 ok"],
  ["6.12", ["madvise A 1p dontneed", "mprotect A 2M r"], "errno=22"],
  ["7.2", ["madvise A 1p dontneed", "mprotect A 2M r"], "0-512 ok"],
])("collapsing on %s after %j: %s", (kernel, lines, expected) => {
  expect(lastStep(kernel, "thp", [...lines, "madvise A 2M collapse"])).toBe(expected);
});

test("memory that the VMM marked without huge pages, or of ramfs, is not collapsed", () => {
  for (const kind of ["shared", "filefs-shared"])
    expect(lastStep("6.12", kind, ["gwrite D 1", "madvise A 2M collapse"])).toBe("errno=22");
});

test("mprotect of memory that was dropped calls the notifier since 6.12 only", () => {
  const lines = ["madvise A 2M dontneed", "mprotect A 2M r"];
  expect(lastStep("6.1", "thp", lines)).toBe("ok");
  expect(lastStep("6.12", "thp", lines)).toBe("0-512 ok");
});

test.each([
  // small and dirty, huge, small and clean (a part of a huge page that was split), hugetlbfs
  ["6.1", [true, false, false, false]],
  ["6.12", [true, true, true, false]],
] as const)("%s mprotect gives the right to write back to %j", (kernel, expected) => {
  const isWritable = (kind: string, size: string): boolean => {
    lastStep(kernel, kind, ["gwrite D 1", `mprotect A ${size} r`, `mprotect A ${size} rw`]);
    return (hostEntry() & _PAGE_RW) !== 0;
  };
  const huge = [isWritable("thp", "2M"), isWritable("thp", "1p"), isWritable("hugetlb", "2M")];
  expect([isWritable("touched", "1p"), ...huge]).toEqual(expected);
});

test("a long-term pin of ramfs memory is refused since 6.5", () => {
  expect(lastStep("6.1", "filefs-shared", ["pin A 1p"])).toBe("pinned=1");
  expect(lastStep("6.12", "filefs-shared", ["pin A 1p"])).toBe("pinned=-14");
});
