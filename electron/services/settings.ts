// What the host is, what its workers do now, and the settings it keeps for views.
// Owns nothing: figures come from the pools, axes from the model, settings from the library.
// Settings are the library's, so that every window and host of it shares them.
import type { Handlers } from "#shared/contract/server";
import { hostAxes } from "./axes.ts";
import type { Services } from "./context.ts";

type Settings = Pick<Handlers, "host.info" | "host.watch" | "settings.get" | "settings.set">;

/** A watch stream says what changed at most this often. */
const WATCH_INTERVAL_MS = 100;

export function settingsHandlers(services: Services): Settings {
  const { reader, store, activity, kind, version, warning } = services;
  return {
    "host.info": async () => {
      const { busy, idle } = activity.counts();
      return {
        kind,
        version,
        library: reader.file,
        isReadOnly: warning !== "",
        warning,
        workers: busy + idle,
        ...hostAxes(),
      };
    },
    "host.watch": async (_input, { signal, emit }) => {
      let wake: () => void = () => {};
      const stopWatching = activity.watch(() => wake());
      const onAbort = (): void => wake();
      signal.addEventListener("abort", onAbort);
      try {
        while (!signal.aborted) {
          const changed = new Promise<void>((resolve) => {
            wake = resolve;
          });
          await emit(activity.counts());
          await changed;
          if (!signal.aborted) await pause(WATCH_INTERVAL_MS);
        }
      } finally {
        stopWatching();
        signal.removeEventListener("abort", onAbort);
      }
      return {};
    },
    "settings.get": async () => ({ values: reader.settings.readAll() }),
    "settings.set": async ({ key, value }) => {
      await store.call("setSetting", { key, value });
      return {};
    },
  };
}

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
