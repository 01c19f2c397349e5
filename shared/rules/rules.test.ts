// Each rule holds on runs of the real designs and trips when its mistake is
// planted: an event taken out of a simulated run, or a small run that states the
// mistake.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { CONTINUED, RECORD_FULL } from "#shared/engine/machine";
import { RunRecord } from "#shared/engine/record";
import { PageRefCause, TlbScope } from "#shared/events/own";
import { EventId, EVENTS } from "#shared/events/table";
import { LINUX_6_12 } from "#shared/model/kernels/linux-6.12";
import { LINUX_7_2 } from "#shared/model/kernels/linux-7.2";
import { V0_LEGACY } from "#shared/model/lookup/v0-legacy";
import { V3_MERGED } from "#shared/model/lookup/v3-merged";
import type { SimRun } from "#shared/model/sim-run";
import { Simulator } from "#shared/model/simulate";
import { checkRules } from "./check.ts";
import { scanEvents, type ScannedEvent } from "./scan.ts";
import { planOf, smallRun, type Doing } from "../../fixtures/runs/small-run.ts";

const simulator = new Simulator();

function simulated(name: string, lookup: "V0" | "V3"): SimRun {
  const plan = planOf(readFileSync(`fixtures/scenarios/${name}.yaml`, "utf8"));
  const axes =
    lookup === "V0"
      ? { kernel: LINUX_6_12, lookup: V0_LEGACY }
      : { kernel: LINUX_7_2, lookup: V3_MERGED };
  return simulator.simulate({ plan, ...axes, schedule: "", record: RECORD_FULL });
}

/** The run as if it had never made the events that `drop` names; steps keep their numbers. */
function without(run: SimRun, drop: (event: ScannedEvent) => boolean): SimRun {
  const dropped = new Set<number>();
  scanEvents(run.record, null, (event) => {
    if (drop(event)) dropped.add(event.n);
  });
  const { events } = run.record.columns;
  const kinds = events[1] ?? new Int32Array(0);
  let n = 0;
  const keep = [...kinds].map((kind) => {
    if ((kind & 0xff) !== CONTINUED) n++;
    return !dropped.has(n);
  });
  const kept = events.map((column) => column.filter((_, row) => keep[row]));
  return { ...run, record: new RunRecord({ ...run.record.columns, events: kept }) };
}

const broken = (run: SimRun) =>
  checkRules(run, null)
    .findings.filter((f) => f.isBroken)
    .map(({ rule, verdict, sentence }) => `${rule} ${verdict}: ${sentence}`);

const NAMES = [
  "lab-tail",
  "lab-ref",
  "anon-first-touch",
  "anon-host-present",
  "pfnmap-bar",
  "munmap-mapped",
  "dontneed-refault",
  "hole-fault",
  "compound-tail",
  "overlapping-slots",
] as const;

test.each(
  NAMES.flatMap(
    (name) =>
      [
        [name, "V0"],
        [name, "V3"],
      ] as const,
  ),
)("%s under %s breaks no rule", (name, lookup) => {
  const run = simulated(name, lookup);
  expect([run.end, broken(run)]).toEqual(["finished", []]);
});

test.each([
  [
    "a huge page that logging splits, a part of which goes",
    ["back A thp 2M", "slot 1 P A 2M", "gread D", "slot-flags 1 log", "munmap A+5p 1p"],
  ],
  [
    "another slot is deleted, then a page goes",
    [
      "back A touched 64k",
      "slot 1 P A 64k",
      "back B touched 64k",
      "slot 2 P+1M B 64k",
      "gread D+1M",
      "slot-del 1",
      "madvise B 1p dontneed",
    ],
  ],
  [
    "a driver's frames without access, which KVM follows all the same",
    ["back A bar 64k", "slot 1 P A 64k", "gread D", "mprotect A 1p -", "gread D"],
  ],
])("%s: no rule is broken", (_, steps) => {
  const text = steps.map((step) => `  - ${step}\n`).join("");
  const plan = planOf(`faultline: 1\ntitle: t\nsteps:\n${text}`);
  for (const axes of [
    { kernel: LINUX_6_12, lookup: V0_LEGACY },
    { kernel: LINUX_7_2, lookup: V3_MERGED },
  ]) {
    const run = simulator.simulate({ plan, ...axes, schedule: "", record: RECORD_FULL });
    expect([run.end, broken(run)]).toEqual(["finished", []]);
  }
});

const cause = (event: ScannedEvent, name: keyof typeof PageRefCause): boolean =>
  event.id === EventId.pageRef && event.cells[4] === PageRefCause[name];

