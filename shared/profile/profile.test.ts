// Call trees: totals are kept, paths joined or not,
// parts and hidden frames accounted for; forms for other
// tools.
import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { EVENTS } from "#shared/events/table";
import { smallRun, type Doing } from "../../fixtures/runs/small-run.ts";
import { spanBlocks } from "./blocks.ts";
import { chromeTraceJson } from "./chrome.ts";
import { eventAtTime, runClock } from "./clock.ts";
import { treeDifference } from "./difference.ts";
import { foldedStacks, pathOf } from "./folded.ts";
import { placeOf, UNMEASURED_COST } from "./functions.ts";
import { buildProfile, WHOLE_RUN, type ProfileRequest } from "./profile.ts";
import { frameEvents, speedscopeJson } from "./speedscope.ts";
import type { CallTree } from "./tree.ts";

const TEXT =
  "faultline: 1\nsetup: [back B anon 64k, slot 1 P B 64k, boot]\nsteps: [gread D+0, gread D+1p]\n";
const EST: ProfileRequest = { by: "est", ...WHOLE_RUN, merged: true, withInlined: false };

/** Cost of the 6.12 table: hva_to_pfn 49, is_page_fault_stale 46; put_page is inlined. */
const fault = (at: Doing): void =>
  at.inside("kvm_tdp_page_fault", () => {
    at.inside("hva_to_pfn", () => at.emit(EVENTS.faultResult, { vcpu: 0, ret: 5 }));
    at.inside("is_page_fault_stale", () => at.inside("put_page", () => undefined));
  });
const twice = () =>
  smallRun(TEXT, [
    { n: 3, does: fault },
    { n: 4, does: fault },
  ]);

const rowsOf = (tree: CallTree) =>
  [...tree.parent.keys()].map((row) => [
    pathOf(tree, row).join(" > "),
    tree.total[row],
    tree.self[row],
    tree.count[row],
  ]);
const named = (tree: CallTree, name: string) =>
  rowsOf(tree).filter(([path]) => String(path).endsWith(name));

describe("profile", () => {
  test("equal paths are one frame; the root holds the sum", () => {
    const { tree, unit, isEstimate, note } = buildProfile(twice(), EST);
    expect(named(tree, "hva_to_pfn")).toEqual([
      ["t0 > kvm_tdp_page_fault > hva_to_pfn", 98, 98, 2],
    ]);
    expect(named(tree, "put_page")).toEqual([]);
    expect(tree.total[0]).toBe(tree.self.reduce((sum, self) => sum + self, 0));
    expect([unit, isEstimate, note]).toEqual(["ns", true, ""]);
  });

  test("in time order each call is a frame with its place", () => {
    const { tree } = buildProfile(twice(), { ...EST, merged: false });
    expect(named(tree, "hva_to_pfn").map((row) => row[1])).toEqual([49, 49]);
    const starts = [...tree.start];
    expect(starts.slice(1)).toEqual(starts.slice(1).toSorted((a, b) => a - b));
  });

  test("an inlined function is shown on request and costs its caller nothing twice", () => {
    const all = buildProfile(twice(), { ...EST, withInlined: true });
    expect(named(all.tree, "put_page")).toHaveLength(1);
    expect(all.tree.total[0]).toBe(buildProfile(twice(), EST).tree.total[0]);
  });

  test("a part counts what was entered in it", () => {
    const run = twice();
    const whole = buildProfile(run, { ...EST, by: "calls" }).tree.total[0] ?? 0;
    const half =
      buildProfile(run, { ...EST, by: "calls", fromEvent: 3, toEvent: 4 }).tree.total[0] ?? 0;
    expect(half).toBeGreaterThan(0);
    expect(half).toBeLessThan(whole);
  });

  test.each(["ticks", "events"] as const)("by %s every one is counted once", (by) => {
    const run = twice();
    const { tree } = buildProfile(run, { ...EST, by });
    expect(tree.total[0]).toBe(run.record[by]);
  });

  test("the difference keeps both runs' weights and no child outgrows its parent", () => {
    const a = buildProfile(twice(), EST).tree;
    const b = buildProfile(
      smallRun(TEXT, [
        {
          n: 3,
          does: (at) =>
            at.inside("kvm_tdp_page_fault", () => {
              at.inside("make_spte", () => undefined);
            }),
        },
      ]),
      EST,
    ).tree;
    const { tree, totalA, totalB } = treeDifference(a, b);
    expect([totalA[0], totalB[0]]).toEqual([a.total[0], b.total[0]]);
    const made = rowsOf(tree).findIndex(([path]) => String(path).endsWith("make_spte"));
    expect([totalA[made], (totalB[made] ?? 0) > 0]).toEqual([0, true]);
    tree.parent.forEach((parent, row) => {
      if (row === 0) return;
      const end = (tree.start[row] ?? 0) + (tree.total[row] ?? 0);
      expect(end).toBeLessThanOrEqual((tree.start[parent] ?? 0) + (tree.total[parent] ?? 0));
    });
  });
});

