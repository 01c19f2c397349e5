// A run as the library has it, for when it cannot be made again: another engine version made it.
// Events, spans and steps are there; writes and ticks are not, so the machine's state cannot be
// shown. A chunk that cannot be read leaves its rows empty: it hides nothing else.
import { RunRecord } from "#shared/engine/record";
import type { StreamName } from "#shared/engine/recorder";
import { kernelNamed } from "#shared/model/kernels/profiles";
import { LOOKUP_DESIGNS } from "#shared/model/lookup/designs";
import type { SimRun } from "#shared/model/sim-run";
import { runTexts, spansOfSteps } from "#shared/model/steps";
import { parseScenario } from "#shared/scenario/parse";
import type { Library } from "../store/library.ts";
import type { RunRecordRow } from "../store/runs.ts";
import { TaskFailure } from "./protocol.ts";
import type { StoredDetail } from "./run-types.ts";

export function storedRun(library: Library, row: RunRecordRow): SimRun {
  const { kernel: kernelId, lookup: lookupId, mode, schedule, id } = row.summary;
  const { plan } = parseScenario(row.text);
  const kernel = kernelNamed(kernelId);
  const lookup = LOOKUP_DESIGNS.find((design) => design.id === lookupId);
  if (plan === null || kernel === null || lookup === undefined) {
    throw new TaskFailure(
      "cannot-replay",
      `Run ${id.slice(0, 6)} needs what this version does not have. ` +
        "Open it with the version that made it.",
    );
  }
  const record = new RunRecord({
    events: columnsOf(library, row.key, "events"),
    spans: columnsOf(library, row.key, "spans"),
    choices: columnsOf(library, row.key, "choices"),
    writes: [],
    ticks: [],
  });
  const detail = JSON.parse(row.detail) as StoredDetail; // written by our own worker
  return {
    plan,
    kernel,
    mode,
    lookup: { id: lookup.id, title: lookup.title, posted: lookup.posted },
    schedule,
    end: "finished",
    message: "",
    record,
    texts: runTexts(plan, record),
    functions: detail.functions.map((name) => ({ name, inlined: false })),
    threads: detail.threads,
    steps: spansOfSteps(plan, record),
  };
}

function columnsOf(library: Library, run: number, stream: StreamName): readonly Int32Array[] {
  const rows = library.chunks.streams(run).find((size) => size.stream === stream)?.rows ?? 0;
  return library.readWindow(run, stream, 0, rows).columns;
}
