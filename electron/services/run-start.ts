// Starts a run, or finds the one that these inputs have given before. The record streams from the
// simulating worker straight to the writer; nothing of it is in the library before the one commit.
// Promises: a run that fails or is stopped leaves no row; a deleted one that is started again comes
// back.
import { MessageChannel } from "node:worker_threads";
import type { Output } from "#shared/contract/methods";
import type { RunSummary } from "#shared/contract/runs";
import type { CallContext, Handlers } from "#shared/contract/server";
import type { Progress } from "#shared/contract/values";
import { makeControl } from "../workers/pool.ts";
import type { MadeRun, PreparedRun, RunRequest } from "../workers/run-types.ts";
import { missingRun, type Services } from "./context.ts";

type Context = CallContext<Progress>;

export function runStartHandlers(services: Services): Pick<Handlers, "runs.start"> {
  const { simulate } = services;
  return {
    "runs.start": async (request, context) => {
      const { signal } = context;
      const { id } = await simulate.run<PreparedRun>("prepare", request, { signal });
      const stored = await findRun(services, id);
      if (stored !== null) return { run: stored, known: true };
      return makeRun(services, request, context);
    },
  };
}

async function findRun({ reader, store }: Services, id: string): Promise<RunSummary | null> {
  const key = reader.runs.keyOf(id);
  if (key === null) return null;
  if (reader.runs.read(id) === null) await store.call("restoreRuns", { runs: [key] });
  return reader.runs.read(id)?.summary ?? null;
}

async function makeRun(
  services: Services,
  request: RunRequest,
  context: Context,
): Promise<Output<"runs.start">> {
  const { simulate, store } = services;
  const { port1, port2 } = new MessageChannel();
  const control = makeControl();
  const incoming = await store.call("beginRun", { port: port2, control }, { transfer: [port2] });
  let made: MadeRun;
  try {
    const input = { request, port: port1 };
    const { signal, emit } = context;
    made = await simulate.run<MadeRun>("simulate", input, {
      signal,
      control,
      transfer: [port1],
      onProgress: emit,
    });
  } catch (error) {
    port1.close();
    // When the writer gave up, its reason is the better one to tell.
    await store.call("dropRun", { incoming });
    throw error;
  }
  const { id } = made.run;
  const known = services.reader.runs.keyOf(id) !== null; // another schedule text, the same run
  await store.call("commitRun", { incoming, ...made });
  const run = services.reader.runs.read(id)?.summary;
  if (run === undefined) throw missingRun(id);
  return { run, known };
}