describe("forms for other tools", () => {
  const { tree } = buildProfile(twice(), EST);

  test("folded stacks hold every weight", () => {
    const lines = foldedStacks(tree).trimEnd().split("\n");
    expect(lines).toContain("run;t0;kvm_tdp_page_fault;hva_to_pfn 98");
    expect(lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0)).toBe(
      tree.total[0],
    );
  });

  test("speedscope events are nested and ordered", () => {
    const events = frameEvents(tree);
    const places = events.map((event) => event.at);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    const open: number[] = [];
    const closed = events.filter(({ type, frame }) => {
      if (type === "O") open.push(frame);
      return type === "C" && open.pop() === frame;
    });
    expect([open, closed.length]).toEqual([[], events.length / 2]);
    expect(JSON.parse(speedscopeJson(tree, { name: "x", unit: "ns" })).profiles[0].endValue).toBe(
      tree.total[0],
    );
  });

  test("Chrome's form has a complete event a frame", () => {
    const { traceEvents } = JSON.parse(chromeTraceJson(tree, { name: "x", unit: "ns" }));
    expect(traceEvents).toHaveLength(tree.parent.length);
  });
});

describe("time", () => {
  test("events stand where the functions entered before them put them", () => {
    const run = twice();
    const clock = runClock(run);
    const step = (run.kernel.costs.kvm_tdp_page_fault ?? UNMEASURED_COST) + 49;
    expect(clock.at[2]).toBe(step);
    expect(clock.end).toBe(buildProfile(run, EST).tree.total[0]);
    expect(eventAtTime(clock, step)).toBe(2);
    expect(eventAtTime(clock, step - 1)).toBe(1);
  });

  test("blocks nest by depth, and what is left out is counted", () => {
    const request = { unit: "time", from: 0, to: 1e9, narrowest: 0, most: 100 } as const;
    const all = spanBlocks(twice(), request);
    const few = spanBlocks(twice(), { ...request, narrowest: 60 });
    expect(all.cut).toBe(0);
    expect(few.blocks.length + few.cut).toBe(all.blocks.length);
    for (const block of all.blocks) expect(block.to).toBeGreaterThanOrEqual(block.from);
  });

  test("any nesting keeps its sum in both orders", () => {
    const name = fc.constantFrom("hva_to_pfn", "make_spte", "put_page", "find_vma");
    const calls = fc.array(fc.array(name, { minLength: 1, maxLength: 5 }), { maxLength: 8 });
    const go = (at: Doing, [first, ...inner]: readonly string[]): void => {
      if (first !== undefined) at.inside(first, () => go(at, inner));
    };
    fc.assert(
      fc.property(calls, (paths) => {
        const run = smallRun(
          TEXT,
          paths.map((path, i) => ({ n: 3, thread: i % 2, does: (at) => go(at, path) })),
        );
        const merged = buildProfile(run, EST).tree.total[0];
        expect(buildProfile(run, { ...EST, merged: false }).tree.total[0]).toBe(merged);
        expect(runClock(run).end).toBe(merged);
      }),
      { numRuns: 40 },
    );
  });
});

test("every function is placed by its file; our own are dim", () => {
  expect(placeOf("kvm_tdp_mmu_map")).toEqual({ file: "arch/x86/kvm/mmu/tdp_mmu.c", family: "tdp" });
  expect(placeOf("get_user_pages_fast_only").file).toBe("mm/gup.c");
  expect(placeOf("hva_to_pfn_remapped").file).toBe("virt/kvm/kvm_main.c");
  expect(placeOf("vcpuThread").family).toBe("dim");
});
