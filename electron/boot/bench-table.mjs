// What `npm run bench` prints: one line a figure, ratios with their limit.
// A figure without a limit is this machine's and only reported; a ratio is machine-independent
// and fails the run when it is above its limit. Four digits count: more would be noise.

/** @typedef {{ name: string, value: number, unit: string, limit?: number }} Figure */

/** @param {Figure} figure */
export const isMissed = ({ value, limit }) => limit !== undefined && value > limit;

/** @param {Figure[]} figures */
export function figureTable(figures) {
  const wide = Math.max(10, ...figures.map(({ name }) => name.length));
  return figures.map((figure) => figureLine(figure, wide)).join("\n");
}

function figureLine(figure, wide) {
  const { name, value, unit, limit } = figure;
  const limitText = limit === undefined ? "" : `at most ${limit}`;
  const state = isMissed(figure) ? "  MISSED" : "";
  const amount = rounded(value).padStart(14);
  return `${name.padEnd(wide)}  ${amount} ${unit.padEnd(12)} ${limitText}${state}`.trimEnd();
}

const rounded = (value) =>
  Number(value.toPrecision(4)).toLocaleString("en-US", { maximumFractionDigits: 3 });
