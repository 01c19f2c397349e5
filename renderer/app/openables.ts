// What "Open" offers: runs and scenarios of the library; and which commands were used last.
// Promises: at most 500 runs are fetched, the newest; the rest is found on the Runs screen.
// From: scenario.list and runs.list of the contract.
import { computed, type ComputedRef } from "vue";
import { shortId, titleOfLookup } from "../widgets/format.ts";
import { address } from "./address.ts";
import { useClient } from "./client.ts";
import { useNavigation } from "./navigation.ts";
import type { PaletteItem } from "./palette.ts";
import { useRequest } from "./requests.ts";

const RUNS = 500;
const RECENT = 20;

export const openItems = {
  recent: [] as string[],
  remember(id: string): void {
    this.recent = [id, ...this.recent.filter((other) => other !== id)].slice(0, RECENT);
  },
};

/** Fetched while `isWanted()`. */
export function useOpenables(isWanted: () => boolean): ComputedRef<readonly PaletteItem[]> {
  const client = useClient();
  const navigation = useNavigation();
  const question = () => (isWanted() ? {} : null);
  const scenarios = useRequest(question, (_, signal) =>
    client.call("scenario.list", {}, { signal }),
  );
  const runs = useRequest(question, (_, signal) =>
    client.call("runs.list", { q: "", sort: "-when", from: 0, count: RUNS }, { signal }),
  );
  const base = { keys: "", why: "" };
  return computed(() => [
    ...(scenarios.value.value?.rows ?? []).map((row) => ({
      ...base,
      id: `scenario.${row.name}`,
      title: row.name,
      context: `scenario · ${row.title}`,
      run: () => navigation.go(address("scenario", row.name)),
    })),
    ...(runs.value.value?.rows ?? []).map((row) => ({
      ...base,
      id: `run.${row.id}`,
      title: [row.title, titleOfLookup(row.lookup), row.kernel, shortId(row.id)].join(" "),
      context: `run · ${row.sentence}`,
      run: () => navigation.go(address("run", row.id)),
    })),
  ]);
}
