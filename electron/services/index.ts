// The contract implemented: makes the workers, opens the library, and hands out one handler per
// method. Every host uses this and nothing behind it. Promises: holds no state that is not in the
// library or made from it; close() ends the workers and leaves the library in one file.
import { availableParallelism } from "node:os";
import { basename } from "node:path";
import { CallError } from "#shared/contract/methods";
import type { Handlers } from "#shared/contract/server";
import type { Failure } from "../store/failure.ts";
import { createLibrary, type Library } from "../store/library.ts";
import { openForReading } from "../store/open.ts";
import { Pool } from "../workers/pool.ts";
import manifest from "../../package.json" with { type: "json" };
import { PoolActivity } from "./activity.ts";
import {
  type HostKind,
  refusingStore,
  type Services,
  type StoreClient,
  storeClient,
} from "./context.ts";
import { runGetHandlers } from "./run-get.ts";
import { runListHandlers } from "./run-list.ts";
import { runQueryHandlers } from "./run-queries.ts";
import { runStartHandlers } from "./run-start.ts";
import { scenarioHandlers } from "./scenario.ts";
import { settingsHandlers } from "./settings.ts";

export interface ServicesOptions {
  readonly libraryPath: string;
  /** Where the worker entries are, and how their names end: ".js" when built, ".ts" in tests. */
  readonly workerDir: string;
  readonly workerExt: string;
  /** Where scenarios/ is. */
  readonly fixturesDir: string;
  readonly kind: HostKind;
  /** Gets the text of exceptions that were our own fault. */
  readonly log?: (text: string) => void;
}

export interface RunningServices {
  readonly handlers: Handlers;
  close(): Promise<void>;
}

/** Heap of one worker. Its machine's cells and columns are outside of it. */
const WORKER_HEAP_MB = 2048;
const SEEK_LANES = 2;

/** Rejects with a CallError when the library cannot be opened at all. */
export async function createServices(options: ServicesOptions): Promise<RunningServices> {
  const activity = new PoolActivity();
  const makePool = (entry: string, size: number): Pool =>
    new Pool({
      entry,
      size,
      workerDir: options.workerDir,
      workerExt: options.workerExt,
      workerData: { libraryPath: options.libraryPath, fixturesDir: options.fixturesDir },
      resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MB },
      onChange: () => activity.changed(),
      ...(options.log === undefined ? {} : { log: options.log }),
    });
  const store = makePool("store", 1);
  const simulate = makePool("simulate", Math.max(1, availableParallelism() - 1));
  const seek = makePool("seek", SEEK_LANES);
  const pools = [store, simulate, seek];
  activity.add(simulate);
  activity.add(seek);
  try {
    const library = await openLibrary(options.libraryPath, storeClient(store));
    const { fixturesDir, kind } = options;
    const services: Services = {
      ...library,
      simulate,
      seek,
      activity,
      fixturesDir,
      kind,
      version: manifest.version,
    };
    return { handlers: handlersOf(services), close: () => closeAll(services, pools) };
  } catch (error) {
    await Promise.all(pools.map((pool) => pool.close()));
    throw error;
  }
}

function handlersOf(services: Services): Handlers {
  return {
    ...settingsHandlers(services),
    ...scenarioHandlers(services),
    ...runStartHandlers(services),
    ...runListHandlers(services),
    ...runGetHandlers(services),
    ...runQueryHandlers(services),
  };
}

/** The writer opens and migrates first; a library that can only be read comes with a warning. */
async function openLibrary(
  path: string,
  store: StoreClient,
): Promise<{ reader: Library; store: StoreClient; warning: string }> {
  const file = basename(path);
  try {
    await store.call("open", null);
  } catch (error) {
    if (!(error instanceof CallError) || !isReadable(error.code)) throw error;
    const warning = `${file} cannot be written (${error.code}). It is open for reading only.`;
    return { reader: openReader(path), store: refusingStore(file), warning };
  }
  return { reader: openReader(path), store, warning: "" };
}

const isReadable = (code: string): boolean =>
  code === "read-only-library" || code === "cannot-open" || code === "disk-full";

function openReader(path: string): Library {
  const opened = openForReading(path);
  if (!opened.ok) throw toCallError(opened.failure);
  return createLibrary(opened.value);
}

const toCallError = ({ code, message }: Failure): CallError => new CallError(code, message);

async function closeAll(
  { reader, store, warning }: Services,
  pools: readonly Pool[],
): Promise<void> {
  const [, ...readers] = pools;
  await Promise.all(readers.map((pool) => pool.close()));
  reader.close();
  if (warning === "") await store.call("close", null);
  await Promise.all(pools.map((pool) => pool.close()));
}
