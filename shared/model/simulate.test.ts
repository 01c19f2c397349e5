// Laws of simulated runs over real scenarios: the same inputs give the same bytes, a seek to any
// tick equals the state the run had there, and any interleaving of a fault and an invalidation
// leaves the counts right.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SMALL_BUFFERS } from "#shared/engine/machine";
import { DROP } from "#shared/engine/recorder";
import { PageForm } from "#shared/events/lab";
import { parseScenario } from "#shared/scenario/parse";
import type { Plan } from "#shared/scenario/plan";
import { frameOf } from "#shared/units/halves";
import { KERNELS } from "./kernels/profiles.ts";
import type { KernelProfile } from "./kernels/profile.ts";
import { unsupportedSteps } from "./lab/support.ts";
import { pfnOfGfn } from "./inspect/tables.ts";
import { pageLine, rootOf, tableEntries } from "./lab/states.ts";
import type { LookupDesign } from "./lookup/design.ts";
import { LOOKUP_DESIGNS } from "./lookup/designs.ts";
import { FULL, Simulator } from "./simulate.ts";

const FOLDER = join(import.meta.dirname, "../../fixtures/scenarios");
const simulator = new Simulator({ buffers: SMALL_BUFFERS });

function planOf(text: string): Plan {
  const { plan, diagnostics } = parseScenario(text);
  if (plan === null) throw new Error(JSON.stringify(diagnostics[0]));
  return plan;
}

/** The small ones; electron/workers/scenarios.test.ts runs all of them in every mode. */
const isSmall = ({ plan }: { plan: Plan }): boolean =>
  plan.tags.includes("template") || plan.tags.includes("matrix");

const scenarios = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => ({ name, plan: planOf(readFileSync(join(FOLDER, name), "utf8")) }))
  .filter((each) => isSmall(each) && unsupportedSteps(each.plan).length === 0);

interface Axis {
  readonly kernel: KernelProfile;
  readonly lookup: LookupDesign;
}
const axes: readonly Axis[] = KERNELS.flatMap((kernel) =>
  LOOKUP_DESIGNS.map((lookup) => ({ kernel, lookup })),
);

const simulate = (plan: Plan, axis: Axis, schedule = "") =>
  simulator.simulate({ plan, ...axis, schedule, record: FULL });

const RACE = `faultline: 1
title: race
setup:
  - back B touched 64k
  - slot 1 P B 64k
  - track a B
  - boot
steps:
  - gwrite D+0 1
threads:
  v0: [gwrite D+1p 2, gread D+0, gwrite D+1p 3]
  h: [madvise B 2p dontneed, hread B]
`;

describe.each(scenarios)("$name", ({ plan }) => {
  test("gives the same bytes twice, with another run in between", () => {
    for (const axis of axes) {
      const first = simulate(plan, axis);
      simulate(planOf(RACE), axis);
      expect(simulate(plan, axis).record.columns).toEqual(first.record.columns);
    }
  });

  test("a seek to any tick gives the cells that the run had there", () => {
    const [axis] = axes;
    if (axis === undefined) throw new Error("no axis");
    const run = simulate(plan, axis);
    const ticks = [0, 1, 0.25, 0.5, 0.75].map((part) => Math.floor(part * run.record.ticks));
    const live = ticks.map((tick) => cellsAfter(plan, axis, tick));
    simulate(plan, axis);
    const seeker = simulator.seeker(run);
    for (const [i, tick] of [...ticks.entries()].toReversed()) {
      seeker.seek(tick);
      expect(digestOf(simulator.machine.mem, simulator.machine.controlEnd)).toBe(live[i]);
    }
  });
});

/** FNV-1a over the data cells. */
function digestOf(mem: Int32Array, from: number): number {
  let hash = 0x811c9dc5;
  for (let i = from; i < mem.length; i++) {
    const value = mem[i] ?? 0;
    if (value !== 0) hash = Math.imul(Math.imul(hash ^ value, 0x01000193) ^ i, 0x01000193);
  }
  return hash;
}

