// A verification's result for a terminal: differences, a table of kernels and modes, a last line.
// Equal traces have a line each only while there are few; of many differences only the first are
// shown whole, the rest have a line each. Promises: depends on the result alone, so that merged
// shards print what one run prints; the table fits 80 columns.
import { differenceText, verdictLine } from "./difference-text.ts";
import { isEqual, verdictOf, type VerifyResult, type VerifyRow } from "./verify-result.ts";
import { modesOf, type SummaryCell } from "./verify-summary.ts";

/** About a screen: more lines of equal traces would hide what differs. */
const SHOWN_EQUAL = 40;
const SHOWN_WHOLE = 20;
const WIDTH = 80;

export function resultText(result: VerifyResult, isQuiet: boolean): string {
  const { rows, summary, shard } = result;
  const hidesEqual = isQuiet || rows.length > SHOWN_EQUAL;
  let differing = 0;
  const lines = rows.flatMap((row) => {
    if (isEqual(row)) return hidesEqual ? [] : [rowText(row, true)];
    differing += 1;
    return [rowText(row, differing <= SHOWN_WHOLE)];
  });
  const table = rows.length > 1 ? tableLines(summary.cells) : [];
  const part = shard.of > 1 ? `, shard ${shard.index}/${shard.of} of ${shard.files} files` : "";
  return [
    ...lines,
    ...(lines.length > 0 && table.length > 0 ? [""] : []),
    ...table,
    `${summary.equal} of ${summary.total} equal${part}`,
    "",
  ].join("\n");
}

function rowText(row: VerifyRow, isWhole: boolean): string {
  const verdict = verdictOf(row);
  if (verdict === null) {
    const place = row.line > 0 ? `:${row.line}:1` : "";
    return `${row.file}${place}: not simulated: ${row.reason}`;
  }
  return isWhole ? differenceText(row.file, verdict) : verdictLine(row.file, verdict);
}

/** Kernel and lookup down, modes across, equal/total in each cell; below it what differs. */
function tableLines(cells: readonly SummaryCell[]): string[] {
  const modes = modesOf(cells);
  const rows = new Map<string, Map<string, SummaryCell>>();
  for (const cell of cells) {
    const key = `${cell.kernel.padEnd(6)}  ${cell.lookup.padEnd(6)}`;
    const row = rows.get(key) ?? new Map<string, SummaryCell>();
    rows.set(key, row.set(cell.mode, cell));
  }
  const width = Math.max(9, ...cells.map((cell) => amount(cell).length));
  const line = (head: string, texts: readonly string[]): string =>
    [head, ...texts.map((text) => text.padStart(width))].join("  ").trimEnd();
  return [
    line(`kernel  lookup`, modes),
    ...[...rows].map(([head, row]) =>
      line(
        head,
        modes.map((mode) => amountAt(row, mode)),
      ),
    ),
    ...cells.filter(({ differing }) => differing.length > 0).flatMap(differingLines),
  ];
}

const amount = ({ equal, total }: SummaryCell): string => `${equal}/${total}`;

function amountAt(row: ReadonlyMap<string, SummaryCell>, mode: string): string {
  const cell = row.get(mode);
  return cell === undefined ? "-" : amount(cell);
}

/** "not equal in 7.3 V3 tdp: lab_inserted_zap", wrapped. */
function differingLines({ kernel, lookup, mode, differing }: SummaryCell): string[] {
  const lines: string[] = [];
  let line = `not equal in ${kernel} ${lookup} ${mode}:`;
  for (const scenario of differing) {
    if (line.length + scenario.length + 1 > WIDTH) {
      lines.push(line);
      line = "   ";
    }
    line += ` ${scenario}`;
  }
  return [...lines, line];
}
