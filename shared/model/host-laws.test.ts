// Laws of the host's memory over random plans of all kinds and verbs: every count equals what leads
// to a page, every table is reached, and KVM maps nothing that the host does not map.
// From: the meaning of _refcount and _mapcount (include/linux/mm_types.h).
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EventId } from "#shared/events/table";
import { parseScenario } from "#shared/scenario/parse";
import type { Plan } from "#shared/scenario/plan";
import { frameOf, joinHalves } from "#shared/units/halves";
import { pfnOfGfn } from "./inspect/tables.ts";
import { KERNELS } from "./kernels/profiles.ts";
import type { KernelProfile } from "./kernels/profile.ts";
import { pageLine, rootOf, tableEntries } from "./lab/states.ts";
import { LOOKUP_DESIGNS } from "./lookup/designs.ts";
import { FULL, Simulator } from "./simulate.ts";
import * as pg from "./state/host.ts";
import { pfn_valid } from "./state/layout.ts";
import { KIND } from "./state/machine.ts";
import { BOOT_FRAMES, MEMORY_KINDS } from "./host/kinds.ts";
import * as page from "./host/page.ts";
import * as pt from "./host/pgtable.ts";
import { isHugeZero } from "./host/split-pmd.ts";

const simulator = new Simulator();
const m = simulator.machine;

function planOf(lines: readonly string[]): Plan {
  const text = lines.map((line) => `  - ${line}`).join("\n");
  const { plan, diagnostics } = parseScenario(`faultline: 1\ntitle: t\nsteps:\n${text}\n`);
  if (plan === null) throw new Error(JSON.stringify(diagnostics[0]));
  return plan;
}

function run(lines: readonly string[], kernel: KernelProfile) {
  const lookup = LOOKUP_DESIGNS.find(({ id }) => id === kernel.lookup);
  if (lookup === undefined) throw new Error(kernel.lookup);
  return simulator.simulate({ plan: planOf(lines), kernel, lookup, schedule: "", record: FULL });
}

/** How often each frame is mapped by small and by huge entries; a frame not counted is left out. */
function mappings(): { small: Map<number, number>; huge: Map<number, number>; tables: number } {
  const found = { small: new Map<number, number>(), huge: new Map<number, number>(), tables: 0 };
  const walk = (table: number, level: number): void => {
    found.tables += 1;
    for (let cell = table; cell < table + 1024; cell += 2) {
      const low = pt.pteLow(m, cell);
      const below = level > 1 ? pt.tableBelow(m, cell) : 0;
      if (below !== 0) walk(below, level - 1);
      if (below !== 0 || !pt.isPresent(low) || (low & pt._PAGE_SPECIAL) !== 0) continue;
      const pfn = pt.ptePfn(m, cell);
      const counts = level === 2 ? found.huge : found.small;
      if (pfn_valid(pfn) && !isHugeZero(m, pfn)) counts.set(pfn, (counts.get(pfn) ?? 0) + 1);
    }
  };
  walk(m.mm.pgd, pt.TOP_LEVEL);
  if (m.mm.childPgd !== 0) walk(m.mm.childPgd, pt.TOP_LEVEL);
  return found;
}

/** References of page cache and pins, by head. */
function otherOwners(): Map<number, number> {
  const owners = new Map<number, number>();
  const add = (pfn: number, count: number): void => {
    const head = page.headOf(m, pfn);
    owners.set(head, (owners.get(head) ?? 0) + count);
  };
  for (const cell of m.arena(KIND.address_space).live(m)) {
    const { fs, nodes } = pg.address_space.at(m, cell);
    const each = fs === pg.FileSystem.hugetlbfs ? m.kernel.host.hugetlbCacheReferences : 1;
    for (let at: number = nodes; at !== 0; at = pg.pageCacheNode.at(m, at).next) {
      const { slots } = pg.pageCacheNode.at(m, at);
      for (let n = 0; n < pg.NODE_SLOTS; n++) if (slots.get(n) > 0) add(slots.get(n) - 1, each);
    }
  }
  for (let cell: number = m.host.held; cell !== 0; cell = pg.heldPage.at(m, cell).next) {
    const { pfn, isPin } = pg.heldPage.at(m, cell);
    add(pfn, isPin && !page.isLarge(m, page.headOf(m, pfn)) ? 1024 : 1);
  }
  return owners;
}

