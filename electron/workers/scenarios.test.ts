// The scenarios that come with the program: every sentence of `expect` holds on every kernel, with
// every lookup design, in every mode; each run finishes and its bytes are the same twice.
// A scenario's text says where its sentences apply; a run in which none applies proves nothing and
// is told as well.
// From: product: what is shown is what a real kernel does; the files in fixtures/scenarios.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { stepOutcomes } from "#shared/compare/outcomes";
import { verdictOfSteps } from "#shared/compare/verdict";
import { RECORD_FULL } from "#shared/engine/machine";
import { KERNELS } from "#shared/model/kernels/profiles";
import { LOOKUP_DESIGNS } from "#shared/model/lookup/designs";
import type { SimulateInput } from "#shared/model/simulate";
import { checkRules } from "#shared/rules/check";
import { parseScenario } from "#shared/scenario/parse";
import type { Plan } from "#shared/scenario/plan";
import { MODES } from "#shared/scenario/vocabulary.table";
import { expectationsOf } from "./expectations.ts";
import { LiveRun } from "./live-run.ts";
import { theSimulator } from "./simulation.ts";

const FOLDER = join(import.meta.dirname, "../../fixtures/scenarios");
const FILES = readdirSync(FOLDER).filter((file) => file.endsWith(".yaml"));
/** Spans cost time and no sentence reads them. */
const RECORD = { ...RECORD_FULL, spans: false };

function planOf(file: string): Plan {
  const { plan, diagnostics } = parseScenario(readFileSync(join(FOLDER, file), "utf8"));
  if (plan === null) throw new Error(`${file}: ${diagnostics[0]?.message}`);
  // Switched-on deviations are not simulated; their sentences stand behind `with`.
  return { ...plan, switches: [] };
}

const AXES = KERNELS.flatMap((kernel) =>
  LOOKUP_DESIGNS.flatMap((lookup) => MODES.map((mode) => ({ kernel, lookup, mode }))),
);

/** One kernel with its own lookup stands for all: what could differ from run to run is shared. */
const isRepeated = ({ kernel, lookup }: (typeof AXES)[number]): boolean =>
  kernel.id === "6.12" && lookup.id === kernel.lookup;

const simulate = (plan: Plan, axes: (typeof AXES)[number], schedule = "") => {
  const input: SimulateInput = { plan, ...axes, schedule, record: RECORD };
  return theSimulator().simulate(input);
};

/** What is not as the scenario says, as sentences. */
function complaints(plan: Plan, axes: (typeof AXES)[number], schedule = ""): string[] {
  const live = new LiveRun(simulate(plan, axes, schedule));
  const { run } = live;
  if (run.end !== "finished") return [`The run ${run.end}: ${run.message}`];
  const { findings } = checkRules(run, live);
  const outcomes = stepOutcomes(run);
  const { verdict } = verdictOfSteps(run, outcomes, findings, null);
  const broken = findings.filter(({ isBroken }) => isBroken).map(({ rule }) => rule);
  const judged = expectationsOf(live, { outcomes, broken, verdict });
  if (judged.every(({ met }) => met === null)) return ["No sentence applies to this run."];
  return judged
    .filter(({ met }) => met === false)
    .map(({ sentence, because }) => `${sentence}, but: ${because}`);
}

describe.each(FILES)("%s", (file) => {
  const plan = planOf(file);

  test("goes as it says, on every kernel, lookup and mode", () => {
    const wrong = AXES.flatMap((axes) => {
      const { kernel, lookup, mode } = axes;
      return complaints(plan, axes).map((text) => `${kernel.id} ${lookup.id} ${mode}: ${text}`);
    });
    expect(wrong).toEqual([]);
  });

  test("gives the same bytes twice, in every mode", () => {
    for (const axes of AXES.filter(isRepeated)) {
      const { columns } = simulate(plan, axes).record;
      expect(simulate(plan, axes).record.columns).toEqual(columns);
    }
  });
});

/**
 * The first thread stops after so many ticks, the second goes as far as it can: every place in
 * which one may find the other. Null when the first has ended before.
 */
function interleaved(plan: Plan, axes: (typeof AXES)[number], turns: Turns): string[] | null {
  const { first, second, ticks } = turns;
  // A fault that meets an open invalidation repeats until it ends: it gets a few ticks alone.
  const rest = second === "host" ? "host!" : `${second}*${FAULT_TICKS}`;
  const schedule = `schedule/1 steps! ${first}*${ticks} ${rest} ~`;
  const said = complaints(plan, axes, schedule);
  const isOver = said.some((text) => text.includes(`${first} has finished`));
  // A turn for a thread that waits is a schedule that cannot be done.
  const isWaiting = said.some((text) => text.includes("cannot be done"));
  return isOver ? null : isWaiting ? [] : said.map((text) => `${schedule}: ${text}`);
}

interface Turns {
  readonly first: string;
  readonly second: string;
  readonly ticks: number;
}

const MOST_TICKS = 2000;
const FAULT_TICKS = 40;
const withThreads = FILES.map((file) => ({ file, plan: planOf(file) })).filter(
  ({ plan }) => plan.threads.length === 2,
);
/** The oldest kernel asks for invalidations under mmu_lock alone; the newest design is V3's. */
const SWEPT = AXES.filter(
  ({ kernel, lookup, mode }) =>
    mode === "tdp" && lookup.id === kernel.lookup && ["6.1", "7.2"].includes(kernel.id),
);

test.each(withThreads)("$file: in whatever order its threads go", ({ plan }) => {
  const [a, b] = plan.threads.map(({ name }) => name);
  if (a === undefined || b === undefined) throw new Error("no threads");
  const orders = [
    { first: a, second: b },
    { first: b, second: a },
  ];
  for (const axes of SWEPT) {
    for (const order of orders) {
      let tried = 0;
      for (let ticks = 1; ticks < MOST_TICKS; ticks++) {
        const wrong = interleaved(plan, axes, { ...order, ticks });
        if (wrong === null) break;
        expect(wrong).toEqual([]);
        tried++;
      }
      expect(tried).toBeGreaterThan(5);
    }
  }
});