/** The last event of the boot: what comes later is the scenario's own. */
function endOfBoot(run: SimRun): number {
  const boot = run.steps.find(({ step }) => step.verb === "boot");
  return boot === undefined ? 0 : boot.firstEvent + boot.eventCount;
}

describe("I4, reference leak", () => {
  test("a release that is missing leaves the lookup's reference", () => {
    const whole = simulated("anon-host-present", "V0");
    const booted = endOfBoot(whole);
    const run = without(whole, (event) => cause(event, "releaseClean") && event.n > booted);
    const leaks = broken(run); // the guest's own tables leak as well
    expect(leaks).toContain("I4 leaks: V0 leaks 1 reference to page a.");
    expect(leaks).toContain("I4 leaks: V0 leaks 1 reference to page b.");
    for (const leak of leaks) expect(leak).toMatch(/^I4 leaks: V0 leaks 1 reference to /);
    expect(checkRules(run, null).findings[0]?.evidence).toContain("kvm_faultin_pfn");
  });

  test("a page that stays mapped, cached or pinned is no leak", () => {
    const run = smallRun(TEXT, [
      {
        n: 3,
        does: (at) =>
          refs(at, [
            ["allocated", 1],
            ["pageCache", 2],
            ["pin", 3],
          ]),
      },
    ]);
    expect(broken(run)).toEqual([]);
  });

  test("a run that stopped inside a lookup is not at rest", () => {
    const steps = [{ n: 3, does: (at: Doing) => refs(at, [["gupFast", 2]]) }];
    expect(broken(smallRun(TEXT, steps, { end: "bound" }))).toEqual([]);
    expect(broken(smallRun(TEXT, steps))).toEqual(["I4 leaks: V0 leaks 1 reference to pfn 0x10."]);
  });
});

const TEXT = `faultline: 1
setup: [back B anon 64k, slot 1 P B 64k, track b B, boot]
steps: [gread D+0, gread D+1p, munmap B 64k]
`;

type Change = readonly [cause: keyof typeof PageRefCause, count: number, delta?: number];
const refs = (at: Doing, changes: readonly Change[]): void => {
  for (const [name, count, delta = 1] of changes) {
    at.emit(EVENTS.pageRef, { pfn: 0x10, delta, count, cause: PageRefCause[name] });
  }
};

describe("I2, put without get", () => {
  test("a release of a reference that was not taken", () => {
    const whole = simulated("anon-host-present", "V0");
    const booted = endOfBoot(whole);
    const isGet = (event: ScannedEvent) => cause(event, "gupFast") || cause(event, "gupSlow");
    const run = without(whole, (event) => isGet(event) && event.n > booted);
    expect(broken(run)[0]).toMatch(
      /^I2 underflows: V0 underflows: the count of \w+ \w+ is 1 with [12] owners?\.$/,
    );
  });

  test("the early retry that puts twice", () => {
    const run = smallRun(TEXT, [
      {
        n: 4,
        does: (at) =>
          refs(at, [
            ["allocated", 1],
            ["gupFast", 2],
            ["gupDrop", 1, -1],
            ["earlyRetry", 0, -1],
          ]),
      },
    ]);
    expect(broken(run)).toEqual([
      "I2 underflows: V0 underflows: the count of pfn 0x10 is 0 with 1 owner.",
    ]);
  });
});

test("I3, a get on a page with count 0", () => {
  const run = smallRun(TEXT, [
    {
      n: 4,
      does: (at) =>
        refs(at, [
          ["tryGetPfn", 1],
          ["releaseClean", 0, -1],
        ]),
    },
  ]);
  expect(broken(run)).toEqual([
    "I3 underflows: V0 takes a reference to pfn 0x10, whose count was 0.",
  ]);
});

describe("F1, fault on a valid mapping", () => {
  const notes = (run: SimRun) =>
    checkRules(run, null).findings.map((f) => `${f.rule} ${f.sentence}`);

  test("V0 refuses the tail page that the host maps; V3 does not", () => {
    expect(notes(simulated("lab-tail", "V0"))).toEqual([
      "F1 V0 refuses page b, which the host maps for reading.",
    ]);
    expect(notes(simulated("lab-tail", "V3"))).toEqual([]);
  });

  test("an address that the host does not map is rightly refused", () => {
    expect(notes(simulated("hole-fault", "V0"))).toEqual([]);
  });

  test("an absent page of a permitting area is asked of the machine", () => {
    const hva = 0x7e0000000000;
    const run = smallRun(TEXT, [
      {
        n: 4,
        does: (at) => {
          at.emit(EVENTS.kvm_page_fault, {
            vcpu: 0,
            rip: { lo: 0, hi: 0 },
            address: { lo: 0x10000000, hi: 0 },
            error_code: { lo: 4, hi: 1 },
          });
          at.emit(EVENTS.lookupStep, { step: 0, hva, pfn: 0, outcome: 2 });
          at.emit(EVENTS.kvmRun, { vcpu: 0, errno: -14, exit: 0 });
        },
      },
    ]);
    const state = { hostMapping: () => ({ isReadable: true, isWritable: false, pfn: null }) };
    expect(checkRules(run, null).findings).toEqual([]);
    expect(checkRules(run, state).findings).toMatchObject([
      { rule: "F1", gfn: 0x10000, isBroken: false },
    ]);
  });
});

