// What a run can be made under: kernels, modes, lookup designs, with an honest word on those that
// do not run yet.
// From: the model's own lists; modes and designs that the product names but the model lacks are
// told with the reason.
import type { Output } from "#shared/contract/methods";
import { KERNELS } from "#shared/model/kernels/profiles";
import { LOOKUP_DESIGNS } from "#shared/model/lookup/designs";
import { ENGINE_VERSION } from "#shared/model/simulate";

type Info = Output<"host.info">;

const NOT_YET = "Not simulated yet.";
const MODES: Info["modes"] = [
  { id: "tdp", title: "TDP MMU", runs: true, why: "" },
  { id: "tdp0", title: "legacy direct MMU", runs: true, why: "" },
  { id: "npt0", title: "shadow paging", runs: true, why: "" },
];

const LOOKUPS: readonly { id: Info["lookups"][number]["id"]; title: string; posted: boolean }[] = [
  { id: "V0", title: "legacy", posted: true },
  { id: "V1", title: "v11 series", posted: true },
  { id: "V2", title: "two-tier", posted: false },
  { id: "V2b", title: "staged conversion", posted: false },
  { id: "V3", title: "merged", posted: true },
];

export function hostAxes(): Pick<Info, "engine" | "kernels" | "modes" | "lookups"> {
  return {
    engine: ENGINE_VERSION,
    kernels: KERNELS.map(({ id, title, witness }) => ({ id, title, real: witness })),
    modes: MODES.map((mode) => ({ ...mode })),
    lookups: LOOKUPS.map((lookup) => {
      const design = LOOKUP_DESIGNS.find(({ id }) => id === lookup.id);
      if (design === undefined) return { ...lookup, runs: false, why: NOT_YET };
      return { ...lookup, title: design.title, posted: design.posted, runs: true, why: "" };
    }),
  };
}
