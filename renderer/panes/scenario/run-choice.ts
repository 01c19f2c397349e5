// Which lookups, kernels and modes are chosen, as the address keeps it, and the runs that follow:
// their product. Without a kernel each lookup gets its own: the merged design the first kernel that
// has it, all others the last one before. Pure.
// From: host.info of the contract; the merge of the series into Linux 6.13.
import type { Output } from "#shared/contract/methods";

export type Host = Output<"host.info">;

export interface RunChoice {
  readonly lookups: readonly string[];
  readonly kernels: readonly string[]; // empty: of the lookup
  readonly modes: readonly string[];
  readonly spans: boolean;
}

export interface Job {
  readonly lookup: string;
  readonly kernel: string;
  readonly mode: string;
}

type Params = Readonly<Record<string, string>>;

export const DEFAULT_CHOICE: RunChoice = {
  lookups: ["V0"],
  kernels: [],
  modes: ["tdp"],
  spans: true,
};
const MERGED_IN = 613; // Linux 6.13

const list = (text: string | undefined): string[] =>
  (text ?? "").split(",").filter((word) => word !== "");

/** Reads the choice; words that the host does not know are left out. */
export function readChoice(params: Params, host: Host): RunChoice {
  const known = (text: string | undefined, rows: readonly { id: string }[]) =>
    list(text).filter((id) => rows.some((row) => row.id === id));
  const lookups = known(params["lookup"], host.lookups);
  const modes = known(params["mode"], host.modes);
  return {
    lookups: lookups.length > 0 ? lookups : DEFAULT_CHOICE.lookups,
    kernels: known(params["kernel"], host.kernels),
    modes: modes.length > 0 ? modes : DEFAULT_CHOICE.modes,
    spans: params["spans"] !== "off",
  };
}

/** The parameters of a choice; what is the default is left out. */
export const choiceParams = (choice: RunChoice): Record<string, string | null> => ({
  lookup: unlessDefault(choice.lookups, DEFAULT_CHOICE.lookups),
  kernel: unlessDefault(choice.kernels, DEFAULT_CHOICE.kernels),
  mode: unlessDefault(choice.modes, DEFAULT_CHOICE.modes),
  spans: choice.spans ? null : "off",
});

const unlessDefault = (words: readonly string[], usual: readonly string[]): string | null =>
  words.join() === usual.join() ? null : words.join();

/** The kernel nearest to the merge on the lookup's side: the first with it, or the last before. */
export function kernelOfLookup(lookup: string, host: Host): string {
  const kernels = host.kernels.map((row) => row.id).toSorted((a, b) => rank(a) - rank(b));
  const merged = kernels.filter((id) => rank(id) >= MERGED_IN);
  const before = kernels.filter((id) => rank(id) < MERGED_IN);
  return (lookup === "V3" ? merged[0] : before.at(-1)) ?? kernels.at(-1) ?? "";
}

const rank = (kernel: string): number => {
  const [major = 0, minor = 0] = kernel.split(".").map(Number);
  return major * 100 + minor;
};

/** Every run of the choice, once, in the order of lookups, kernels, modes. */
export function jobsOf(choice: RunChoice, host: Host): readonly Job[] {
  const jobs = new Map<string, Job>();
  for (const lookup of choice.lookups) {
    const kernels = choice.kernels.length > 0 ? choice.kernels : [kernelOfLookup(lookup, host)];
    for (const kernel of kernels) {
      for (const mode of choice.modes)
        jobs.set(`${lookup} ${kernel} ${mode}`, { lookup, kernel, mode });
    }
  }
  return [...jobs.values()];
}

/** The first reason why something chosen does not run on this host, or "". */
export function whyNotRunnable(choice: RunChoice, host: Host): string {
  const mode = host.modes.find((row) => choice.modes.includes(row.id) && !row.runs);
  const lookup = host.lookups.find((row) => choice.lookups.includes(row.id) && !row.runs);
  const row = mode ?? lookup;
  return row === undefined ? "" : `${row.title}: ${row.why}`;
}

/** A word in or out of a list that must not become empty. */
export function toggled(
  words: readonly string[],
  word: string,
  order: readonly string[],
): string[] {
  const next = words.includes(word) ? words.filter((other) => other !== word) : [...words, word];
  return next.toSorted((a, b) => order.indexOf(a) - order.indexOf(b));
}