/** What is wrong with the counts, as sentences. */
function wrongCounts(): string[] {
  const { small, huge, tables } = mappings();
  const owners = otherOwners();
  const wrong: string[] = [];
  const live = [...m.arena(KIND.hostTable).live(m)].length;
  if (live !== tables) wrong.push(`${live} tables live, ${tables} reached`);
  for (const [pfn, count] of [...small, ...huge]) {
    const head = page.headOf(m, pfn);
    owners.set(head, (owners.get(head) ?? 0) + count);
  }
  for (const cell of m.arena(KIND.page).live(m)) {
    const pfn = (cell - m.pages) / pg.PAGE_CELLS;
    const view = page.pfn_to_page(m, pfn);
    if (view._mapcount !== (small.get(pfn) ?? 0)) wrong.push(`pfn ${pfn} map ${view._mapcount}`);
    if (view._entire_mapcount !== (huge.get(pfn) ?? 0)) wrong.push(`pfn ${pfn} huge map`);
    if (view.head !== 0 || view.isDriver !== 0 || pfn < BOOT_FRAMES) continue;
    if (view._refcount !== (owners.get(pfn) ?? 0)) wrong.push(`pfn ${pfn} ref ${view._refcount}`);
    if (view._refcount === 0 && view.isHugetlb === 0) wrong.push(`pfn ${pfn} is nobody's`);
  }
  return wrong;
}

/** Bit of an entry that KVM made, whatever the CPU sees in it. */
const MMU_PRESENT = 0x800;

/** Leaves of KVM's tables that lead elsewhere than the host's. */
function wrongLeaves(): string[] {
  const root = rootOf(m, 0);
  if (root === null) return [];
  return [...tableEntries(m, root.table, root.level)].flatMap(({ level, gfn, lo, hi }) => {
    const isLeaf = (lo & MMU_PRESENT) !== 0 && (level === 1 || (lo & pt._PAGE_PSE) !== 0);
    if (!isLeaf) return [];
    const isSame = pfnOfGfn(m, gfn) === frameOf(lo, hi);
    return isSame ? [] : [`gfn ${gfn} leads elsewhere than the host's entry`];
  });
}

const kind = fc.constantFrom(...MEMORY_KINDS.map((row) => row.kind));
const place = fc.constantFrom("A", "A+1p", "A+5p", "A+511p", "A+1M", "A+2M");
const size = fc.constantFrom("1p", "4p", "64k", "1M", "2M");
const address = fc.constantFrom("D", "D+1p", "D+5p", "D+511p", "D+1M", "D+2M");
const advice = fc.constantFrom(
  "dontneed",
  "free",
  "remove",
  "cold",
  "pageout",
  "hugepage",
  "nohugepage",
  "collapse",
  "populate_read",
  "populate_write",
  "mergeable",
  "unmergeable",
  "willneed",
);
const line = fc.oneof(
  address.map((at) => `gread ${at}`),
  address.map((at) => `gwrite ${at} 7`),
  place.map((at) => `hwrite ${at} 9`),
  fc.tuple(place, size).map(([at, bytes]) => `hfill ${at} ${bytes} 0x33`),
  fc.tuple(place, size).map(([at, bytes]) => `munmap ${at} ${bytes}`),
  fc.tuple(place, size, fc.constantFrom("r", "rw", "-")).map((of) => `mprotect ${of.join(" ")}`),
  fc.tuple(place, size).map(([at, bytes]) => `mremap ${at} ${bytes} A+16M`),
  fc.tuple(place, kind).map(([at, name]) => `mmapover ${at} 64k ${name}`),
  fc.tuple(place, size, advice).map((of) => `madvise ${of.join(" ")}`),
  fc.tuple(place, size).map(([at, bytes]) => `punch ${at} ${bytes}`),
  fc.constantFrom("truncate A 16k", "truncate A 2M", "swapon", "swapoff", "unpin", "unfork"),
  fc.tuple(place, size).map(([at, bytes]) => `migrate ${at} ${bytes} 1`),
  fc
    .tuple(place, fc.constantFrom("pin", "get", "mlock", "ksm"))
    .map(([at, verb]) => `${verb} ${at} 64k`),
);
const plan = fc.record({
  kind,
  bytes: fc.constantFrom("64k", "4M"),
  forkAt: fc.nat({ max: 15 }),
  lines: fc.array(line, { maxLength: 15 }),
});

