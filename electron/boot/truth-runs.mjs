// Which real traces `npm run verify:truth` checks: the folders of every kernel and mode that are
// there, and what 7.3 printed exactly as 7.2 did, which is kept once, under 7.2.
// From: the traces' own layout, K/MODE/SCENARIO.trace, and the list 7.3/IDENTICAL.txt.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const KERNELS = ["6.1", "6.12", "7.2", "7.3"];
const MODES = ["npt0", "tdp", "tdp0"];

/**
 * Arguments of `faultline verify`, a list a run; paths are relative to the folder. No list: there
 * are no traces.
 * @param {string} folder
 * @returns {{ title: string, args: string[] }[]}
 */
export function truthRuns(folder) {
  const places = KERNELS.flatMap((kernel) => MODES.map((mode) => join(kernel, mode)));
  const there = places.filter((place) => existsSync(join(folder, place)));
  const same = sameIn73(folder);
  return [
    { title: "Traces of each kernel", args: there },
    { title: "Traces of 7.2 that 7.3 printed alike", args: [...same, ...asKernel73(same)] },
  ].filter(({ args }) => args.length > 0);
}

const asKernel73 = (files) => (files.length === 0 ? [] : ["--kernel", "7.3"]);

/** Lines are MODE/SCENARIO; those of other recordings (MODE-refs) are left out. */
function sameIn73(folder) {
  const list = join(folder, "7.3", "IDENTICAL.txt");
  if (!existsSync(list)) return [];
  return readFileSync(list, "utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => MODES.some((mode) => line.startsWith(`${mode}/`)))
    .map((line) => join("7.2", `${line}.trace`));
}
