// Speed of the engine as ratios taken in one process: rows against plain functions, recording
// against none, logged control against unlogged, the explorer against a hand-written search; undo
// and a TLB hit are reported. Best of several short series, in CPU time: wall time on a shared
// machine tells little.
import { faultNotifier } from "../../fixtures/protocols/a-fault-notifier.ts";
import { handWrittenSearch } from "./bench-search.ts";
import { workload, type Workload } from "./bench-fault.ts";
import { explore, searchOf } from "./explore.ts";
import { startThread, stepOne } from "./loop.ts";
import {
  RECORD_BULK,
  RECORD_FULL,
  RECORD_NOTHING,
  RECORD_SEARCH,
  type RecordSwitches,
  type ThreadId,
} from "./machine.ts";
import { stateProtocol } from "./protocol.ts";
import { DROP, Recorder } from "./recorder.ts";
import { startRun } from "./run.ts";

export interface BenchLine {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly limit?: number;
}
type Report = (line: BenchLine) => void;
type CpuMs = () => number;

const FAULTS = 4_000;
const ROUNDS = 80;
const V0 = 0 as ThreadId;

/** Least nanoseconds a unit of each body; they take turns, so that all meet the same machine. */
function best(cpuMs: CpuMs, units: number, bodies: readonly (() => void)[]): number[] {
  const least = bodies.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, body] of bodies.entries()) {
      const from = cpuMs();
      body();
      least[i] = Math.min(least[i] ?? 0, cpuMs() - from);
    }
  }
  return least.map((ms) => (ms * 1e6) / units);
}

function rows(w: Workload, record: RecordSwitches): void {
  startRun(
    w.m,
    {
      build: (m) => startThread(m, "v0", w.spine, { left: FAULTS }),
      schedule: [],
      record,
      bounds: { ticks: 1e9, events: 1e9 },
    },
    DROP,
  ).advance(1e9);
}

/** The same faults tick by tick, as a search goes, the log handed over. */
function logged(w: Workload, faults: number, control: boolean): void {
  w.m.reset();
  startThread(w.m, "v0", w.spine, { left: faults });
  w.m.setRecord({ ...RECORD_SEARCH, digest: false, control });
  const recorder = new Recorder(w.m, DROP);
  while (w.m.mem[64] !== 0) stepOne(w.m, V0, 0);
  recorder.finish();
}

function faultLines(w: Workload, report: Report, cpuMs: CpuMs): void {
  const times = best(cpuMs, FAULTS, [
    () => {
      w.m.reset();
      w.plain(FAULTS);
    },
    () => rows(w, RECORD_NOTHING),
    () => rows(w, RECORD_BULK),
    () => rows(w, RECORD_FULL),
    () => logged(w, FAULTS, false),
    () => logged(w, FAULTS, true),
  ]);
  const [plain = 0, silent = 0, bulk = 0, full = 0, unlogged = 0, control = 0] = times;
  report({ name: "engine: fault as plain functions", value: plain, unit: "ns" });
  report({ name: "engine: fault as rows, nothing recorded", value: silent, unit: "ns" });
  report({ name: "engine: fault as rows, events", value: bulk, unit: "ns" });
  report({ name: "engine: fault as rows, all recorded", value: full, unit: "ns" });
  report({ name: "engine: rows / plain functions", value: silent / plain, unit: "x", limit: 2.0 });
  report({ name: "engine: all recorded / nothing", value: full / silent, unit: "x", limit: 1.7 });
  report({
    name: "engine: logged / unlogged control",
    value: control / unlogged,
    unit: "x",
    limit: 1.8,
  });
}

function undoLine(w: Workload, report: Report, cpuMs: CpuMs): void {
  const { m } = w;
  m.reset();
  m.setRecord({ ...RECORD_NOTHING, writes: true });
  const writes = 60_000;
  const mark = m.mark();
  let spent = 0;
  for (let i = 0; i < 50; i++) {
    for (let k = 0; k < writes; k++) m.put(w.table + ((k * 7) & 1023), k + i + 1);
    const from = cpuMs();
    m.undo(mark);
    spent += cpuMs() - from;
  }
  report({ name: "engine: undo a write row", value: (spent * 1e6) / (50 * writes), unit: "ns" });
}

function tlbLines(w: Workload, report: Report, cpuMs: CpuMs): void {
  const { m } = w;
  m.reset();
  for (let i = 0; i < 64; i++) m.put(w.table + i * 4, i + 1);
  const lookups = 400_000;
  const hit = (gfn: number): number => {
    const at = w.table + (gfn & 63) * 4;
    return m.mem[at] === (gfn & 63) + 1 ? (m.mem[at + 1] as number) : -1;
  };
  let sum = 0;
  const plain = Int32Array.from({ length: 64 }, (_, i) => i);
  const [tlb = 0, read = 0] = best(cpuMs, lookups, [
    () => {
      for (let i = 0; i < lookups; i++) sum += hit(i);
    },
    () => {
      for (let i = 0; i < lookups; i++) sum += plain[i & 63] as number;
    },
  ]);
  report({ name: "engine: TLB hit", value: tlb, unit: "ns" });
  report({ name: "engine: TLB hit / array read", value: sum === -1 ? 0 : tlb / read, unit: "x" });
}

function searchLines(report: Report, cpuMs: CpuMs): void {
  const [vcpus, rounds] = [4, 2];
  let states = 0;
  const statement = faultNotifier({ vcpus, rounds, check: "both" });
  const least = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let i = 0; i < 3; i++) {
    const from = cpuMs();
    states = explore(searchOf(stateProtocol(statement))).states;
    const between = cpuMs();
    handWrittenSearch(vcpus, rounds);
    least[0] = Math.min(least[0] ?? 0, between - from);
    least[1] = Math.min(least[1] ?? 0, cpuMs() - between);
  }
  const [general = 0, own = 1] = least;
  report({
    name: "engine: explorer, states a second",
    value: (states / general) * 1000,
    unit: "1/s",
  });
  report({
    name: "engine: explorer / hand-written search",
    value: general / own,
    unit: "x",
    limit: 4,
  });
}

export async function bench(report: Report, cpuMs: CpuMs): Promise<void> {
  const w = workload();
  faultLines(w, report, cpuMs);
  undoLine(w, report, cpuMs);
  tlbLines(w, report, cpuMs);
  searchLines(report, cpuMs);
  await Promise.resolve();
}
