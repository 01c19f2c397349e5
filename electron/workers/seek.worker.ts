// Answers what views ask of runs: rows, timeline, machine state, profiles, comparisons, reports.
// Holds one machine and a few records; a question about another run moves the machine there first.
// Promises: answers are in the contract's shapes; the same question gets the same answer.
import { workerData } from "node:worker_threads";
import type { Input } from "#shared/contract/methods";
import { alignedWindow, Comparisons, compareSummary, compareText } from "./compare-views.ts";
import { exportProfile, readProfile, readProfileDifference } from "./profile-views.ts";
import { makeReport } from "./report-view.ts";
import { type CacheOptions, RunCache } from "./run-cache.ts";
import { locateEvent, readEvents } from "./run-rows.ts";
import { serveTasks, type TaskContext } from "./serve-tasks.ts";
import { decode, readMachine, readPage, readTable, readWalk } from "./state-views.ts";
import { readTimeline } from "./timeline.ts";
import { readWhy } from "./why-view.ts";

const cache = new RunCache(workerData as CacheOptions); // given by services/index.ts
const comparisons = new Comparisons(cache);

serveTasks({
  "runs.events": (input: Input<"runs.events">, context: TaskContext) =>
    readEvents(cache.get(input.id, context).index, input, context),
  "runs.locate": (input: Input<"runs.locate">, context: TaskContext) =>
    locateEvent(cache.get(input.id, context).index, input, context),
  "runs.timeline": (input: Input<"runs.timeline">, context: TaskContext) =>
    readTimeline(cache.get(input.id, context), input),
  "state.walk": (input: Input<"state.walk">, context: TaskContext) =>
    readWalk(cache.live(input.id, context), input),
  "state.table": (input: Input<"state.table">, context: TaskContext) =>
    readTable(cache.live(input.id, context), input),
  "state.decode": (input: Input<"state.decode">) => decode(input),
  "state.page": (input: Input<"state.page">, context: TaskContext) =>
    readPage(cache.live(input.id, context), input),
  "state.machine": (input: Input<"state.machine">, context: TaskContext) =>
    readMachine(cache.live(input.id, context), input),
  "state.why": (input: Input<"state.why">, context: TaskContext) =>
    readWhy(cache.live(input.id, context), input),
  "profile.tree": (input: Input<"profile.tree">, context: TaskContext) =>
    readProfile(cache.get(input.id, context).run, input),
  "profile.difference": (input: Input<"profile.difference">, context: TaskContext) =>
    readProfileDifference(cache.get(input.a, context).run, cache.get(input.b, context).run, input),
  "profile.export": (input: Input<"profile.export">, context: TaskContext) =>
    exportProfile(cache.get(input.id, context).run, input),
  "compare.runs": (input: Input<"compare.runs">, context: TaskContext) =>
    compareSummary(comparisons.pair(input, context)),
  "compare.rows": (input: Input<"compare.rows">, context: TaskContext) =>
    alignedWindow(comparisons.pair(input, context), input),
  "compare.tables": (input: Input<"compare.tables">, context: TaskContext) =>
    comparisons.tables(input, context),
  "compare.text": (input: Input<"compare.text">, context: TaskContext) =>
    compareText(comparisons.pair(input, context)),
  "report.make": (input: Input<"report.make">, context: TaskContext) =>
    makeReport(cache, input, context),
});