describe("I1, stale translation", () => {
  const isZap = (event: ScannedEvent) =>
    event.id === EventId.kvm_tdp_mmu_spte_changed &&
    (event.cells[6] ?? 0) === 0 &&
    event.cells[3] === 1;

  test("an entry that the invalidation leaves behind", () => {
    const run = without(simulated("munmap-mapped", "V3"), isZap);
    expect(broken(run)[0]).toMatch(
      /^I1 stale mapping: gfn 0x1_0000 still leads to .* after the invalidation ended\.$/,
    );
  });

  const HVA = 0x7e0000000000;
  const PRESENT = { lo: 0x10067, hi: 0 };
  const NONE = { lo: 0, hi: 0 };
  const GVA = { lo: 0x40000000, hi: 0 };
  const spte = (at: Doing, frame: number): void =>
    at.emit(EVENTS.kvm_tdp_mmu_spte_changed, {
      as_id: 0,
      gfn: 0x10000,
      level: 1,
      old_spte: { lo: 0, hi: 0x80000000 | 0 },
      new_spte: { lo: frame * 4096 + 0xe67, hi: 0 },
    });
  const pte = (at: Doing, from: typeof NONE, to: typeof NONE): void =>
    at.emit(EVENTS.hostPte, { hva: HVA, level: 1, old: from, new: to });
  const access = (at: Doing): void =>
    at.emit(EVENTS.guestAccess, { vcpu: 1, kind: 0, gva: GVA, size: 8 });
  const map = (at: Doing): void => {
    at.emit(EVENTS.memslot, { slot: 1, change: 0, gfn: 0x10000, pages: 16, hva: HVA, flags: 0 });
    pte(at, NONE, PRESENT);
    spte(at, 0x10);
    at.emit(EVENTS.tlbFill, { vcpu: 1, gva: GVA, pfn: 0x10, writable: 1 });
  };
  const unmap = (at: Doing, flush: boolean, then = NONE): void => {
    const range = { start: HVA, end: HVA + 4096, inProgress: 1, seq: 0 };
    at.emit(EVENTS.notifierStart, range);
    at.emit(EVENTS.kvm_tdp_mmu_spte_changed, {
      as_id: 0,
      gfn: 0x10000,
      level: 1,
      old_spte: { lo: 0x10e67, hi: 0 },
      new_spte: { lo: 0, hi: 0x80000000 | 0 },
    });
    if (flush) at.emit(EVENTS.tlbFlush, { vcpu: 0, scope: TlbScope.all, gfn: 0, pages: 0 });
    pte(at, PRESENT, then);
    at.emit(EVENTS.notifierEnd, { ...range, inProgress: 0, seq: 1 });
  };
  const story = (...does: readonly ((at: Doing) => void)[]) =>
    broken(smallRun(TEXT, [{ n: 4, does: (at) => does.forEach((one) => one(at)) }]));

  test("no flush: the vCPU reaches the old page, or another one's", () => {
    expect(story(map, (at) => unmap(at, true), access)).toEqual([]);
    expect(story(map, (at) => unmap(at, false), access)).toEqual([
      "I1 stale mapping: vCPU 1 still reaches page b after the invalidation ended.",
    ]);
    expect(story(map, (at) => unmap(at, false, { lo: 0x20067, hi: 0 }), access)[0]).toMatch(
      /^I1 wrong page/,
    );
  });

  test("an entry whose bits changed without an event is taken away all the same", () => {
    const leaf = (silent: number) => (at: Doing) => {
      const range = { start: HVA, end: HVA + 4096, inProgress: 1, seq: 0 };
      at.emit(EVENTS.notifierStart, range);
      at.emit(EVENTS.kvm_tdp_mmu_spte_changed, {
        as_id: 0,
        gfn: 0x10000,
        level: 1,
        old_spte: { lo: 0x10e67 ^ silent, hi: 0 },
        new_spte: { lo: 0, hi: 0x80000000 | 0 },
      });
      at.emit(EVENTS.tlbFlush, { vcpu: 0, scope: TlbScope.all, gfn: 0, pages: 0 });
      pte(at, PRESENT, NONE);
      at.emit(EVENTS.notifierEnd, { ...range, inProgress: 0, seq: 1 });
    };
    for (const bit of [0x2, 0x20, 0x40]) expect(story(map, leaf(bit))).toEqual([]);
    const other = 0x1000; // another frame: the entry of an older root
    expect(story(map, leaf(other))).toHaveLength(1);
  });

  test("a small entry in the place of a huge page leaves the other pages mapped", () => {
    const huge = (at: Doing): void => {
      at.emit(EVENTS.memslot, { slot: 1, change: 0, gfn: 0x10000, pages: 16, hva: HVA, flags: 0 });
      at.emit(EVENTS.hostPte, { hva: HVA, level: 2, old: NONE, new: { lo: 0x2000e7, hi: 0 } });
      for (const page of [0, 1]) {
        at.emit(EVENTS.kvm_tdp_mmu_spte_changed, {
          as_id: 0,
          gfn: 0x10000 + page,
          level: 1,
          old_spte: { lo: 0, hi: 0x80000000 | 0 },
          new_spte: { lo: 0x200e67 + page * 4096, hi: 0 },
        });
      }
    };
    const dropSecond = (at: Doing): void => {
      const range = { start: HVA, end: HVA + 2 * 4096, inProgress: 1, seq: 0 };
      at.emit(EVENTS.notifierStart, range);
      at.emit(EVENTS.hostPte, { hva: HVA + 4096, level: 1, old: PRESENT, new: NONE });
      at.emit(EVENTS.notifierEnd, { ...range, inProgress: 0, seq: 1 });
    };
    expect(story(huge)).toEqual([]);
    const [only, ...others] = story(huge, dropSecond);
    expect(only).toMatch(/^I1 stale mapping: gfn 0x1_0001 /);
    expect(others).toEqual([]);
  });

  test("what is put right before the invalidation ends is no break", () => {
    const range = { start: HVA, end: HVA + 4096, inProgress: 1, seq: 0 };
    const during = (at: Doing): void => {
      at.emit(EVENTS.notifierStart, range);
      pte(at, PRESENT, NONE);
      spte(at, 0x10);
      access(at);
    };
    const end = (at: Doing): void =>
      at.emit(EVENTS.notifierEnd, { ...range, inProgress: 0, seq: 1 });
    expect(story(map, during)).toEqual([]);
    expect(story(map, during, (at) => unmap(at, true), end)).toEqual([]);
    expect(story(map, during, end)).toHaveLength(1);
  });

  test("no retry: a fault maps the old page after the invalidation", () => {
    expect(
      story(
        map,
        (at) => unmap(at, true),
        (at) => spte(at, 0x10),
      ),
    ).toEqual([
      "I1 stale mapping: gfn 0x1_0000 still leads to page b after the invalidation ended.",
    ]);
  });
});

