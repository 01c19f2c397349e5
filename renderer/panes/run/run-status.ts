// The status bar of the Run screen: verdict, the address chain, equality with a real kernel,
// digest.
// From: the frame of the user interface (status line, left and right).
import { computed } from "vue";
import { type StatusItem, useStatus } from "../../app/status.ts";
import { delta } from "../../widgets/format.ts";
import { groupedHex } from "#shared/units/hex";
import type { Walk } from "./run-asks.ts";
import type { RunModel } from "./run-model.ts";

/**
 * "gva 0x… -> gpa 0x… -> hva 0x… -> pfn 0x…", as far as the walk goes. Shadow tables that lead
 * elsewhere than the guest's need neither gpa nor hva.
 */
function chainText(walk: Walk): string {
  const parts = [`gva ${groupedHex(walk.gva)}`];
  const isApart = walk.remark !== "";
  if (walk.gpa !== null && !isApart) parts.push(`gpa ${groupedHex(walk.gpa)}`);
  if (walk.hva !== null && !isApart) parts.push(`hva ${groupedHex(walk.hva)}`);
  if (walk.pfn !== null) parts.push(`pfn ${groupedHex(walk.pfn.toString(16))}`);
  return parts.join(" -> ");
}

export function useRunStatus(model: RunModel): void {
  useStatus(
    computed(() => {
      const run = model.run.value;
      if (run === null) return { left: [], right: [] };
      const left: StatusItem[] = [
        { text: `${run.verdict}, Δref ${delta(balanceOf(run.stepRows))}`, verdict: run.verdict },
      ];
      const walk = model.walk.value.value;
      if (walk !== null) left.push({ text: chainText(walk), isMono: true });
      const right: StatusItem[] = [];
      const real = run.findings.find((finding) => finding.rule === "real");
      if (real !== undefined) right.push({ text: real.sentence.replace(/\.$/, "") });
      right.push({ text: `digest ${run.id.slice(0, 4)}_${run.id.slice(4, 8)}` });
      return { left, right };
    }),
  );
}

const balanceOf = (steps: readonly { readonly deltaRef: number }[]): number =>
  steps.reduce((sum, step) => sum + step.deltaRef, 0);
