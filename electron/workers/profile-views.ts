// Call trees of runs in the contract's shapes, their difference, and their text for other tools.
// Owns the names of exported files; trees and forms are the profile's.
// Weights are estimates or counts; nothing here was measured by a clock.
import type { Input, Output } from "#shared/contract/methods";
import type { SimRun } from "#shared/model/sim-run";
import { chromeTraceJson } from "#shared/profile/chrome";
import { treeDifference } from "#shared/profile/difference";
import { foldedStacks } from "#shared/profile/folded";
import { buildProfile, type Weight, WEIGHT_UNITS, WHOLE_RUN } from "#shared/profile/profile";
import { speedscopeJson } from "#shared/profile/speedscope";
import type { CallTree } from "#shared/profile/tree";
import { ownFloat64s, ownInt32s } from "./owned.ts";

type ContractTree = Output<"profile.tree">["tree"];

function toContract(tree: CallTree): ContractTree {
  return {
    parent: ownInt32s(tree.parent),
    fn: ownInt32s(tree.fn),
    total: ownFloat64s(tree.total),
    self: ownFloat64s(tree.self),
    count: ownInt32s(tree.count),
    start: ownFloat64s(tree.start),
    functions: [...tree.functions],
    families: [...tree.families],
    files: [...tree.files],
    merged: tree.merged,
  };
}

export function readProfile(run: SimRun, request: Input<"profile.tree">): Output<"profile.tree"> {
  const { tree, unit, isEstimate, note } = buildProfile(run, request);
  return { tree: toContract(tree), unit, isEstimate, note };
}

export function readProfileDifference(
  a: SimRun,
  b: SimRun,
  { by, withInlined }: Input<"profile.difference">,
): Output<"profile.difference"> {
  const request = { ...WHOLE_RUN, by, withInlined, merged: true };
  const found = treeDifference(buildProfile(a, request).tree, buildProfile(b, request).tree);
  return {
    tree: toContract(found.tree),
    totalA: ownFloat64s(found.totalA),
    totalB: ownFloat64s(found.totalB),
    selfA: ownFloat64s(found.selfA),
    selfB: ownFloat64s(found.selfB),
    unit: WEIGHT_UNITS[by],
    isEstimate: by === "est",
  };
}

type Form = Input<"profile.export">["form"];
const ENDINGS: Readonly<Record<Form, string>> = {
  folded: "folded.txt",
  speedscope: "speedscope.json",
  chrome: "trace.json",
};

export function exportProfile(
  run: SimRun,
  { id, by, form }: Input<"profile.export">,
): Output<"profile.export"> {
  const merged = form === "folded";
  const { tree } = buildProfile(run, { ...WHOLE_RUN, by, merged, withInlined: false });
  const name = `${run.plan.title.replaceAll(/[^A-Za-z0-9._-]+/g, "-")}-${id.slice(0, 6)}`;
  return { name: `${name}.${ENDINGS[form]}`, text: textOf(tree, form, { name, by }) };
}

function textOf(tree: CallTree, form: Form, { name, by }: { name: string; by: Weight }): string {
  const options = { name, unit: WEIGHT_UNITS[by] };
  if (form === "folded") return foldedStacks(tree);
  return form === "speedscope" ? speedscopeJson(tree, options) : chromeTraceJson(tree, options);
}