describe("what a rule can see", () => {
  const simulatedIn = (text: string, mode: "tdp" | "tdp0") => {
    const plan = planOf(text);
    const axes = { kernel: LINUX_6_12, lookup: V0_LEGACY, mode };
    return simulator.simulate({ plan, ...axes, schedule: "", record: RECORD_FULL });
  };
  const huge = `faultline: 1
setup: [back B thp-lazy 2M, slot 1 P B 2M, boot]
steps:
  - madvise B 2M nohugepage
  - hfill B 2M
  - gwrite D+0 1
  - madvise B 2M hugepage
  - madvise B 2M collapse
  - gread D+0
  - munmap B 2M
  - gread D+0
`;

  test("a huge page that takes the place of small ones is no stale translation", () => {
    const run = simulatedIn(huge, "tdp");
    expect([run.end, broken(run)]).toEqual(["finished", []]);
  });

  test("without the zap, its translation is stale after the munmap", () => {
    const whole = simulatedIn(huge, "tdp");
    const unmap = whole.steps.find(({ step }) => step.verb === "munmap")?.firstEvent ?? 0;
    const run = without(
      whole,
      (event) => event.n >= unmap && event.id === EventId.kvm_tdp_mmu_spte_changed,
    );
    expect(broken(run).join()).toContain("I1");
  });

  test("a mode whose entries change without an event leaves the rule out and says so", () => {
    const { checked, notAsked } = checkRules(simulatedIn(huge, "tdp0"), null);
    expect(checked).not.toContain("I1");
    expect(notAsked).toEqual(["I1"]);
  });
});
