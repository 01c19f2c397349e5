// How many traces of each kernel, mode and lookup are equal, and which scenarios differ.
// Cells stand in the order of kernels (by number), then lookups, then modes.
// Promises: depends on the rows alone, not on the order in which they were made.
import type { VerifyResult, VerifyRow } from "./verify-result.ts";

type Summary = VerifyResult["summary"];
export type SummaryCell = Summary["cells"][number];

/** The TDP MMU, the legacy direct MMU, shadow paging. */
const MODES = ["tdp", "tdp0", "npt0"];

const byNumber = new Intl.Collator("en", { numeric: true });
const modePlace = (mode: string): number => {
  const at = MODES.indexOf(mode);
  return at < 0 ? MODES.length : at;
};

export const modesOf = (cells: readonly SummaryCell[]): string[] =>
  [...new Set(cells.map(({ mode }) => mode))].sort((a, b) => modePlace(a) - modePlace(b));

const cellOrder = (a: SummaryCell, b: SummaryCell): number =>
  byNumber.compare(a.kernel, b.kernel) ||
  byNumber.compare(a.lookup, b.lookup) ||
  modePlace(a.mode) - modePlace(b.mode);

export function summaryOf(rows: readonly VerifyRow[]): Summary {
  const cells = new Map<string, SummaryCell>();
  for (const { kernel, mode, lookup, verdict, scenario } of rows) {
    const key = JSON.stringify([kernel, mode, lookup]);
    const known = cells.get(key);
    const cell = known ?? {
      kernel,
      mode,
      lookup,
      equal: 0,
      total: 0,
      differing: [],
      notSimulated: [],
    };
    if (known === undefined) cells.set(key, cell);
    cell.total += 1;
    if (verdict === "equal") cell.equal += 1;
    else if (verdict === "differs") cell.differing.push(scenario);
    else cell.notSimulated.push(scenario);
  }
  const equal = rows.filter(({ verdict }) => verdict === "equal").length;
  return { equal, total: rows.length, cells: [...cells.values()].sort(cellOrder) };
}