test.each(KERNELS)("counts hold after any plan on $id", (kernel) => {
  const holds = () =>
    fc.assert(
      fc.property(plan, ({ kind: name, bytes, forkAt, lines }) => {
        const steps = [`back A ${name} ${bytes}`, `slot 1 P A ${bytes}`, "boot", ...lines];
        const forked = steps.toSpliced(3 + forkAt, 0, "fork");
        const { end, message } = run(forked, kernel);
        if (end === "failed" && message.includes("not simulated")) return;
        expect({ end, message }).toEqual({ end: "finished", message: "" });
        expect(wrongCounts()).toEqual([]);
        expect(wrongLeaves()).toEqual([]);
      }),
      { numRuns: 80 },
    );
  expect(holds).not.toThrow();
});

/** Ranges of the notifier calls of a run's last step, in pages from the backing's start. */
function lastCalls(lines: readonly string[], kernel: KernelProfile): [number, number][] {
  const { record, steps } = run(lines, kernel);
  const [ticks, kinds, , ...cells] = record.columns.events;
  const at = (cell: number, row: number): number =>
    (joinHalves(cells[cell]?.[row] ?? 0, cells[cell + 1]?.[row] ?? 0) - FIRST_BACKING) / 4096;
  const calls: [number, number][] = [];
  for (const [row, word] of (kinds ?? []).entries()) {
    const isInStep = (ticks?.[row] ?? 0) >= (steps.at(-1)?.firstTick ?? 0);
    if (isInStep && (word & 0xff) === EventId.kvm_unmap_hva_range)
      calls.push([at(0, row), at(2, row)]);
  }
  return calls;
}

const FIRST_BACKING = 0x7e0000000000;
const [, linux612, linux72] = KERNELS;
if (linux612 === undefined || linux72 === undefined) throw new Error("no kernels");

describe("notifier calls", () => {
  const inSlot = (kind: string, ...lines: string[]): string[] => [
    `back A ${kind} 4M`,
    "slot 1 P A 4M",
    "boot",
    ...lines,
  ];

  test("a mapping cut inside 2 MiB calls for them, with or without a huge page there", () => {
    const calls = lastCalls(inSlot("touched", "munmap A+4p 4p"), linux612);
    expect(calls).toEqual([
      [0, 512],
      [4, 8],
    ]);
  });

  test("dropping a part of a huge page nests the split's call in its own", () => {
    const calls = lastCalls(inSlot("thp", "madvise A+5p 1p dontneed"), linux612);
    expect(calls).toEqual([
      [5, 6],
      [0, 512],
    ]);
  });

  test("a page without references elsewhere is tried once, one with a reference twice", () => {
    const move = (first: string) =>
      lastCalls(["back A touched 64k", "slot 1 P A 64k", first, "migrate A 1p 1"], linux612);
    expect(move("hread A")).toEqual([[0, 1]]);
    expect(move("get A 1p")).toEqual([
      [0, 1],
      [0, 1],
    ]);
    expect(move("pin A 1p")).toHaveLength(10);
  });

  test("the write to a huge zero page splits it on 6.12, replaces it on 7.2", () => {
    const lines = inSlot("thp-lazy", "gread D", "gwrite D+1p 1");
    expect(lastCalls(lines, linux612)).toEqual([
      [0, 512],
      [1, 2],
    ]);
    expect(pageLine(m, FIRST_BACKING + 4096).order).toBe(0);
    expect(lastCalls(lines, linux72)).toEqual([[0, 512]]);
    expect(pageLine(m, FIRST_BACKING + 4096).order).toBe(9);
  });
});
