// Comparison of two runs of about a million events, and folding their spans into a call tree.
// The comparison's ratio is to one plain walk over the same events: it holds on every machine.
// From: the target of one second for two runs of a million events.
import { RECORD_FULL } from "#shared/engine/machine";
import { LINUX_6_12 } from "#shared/model/kernels/linux-6.12";
import { LINUX_7_2 } from "#shared/model/kernels/linux-7.2";
import { V0_LEGACY } from "#shared/model/lookup/v0-legacy";
import { V3_MERGED } from "#shared/model/lookup/v3-merged";
import { Simulator } from "#shared/model/simulate";
import { buildProfile, WHOLE_RUN } from "#shared/profile/profile";
import { checkRules } from "#shared/rules/check";
import { scanEvents } from "#shared/rules/scan";
import { parseScenario } from "#shared/scenario/parse";
import { compareRuns } from "./compare.ts";

type Report = (line: { name: string; value: number; unit: string; limit?: number }) => void;

const CYCLES = 16;
const RATIO_LIMIT = 25;

function timed<T>(body: () => T): { ms: number; value: T } {
  const start = performance.now();
  const value = body();
  return { ms: performance.now() - start, value };
}

/** The guest touches 4,096 pages, the host drops them, again and again. */
function scenario(): string {
  const cycle = "  - gtouch D+0 4096 w\n  - madvise B 16M dontneed\n";
  const setup = "setup: [back B anon 16M, slot 1 P B 16M, boot]";
  return `faultline: 1\n${setup}\nsteps:\n${cycle.repeat(CYCLES)}`;
}

export async function bench(report: Report): Promise<void> {
  const { plan } = parseScenario(scenario());
  if (plan === null) throw new Error("the bench's scenario does not parse");
  const simulator = new Simulator();
  const common = { plan, schedule: "", record: RECORD_FULL };
  const a = simulator.simulate({ ...common, kernel: LINUX_6_12, lookup: V0_LEGACY });
  const b = simulator.simulate({ ...common, kernel: LINUX_7_2, lookup: V3_MERGED });
  const walk = timed(() => {
    let cells = 0;
    for (const run of [a, b])
      scanEvents(run.record, null, (event) => (cells += event.cells[0] ?? 0));
    return cells;
  });
  const rules = timed(() => [checkRules(a, null), checkRules(b, null)] as const);
  const [rulesA, rulesB] = rules.value;
  const compared = timed(() => compareRuns({ run: a, rules: rulesA }, { run: b, rules: rulesB }));
  const folded = timed(() =>
    buildProfile(a, { by: "est", ...WHOLE_RUN, merged: true, withInlined: false }),
  );
  const millions = (a.record.events + b.record.events) / 2e6;
  report({ name: "compare: events of each run", value: millions, unit: "M" });
  report({ name: "compare: two runs of 1 M events", value: compared.ms / millions, unit: "ms" });
  report({
    name: "compare: against a walk over the events",
    value: compared.ms / walk.ms,
    unit: "times",
    limit: RATIO_LIMIT,
  });
  report({ name: "rules: run of 1 M events", value: rules.ms / 2 / millions, unit: "ms" });
  report({
    name: "profile: fold 1 M span words",
    value: (folded.ms / a.record.spans.count) * 1e6,
    unit: "ms",
  });
}
