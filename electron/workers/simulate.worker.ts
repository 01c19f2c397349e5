// Makes runs: says what a request's run is called, then executes it, judges it, and streams its
// record out. The record also stays in memory until the run is judged; chunks go to the writer as
// they come. Promises: a cancelled run ends soon and sends nothing more; the same request gives the
// same bytes.
import { workerData } from "node:worker_threads";
import { MemorySink } from "#shared/engine/record";
import type { ChunkSink } from "#shared/engine/recorder";
import { assemble } from "#shared/model/simulate";
import { ChunkSender } from "./chunk-stream.ts";
import { LiveRun } from "./live-run.ts";
import { checkAgainstReal } from "./real-check.ts";
import { makeFacts } from "./run-facts.ts";
import type { MadeRun, RunRequest, SimulateInput } from "./run-types.ts";
import { serveTasks, type TaskContext } from "./serve-tasks.ts";
import { inputOf, prepareRun, theSimulator } from "./simulation.ts";

const { fixturesDir } = workerData as { fixturesDir: string }; // given by services/index.ts

/** What the library keeps; writes and ticks are made again by re-execution. */
const STORED = ["events", "spans", "choices"] as const;

/** Both take every chunk, the first one first. */
const bothSinks = (first: ChunkSink, second: ChunkSink): ChunkSink => ({
  take(...chunk) {
    first.take(...chunk);
    second.take(...chunk);
  },
});

function simulate({ request, port }: SimulateInput, context: TaskContext): MadeRun {
  const sender = new ChunkSender(port, context.control, STORED);
  try {
    const started = performance.now();
    const input = inputOf(request);
    const memory = new MemorySink();
    const meter = context.meter("events", null, "simulating");
    const outcome = theSimulator().stream(input, bothSinks(sender, memory), {
      goOn({ events }) {
        meter.at(events);
        return !context.isCancelled();
      },
    });
    context.checkCancelled();
    meter.end(outcome.events);
    const live = new LiveRun(assemble(input, memory.record(), outcome));
    sender.end();
    const real = checkAgainstReal(live, fixturesDir);
    const durationMs = performance.now() - started;
    return makeFacts(live, request, real, durationMs);
  } catch (error) {
    sender.close();
    throw error;
  }
}

serveTasks({
  prepare: (request: RunRequest) => prepareRun(request),
  simulate,
});
