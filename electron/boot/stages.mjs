// The stages of `npm test` in their order: what each runs, and what its result is counted from.
// Quick and certain checks come first, so that a slip is told within seconds.
// `tests: true` marks a vitest run, whose report is counted; any other stage counts as one check.
import { inProject } from "./project.mjs";

const bin = (...parts) => inProject("node_modules", ...parts);
const tsc = bin("typescript", "bin", "tsc");
const oxlint = bin("oxlint", "bin", "oxlint");
const vitest = bin("vitest", "vitest.mjs");
const depcruise = bin("dependency-cruiser", "bin", "dependency-cruiser.mjs");

export const STAGES = [
  { name: "types: Node", args: [tsc, "-p", "tsconfig.node.json"] },
  { name: "types: shared", args: [tsc, "-p", "tsconfig.shared.json"] },
  { name: "types: page", args: [bin("vue-tsc", "bin", "vue-tsc.js"), "-p", "tsconfig.web.json"] },
  { name: "lint", args: [oxlint] },
  { name: "lint with types", args: [oxlint, "--type-aware"] },
  {
    name: "import rule",
    args: [depcruise, "electron", "renderer", "shared", "--config", ".dependency-cruiser.cjs"],
  },
  { name: "unused code", args: [bin("knip", "bin", "knip.js")] },
  { name: "unit, property, golden, truth", args: [vitest, "run"], tests: true },
  { name: "build", build: true },
  {
    name: "end to end",
    args: [vitest, "run", "--config", "vitest.e2e.config.ts"],
    tests: true,
    browser: true,
  },
];