function cellsAfter(plan: Plan, axis: Axis, ticks: number): number {
  const bounded = { ...plan, bounds: { ticks } };
  simulator.stream({ plan: bounded, ...axis, schedule: "", record: FULL }, DROP);
  return digestOf(simulator.machine.mem, simulator.machine.controlEnd);
}

describe("a fault against an invalidation", () => {
  const item = fc.record({
    thread: fc.constantFrom("v0", "h"),
    count: fc.integer({ min: 1, max: 25 }),
  });
  const law = "any interleaving ends, owners are counted right, KVM maps what the host maps";
  test.each(axes)(`${law}: $lookup.id on $kernel.id`, (axis) => {
    const plan = planOf(RACE);
    const holds = () =>
      fc.assert(
        fc.property(fc.array(item, { maxLength: 12 }), (items) => {
          const turns = items.map(({ thread, count }) => `${thread}*${count}`).join(" ");
          const run = simulate(plan, axis, `schedule/1 steps! ${turns} ~`);
          // A turn given to a thread that waits for a lock is a schedule that cannot be done, and
          // says so.
          if (run.end === "failed") return run.message.length > 0;
          return run.end === "finished" && isCounted() && isSameAsHost();
        }),
        { numRuns: 200 },
      );
    expect(holds).not.toThrow();
  });
});

const SECOND_PAGE = 0x7e0000001000;

function isCounted(): boolean {
  const { form, ref, map } = pageLine(simulator.machine, SECOND_PAGE);
  return form === PageForm.absent || (ref === 1 && map === 1);
}

/** Every leaf of KVM's tables leads where the host's own entry leads. */
function isSameAsHost(): boolean {
  const m = simulator.machine;
  const root = rootOf(m, 0);
  if (root === null) return false;
  return [...tableEntries(m, root.table, root.level)]
    .filter(({ level }) => level === 1)
    .every(({ gfn, lo, hi }) => pfnOfGfn(m, gfn) === frameOf(lo, hi));
}

test("what is not simulated is told by step, with what is", () => {
  const plan = planOf("faultline: 1\ntitle: t\nsteps:\n  - fork\n  - msr 0x4b564d01 1\n");
  const told = unsupportedSteps(plan);
  expect(told.map(({ step }) => step.n)).toEqual([1]);
  expect(told[0]?.message).toContain("madvise");
});

test("a fork that meets a moving page says that it is not simulated", () => {
  const threads = "threads:\n  mover: [migrate B 1p 1]\n  forker: [fork]\n";
  const setup = "setup: [back B touched 64k, slot 1 P B 64k, boot]\n";
  const plan = planOf(`faultline: 1\ntitle: t\n${setup}${threads}`);
  const turns = Array.from({ length: 30 }, (_, n) => `schedule/1 steps! mover*${n + 1} forker! ~`);
  const told = axes.map((axis) => new Set(turns.map((turn) => simulate(plan, axis, turn).message)));
  const expected = new Set(["", "fork while a page moves is not simulated yet."]);
  expect(told).toEqual(axes.map(() => expected));
});

test.each(KERNELS)("$title tears down the tables of 32 MiB when their slot goes", (kernel) => {
  const places = Array.from({ length: 16 }, (_, n) => 2 * n);
  const tables = places.map((at) => `  - gpde D+${at}M P+${at}M pwuads\n`).join("");
  const setup = "setup: [back B anon 32M, slot 1 P B 32M, boot]\n";
  const steps = `steps:\n${tables}  - gtouch D+0 8192 w\n  - slot-del 1\n`;
  const plan = planOf(`faultline: 1\n${setup}${steps}`);
  const lookup = LOOKUP_DESIGNS.find(({ id }) => id === kernel.lookup);
  if (lookup === undefined) throw new Error(`no lookup ${kernel.lookup}`);
  // One act may be as large as the whole tree (6.1), so the buffers are those of a real run.
  const run = new Simulator().simulate({ plan, kernel, lookup, schedule: "", record: FULL });
  expect([run.end, run.message]).toEqual(["finished", ""]);
});
