// Three figures of the store: events committed per second, time to read a window of 1,000, bytes
// per event. Uses a library in a new temporary folder and removes it. Wall time is what people wait
// for, so it is reported; on a machine shared with others the figures are lower bounds.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLibrary, type Library } from "./library.ts";
import { openForReading, openForWriting, type Opened } from "./open.ts";
import { packColumns, sampleColumns, sampleId, sampleRun } from "./sample-run.ts";

type Report = (line: { name: string; value: number; unit: string; limit?: number }) => void;

const EVENTS = 10_000_000;
const RUNS = 10;
const WINDOWS = 1000;

function opened(result: ReturnType<typeof openForWriting>): Opened {
  if (!result.ok) throw new Error(result.failure.message);
  return result.value;
}

/** Milliseconds to compress and commit the same million events, once per run. */
function commitAll(library: Library): number {
  const columns = sampleColumns(1, EVENTS / RUNS);
  const { run, findings } = sampleRun(1, 1);
  const start = performance.now();
  for (let n = 0; n < RUNS; n++) {
    const chunks = packColumns("events", columns);
    const result = library.commitRun({ run: { ...run, id: sampleId(n) }, chunks, findings }, n);
    if (!result.ok) throw new Error(result.failure.message);
  }
  return performance.now() - start;
}

function windowTimes(library: Library): number[] {
  const times: number[] = [];
  let seed = 1;
  for (let n = 0; n < WINDOWS; n++) {
    seed = (Math.imul(seed, 1103515245) + 12_345) >>> 0;
    const row = seed % (EVENTS - 1000);
    const perRun = EVENTS / RUNS;
    const key = library.runs.keyOf(sampleId(Math.floor(row / perRun))) ?? 0;
    const from = Math.min(row % perRun, perRun - 1000);
    const start = performance.now();
    library.readWindow(key, "events", from, 1000);
    times.push(performance.now() - start);
  }
  return times.toSorted((a, b) => a - b);
}

export async function bench(report: Report, cpuMs: () => number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "store-bench-"));
  try {
    const path = join(folder, "library.db");
    const library = createLibrary(opened(openForWriting(path)));
    const cpuStart = cpuMs();
    const wall = commitAll(library);
    const cpu = cpuMs() - cpuStart;
    library.checkpoint();
    report({
      name: "store: events compressed and committed",
      value: EVENTS / wall / 1000,
      unit: "M/s",
    });
    report({ name: "store: the same, per CPU second", value: EVENTS / cpu / 1000, unit: "M/s" });
    report({ name: "store: bytes per event on disk", value: library.size() / EVENTS, unit: "B" });
    library.close();
    const reader = createLibrary(opened(openForReading(path)));
    const times = windowTimes(reader);
    report({
      name: "store: window of 1,000 of 10 M events, median",
      value: times[WINDOWS / 2] ?? 0,
      unit: "ms",
    });
    report({
      name: "store: window of 1,000 of 10 M events, p95",
      value: times[WINDOWS * 0.95] ?? 0,
      unit: "ms",
    });
    reader.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
