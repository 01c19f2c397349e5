// The ledger pairs what belongs together: by group,
// thread and life of the page, and leaves open what has
// no pair.
import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { EVENTS } from "#shared/events/table";
import { PageRefCause } from "#shared/events/own";
import { balanceOf, buildLedger, countCurve, ledgerRows } from "./ledger.ts";
import { smallRun, type Doing, type SmallStep } from "../../fixtures/runs/small-run.ts";

const TEXT = `faultline: 1
setup: [back B anon 64k, slot 1 P B 64k, boot]
steps: [gread D+0, gread D+1p, munmap B 64k]
`;

type Change = readonly [delta: number, count: number, cause: keyof typeof PageRefCause];

const refs = (at: Doing, pfn: number, changes: readonly Change[]): void => {
  for (const [delta, count, cause] of changes) {
    at.emit(EVENTS.pageRef, { pfn, delta, count, cause: PageRefCause[cause] });
  }
};

const pairsOf = (steps: readonly SmallStep[]) =>
  buildLedger(smallRun(TEXT, steps)).entries.map((e) => [e.event, e.pair, e.owners]);

describe("ledger", () => {
  test("a lookup's get is paired with the release, the allocation with the unmap", () => {
    expect(
      pairsOf([
        {
          n: 3,
          does: (at) =>
            refs(at, 0x10, [
              [1, 1, "allocated"],
              [1, 2, "gupSlow"],
              [-1, 1, "releaseClean"],
            ]),
        },
        { n: 5, does: (at) => refs(at, 0x10, [[-1, 0, "unmapped"]]) },
      ]),
    ).toEqual([
      [2, 6, 1],
      [3, 4, 1],
      [4, 3, 1],
      [6, 2, 0],
    ]);
  });

  test("a put goes to the get of its own thread first", () => {
    expect(
      pairsOf([
        { n: 3, does: (at) => refs(at, 0x10, [[1, 2, "gupFast"]]) },
        { n: 3, thread: 1, does: (at) => refs(at, 0x10, [[1, 3, "gupFast"]]) },
        { n: 4, does: (at) => refs(at, 0x10, [[-1, 2, "releaseClean"]]) },
      ]),
    ).toEqual([
      [2, 6, 1],
      [4, null, 1],
      [6, 2, 1],
    ]);
  });

  test("a frame that is allocated again is another page", () => {
    expect(
      pairsOf([
        {
          n: 3,
          does: (at) =>
            refs(at, 0x10, [
              [1, 1, "allocated"],
              [1, 2, "gupFast"],
              [-2, 0, "freed"],
            ]),
        },
        {
          n: 4,
          does: (at) =>
            refs(at, 0x10, [
              [1, 1, "allocated"],
              [-1, 0, "releaseClean"],
            ]),
        },
      ]),
    ).toEqual([
      [2, null, 1],
      [3, null, 1],
      [4, null, -1],
      [6, null, 1],
      [7, null, 1],
    ]);
  });

  test("rows name the call path and the cause", () => {
    const run = smallRun(TEXT, [
      {
        n: 3,
        does: (at) =>
          at.inside("kvm_faultin_pfn", () =>
            at.inside("hva_to_pfn", () => refs(at, 0x10, [[1, 2, "gupFast"]])),
          ),
      },
    ]);
    expect(ledgerRows(run, buildLedger(run).entries)).toEqual([
      {
        event: 2,
        step: 3,
        delta: 1,
        count: 2,
        fn: "hva_to_pfn",
        cause: "taken by the fast lookup",
        path: "t0 > kvm_faultin_pfn > hva_to_pfn",
        pair: null,
        isOpen: true,
      },
    ]);
  });

  test("the curve starts with the count before the first change", () => {
    const run = smallRun(TEXT, [
      {
        n: 3,
        does: (at) =>
          refs(at, 0x10, [
            [1, 2, "gupFast"],
            [-1, 1, "gupDrop"],
          ]),
      },
    ]);
    const { count } = countCurve(buildLedger(run).entries);
    expect([...count]).toEqual([1, 2, 1]);
  });

  test("pairs are mutual, of opposite sign and of one page, whatever the order", () => {
    const change = fc.record({
      pfn: fc.integer({ min: 1, max: 3 }),
      up: fc.boolean(),
      thread: fc.integer({ min: 0, max: 2 }),
      cause: fc.constantFrom("gupFast", "releaseClean", "mapped", "unmapped", "pin", "unpin"),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 25 }), (changes) => {
        const counts = new Map<number, number>();
        const run = smallRun(
          TEXT,
          changes.map(({ pfn, up, thread, cause }) => {
            const delta = up ? 1 : -1;
            const count = (counts.get(pfn) ?? 5) + delta;
            counts.set(pfn, count);
            return {
              n: 3,
              thread,
              does: (at: Doing) => refs(at, pfn, [[delta, count, cause as "pin"]]),
            };
          }),
        );
        const { entries } = buildLedger(run);
        const byEvent = new Map(entries.map((entry) => [entry.event, entry]));
        expect(entries.length).toBe(changes.length);
        expect(balanceOf(entries)).toBe(changes.reduce((sum, { up }) => sum + (up ? 1 : -1), 0));
        for (const entry of entries) {
          if (entry.pair === null) continue;
          const other = byEvent.get(entry.pair);
          expect(other).toMatchObject({
            pair: entry.event,
            delta: -entry.delta,
            pfn: entry.pfn,
            group: entry.group,
          });
        }
      }),
      { numRuns: 40 },
    );
  });
});
