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

const simulate = (plan: Plan, axes: (typeof AXES)[number]) => {
  const input: SimulateInput = { plan, ...axes, schedule: "", record: RECORD };
  return theSimulator().simulate(input);
};

/** What is not as the scenario says, as sentences. */
function complaints(plan: Plan, axes: (typeof AXES)[number]): string[] {
  const live = new LiveRun(simulate(plan, axes));
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
