// The library's list of runs, and what people do to its rows: label, delete, bring back. Deleted
// runs are hidden at once and removed when the host stops; until then they come back by one call.
// Promises: pinned runs are never deleted; ids that are not there are left out, not a fault.
import type { Handlers } from "#shared/contract/server";
import { runFilter } from "../store/run-filter.ts";
import { keyOfRun, missingRun, type Services } from "./context.ts";

type RunList = Pick<Handlers, "runs.list" | "runs.delete" | "runs.restore" | "runs.label">;

export function runListHandlers(services: Services): RunList {
  const { reader, store } = services;

  const keysOf = (ids: readonly string[]): Map<number, string> => {
    const keys = new Map<number, string>();
    for (const id of ids) {
      const key = reader.runs.keyOf(id);
      if (key !== null) keys.set(key, id);
    }
    return keys;
  };

  return {
    "runs.list": async ({ q, sort, from, count }) => {
      const { rows, total } = reader.runs.list(runFilter(q, sort), from, count);
      return {
        rows,
        total,
        all: reader.runs.count(),
        libraryBytes: reader.size(),
        libraryName: reader.file,
      };
    },
    "runs.delete": async ({ ids }) => {
      const keys = keysOf(ids);
      const done = new Set(await store.call("deleteRuns", { runs: [...keys.keys()] }));
      const refused = [...keys].filter(([key]) => !done.has(key)).map(([, id]) => id);
      return { deleted: done.size, refused };
    },
    "runs.restore": async ({ ids }) => {
      const restored = await store.call("restoreRuns", { runs: [...keysOf(ids).keys()] });
      return { restored };
    },
    "runs.label": async ({ id, ...label }) => {
      await store.call("labelRun", { run: keyOfRun(services, id), label });
      const row = reader.runs.read(id);
      if (row === null) throw missingRun(id);
      return row.summary;
    },
  };
}
