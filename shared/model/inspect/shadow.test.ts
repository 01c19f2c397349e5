// What the inspection shows under shadow paging: the walk of KVM's tables goes by the guest's own
// addresses, says which guest table each shadow page stands for, and tells where the two part.
// From: the shadow MMU (arch/x86/kvm/mmu/paging_tmpl.h): FNAME(fetch), kvm_mmu_get_child_sp() for
// large guest pages, mmu_try_to_unsync_pages().
import { expect, test } from "vitest";
import { parseScenario } from "#shared/scenario/parse";
import { LINUX_7_2 } from "../kernels/linux-7.2.ts";
import { pageLine } from "../lab/states.ts";
import { V3_MERGED } from "../lookup/v3-merged.ts";
import { FULL, Simulator } from "../simulate.ts";
import type { Kvm, ModeId } from "../state/machine.ts";
import { decodeEntry } from "./entry.ts";
import { machineView } from "./machine.ts";
import { pageFacts } from "./page.ts";
import { walk, type TreeView, type Walk } from "./walk.ts";

const simulator = new Simulator();
const m: Kvm = simulator.machine;
/** D, the data window of the guest, and what it maps at first. */
const D = 0x40000000;
const P_GFN = 0x10000;
const B = 0x7e0000000000;

function after(steps: string, { mode = "npt0", backing = "touched 64k" } = {}): void {
  const size = backing.split(" ").at(-1);
  const text = `faultline: 1
setup:
  - back B ${backing}
  - slot 1 P B ${size}
  - boot
steps:
${steps
  .split(", ")
  .map((step) => `  - ${step}`)
  .join("\n")}
`;
  const { plan, diagnostics } = parseScenario(text);
  if (plan === null) throw new Error(JSON.stringify(diagnostics[0]));
  const axes = { kernel: LINUX_7_2, lookup: V3_MERGED, mode: mode as ModeId };
  const run = simulator.simulate({ plan, ...axes, schedule: "", record: FULL });
  expect(run.end).toBe("finished");
}

const walkOf = (gva: number): Walk => walk(m, 0, gva, 0, () => false);
const tree = (found: Walk): TreeView => found.trees[1] ?? expect.fail("no second tree");
const heads = (found: Walk): string[] => found.trees.map((one) => `${one.title} ${one.address}`);
const leafState = (found: Walk): string => {
  const level = tree(found).levels.at(-1);
  return level?.entries.find((entry) => entry.index === level.index)?.state ?? "none";
};
const pfnAt = (page: number): number => pageLine(m, B + page * 4096).pfn;

test("a mapped page: the shadow tree is walked by the gva and ends at the host's frame", () => {
  after("gwrite D+3p 1");
  const found = walkOf(D + 0x3010);
  expect(heads(found)).toEqual([
    "Guest gva 40003010",
    "Shadow gva 40003010",
    "Host hva 7e0000003000",
  ]);
  expect(found.trees.map(({ maps }) => maps)).toEqual(["gva to gpa", "gva to hpa", "hva to hpa"]);
  expect(found).toMatchObject({ gpa: "10003010", gfn: P_GFN + 3, ends: null, remark: "" });
  expect(found.pfn).toBe(pfnAt(3));
  expect(tree(found).levels.map(({ index }) => index)).toEqual([0, 1, 0, 3]);
  expect(leafState(found)).toBe("W");
});

test("each shadow page names the guest table that it stands for", () => {
  after("gwrite D+3p 1");
  const found = walkOf(D + 0x3000);
  const tables = found.trees[0]?.levels.map(({ table }) => Number.parseInt(table ?? "", 16) / 4096);
  expect(tree(found).levels.map(({ about }) => about)).toEqual(
    tables?.map((gfn) => `gfn 0x${gfn.toString(16)}, rwux`),
  );
  expect(found.trees[0]?.levels.map(({ about }) => about).join("")).toBe("");
});

test("a level that KVM has not shadowed yet ends the walk, though the guest maps the page", () => {
  after("gread D+0");
  const found = walkOf(D + 0x200000);
  expect(found.gfn).toBe(P_GFN + 0x200);
  expect(found.ends).toEqual({
    tree: "shadow",
    level: 2,
    sentence: "No table: L2 [001] is not present.",
  });
  expect(tree(found).levels.at(-1)).toMatchObject({ table: null, about: "" });
});

test("where the guest itself maps nothing, its tables end the walk", () => {
  after("gread D+0");
  const found = walkOf(D + 0x40000000);
  expect(found).toMatchObject({ gpa: null, pfn: null, hva: null });
  expect(found.ends?.tree).toBe("guest");
});

