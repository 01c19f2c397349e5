// What every service needs: the library for reading, the one writer, the pools, and who the host
// is. Owns nothing; services/index.ts makes it and closes what is in it. Promises: the writer is
// called by typed methods; a read-only library refuses each of them alike.
import { CallError } from "#shared/contract/methods";
import type { Pool, TaskOptions } from "../workers/pool.ts";
import type { StoreMethod, StoreMethods } from "../workers/store-types.ts";
import type { Library } from "../store/library.ts";

export type HostKind = "electron" | "browser" | "cli";

export interface Services {
  readonly reader: Library;
  readonly store: StoreClient;
  readonly simulate: Pool;
  readonly seek: Pool;
  readonly activity: Activity;
  readonly fixturesDir: string;
  readonly kind: HostKind;
  readonly version: string;
  /** "" or what a user must know about the library. */
  readonly warning: string;
}

/** The writer as the services see it. */
export interface StoreClient {
  call<M extends StoreMethod>(
    method: M,
    input: StoreMethods[M]["input"],
    options?: TaskOptions,
  ): Promise<StoreMethods[M]["output"]>;
}

/** Who wants to know what the workers do. */
export interface Activity {
  counts(): { busy: number; idle: number; waiting: number };
  /** Called after each change; the result takes the listener off again. */
  watch(listener: () => void): () => void;
}

export const storeClient = (pool: Pool): StoreClient => ({
  call: (method, input, options) => pool.run(method, input, options),
});

export const refusingStore = (file: string): StoreClient => ({
  call: () => Promise.reject(readOnly(file)),
});

const readOnly = (file: string): CallError =>
  new CallError("read-only-library", `${file} is open for reading only. Nothing was saved.`);

/** The run with this id or a beginning of it. */
export function keyOfRun({ reader }: Services, id: string): number {
  const key = reader.runs.read(id)?.key;
  if (key === undefined) throw missingRun(id);
  return key;
}

export const missingRun = (id: string): CallError =>
  new CallError("no-such-run", `Run ${id.slice(0, 6)} is not in this library. Run it again.`);