test("a large guest page on small host pages is shadowed by a direct table", () => {
  after("gpde D+0 P pwuads, gcr3, gwrite D+3p 1", { backing: "touched 2M" });
  const found = walkOf(D + 0x3000);
  expect(found.trees[0]?.levels.at(-1)?.note).toBe("2 MiB page, no L1");
  expect(tree(found).levels.at(-1)).toMatchObject({
    about: "direct, gfn 0x1_0000, rwux",
    index: 3,
  });
  expect(found).toMatchObject({ gfn: P_GFN + 3, ends: null, pfn: pfnAt(3) });
});

test.each(["npt0", "tdp"])(
  "in a huge leaf (%s) the walk ends at the page that is accessed",
  (mode) => {
    after("gpde D+0 P pwuads, gcr3, gwrite D+3p 1", { mode, backing: "thp 2M" });
    const found = walkOf(D + 0x3000);
    expect(tree(found).levels.at(-1)?.note).toBe("2 MiB page, no L1");
    expect(found.pfn).toBe(pfnAt(3));
    const kvm = pageFacts(m, pfnAt(3), []).mappedBy.filter((one) => one.tree !== "host");
    expect(kvm).toMatchObject([{ level: 2, index: mode === "tdp" ? 128 : 0, gfn: P_GFN + 3 }]);
    // The page stands inside the leaf that the CPU's entry was made from.
    expect(machineView(m, []).tlb.map(({ stale }) => stale)).not.toContain(true);
  },
);

test("two guest addresses of one gfn are two entries, told by their gva", () => {
  after("gpte D+1p P pwuad, gread D+0, gread D+1p");
  const { mappedBy } = pageFacts(m, pfnAt(0), []);
  expect(mappedBy).toMatchObject([
    { tree: "shadow", level: 1, index: 0, address: "40000000", gfn: P_GFN },
    { tree: "shadow", level: 1, index: 1, address: "40001000", gfn: P_GFN },
    { tree: "host", level: 1, address: B.toString(16), gfn: null },
  ]);
});

test("what the guest's own tables forbid is read-only, not protected by KVM", () => {
  after("gpte D+1p P+1p pua, gread D+1p, gread D+0");
  const found = walkOf(D + 0x1000);
  expect(leafState(found)).toBe("R");
  const entry = tree(found)
    .levels.at(-1)
    ?.entries.find(({ index }) => index === 1);
  expect(entry?.value).toBeDefined();
  const value = BigInt(`0x${entry?.value ?? "0"}`);
  const halves = [
    Number(BigInt.asIntN(32, value)),
    Number(BigInt.asIntN(32, value >> 32n)),
  ] as const;
  const sentence = (key: "tdp" | "shadow") => decodeEntry(LINUX_7_2, key, 1, ...halves).sentence;
  expect(sentence("shadow")).toMatch(/^Not writable: the guest's tables forbid it, or KVM/);
  expect(sentence("tdp")).toMatch(/^Write-protected by KVM/);
});

test("after the guest writes its table unseen, the walk says that the two part", () => {
  const unseen = "gread D+0, gread D+1p, gpte D+0 P+5p pwuad";
  after(unseen);
  const found = walkOf(D);
  expect(tree(found).levels.at(-1)?.about).toMatch(/, unsync$/);
  expect(tree(found).levels[0]?.about).toMatch(/1 unsync below$/);
  const [pfn, hostPfn] = [pfnAt(0), pfnAt(5)];
  expect(found).toMatchObject({ gfn: P_GFN + 5, ends: null, pfn, hostPfn });
  expect(found.remark).toMatch(/lead to gfn 0x1_0005, the shadow tables still to gfn 0x1_0000/);
  after(`${unseen}, ginvlpg D+0`);
  expect(walkOf(D)).toMatchObject({ remark: "", ends: { tree: "shadow", level: 1 } });
});

test("an entry that the guest took away unseen still leads the CPU to the page", () => {
  after("gread D+0, gread D+1p, gpte D+0 0 u");
  expect(walkOf(D)).toMatchObject({ gpa: null, gfn: P_GFN, pfn: pfnAt(0), ends: null });
  expect(walkOf(D).remark).toMatch(/lead to no page, the shadow tables still to gfn 0x1_0000/);
});

test("a cached translation is stale when the shadow tables no longer lead there", () => {
  after("gread D+0");
  const entries = () => machineView(m, []).tlb.filter(({ gva }) => gva === "40000000");
  expect(entries()).toMatchObject([{ pfn: pfnAt(0), stale: false }]);
});

test.each(["tdp", "tdp0"])("in %s KVM's tables go on from the gpa", (mode) => {
  after("gwrite D+3p 1", { mode });
  const found = walkOf(D + 0x3000);
  expect(heads(found)[1]).toBe("TDP gpa 10003000");
  expect(tree(found)).toMatchObject({ key: "tdp", maps: "gpa to hpa" });
  expect(
    tree(found)
      .levels.map(({ about }) => about)
      .join(""),
  ).toBe("");
});
