// A verification's result for a terminal: differences, a table of kernels and modes, a last line.
// Equal traces have a line each only while there are few; of many differences only the first are
// shown whole, the rest have a line each; of many that are not simulated the rest are counted.
// Promises: depends on the result alone, so that merged shards print what one run prints; the table
// fits 80 columns.
import { differenceText, verdictLine } from "./difference-text.ts";
import { isEqual, verdictOf, type VerifyResult, type VerifyRow } from "./verify-result.ts";
import { modesOf, type SummaryCell } from "./verify-summary.ts";

/** About a screen: more lines of equal traces would hide what differs. */
const SHOWN_EQUAL = 40;
const SHOWN_WHOLE = 20;
const SHOWN_NOT_SIMULATED = 20;
const SHOWN_NAMES = 30;
const WIDTH = 80;

export function resultText(result: VerifyResult, isQuiet: boolean): string {
  const { rows, summary, shard } = result;
  const lines = rowLines(rows, isQuiet);
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

function rowLines(rows: readonly VerifyRow[], isQuiet: boolean): string[] {
  const hidesEqual = isQuiet || rows.length > SHOWN_EQUAL;
  const shown = { equal: 0, differs: 0, "not-simulated": 0 };
  const lines = rows.flatMap((row) => {
    const count = ++shown[row.verdict];
    if (isEqual(row) && hidesEqual) return [];
    if (row.verdict === "not-simulated" && count > SHOWN_NOT_SIMULATED) return [];
    return [rowText(row, count <= SHOWN_WHOLE || isEqual(row))];
  });
  const left = shown["not-simulated"] - SHOWN_NOT_SIMULATED;
  return left > 0 ? [...lines, `${left} more are not simulated; --json tells why`] : lines;
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
    const key = `${cell.kernel.padEnd(6)}  ${(cell.lookup || "-").padEnd(6)}`;
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
    ...cells.flatMap((cell) => [
      ...nameLines(`differs in ${cellName(cell)}:`, cell.differing),
      ...nameLines(`not simulated in ${cellName(cell)}:`, cell.notSimulated),
    ]),
  ];
}

const amount = ({ equal, total }: SummaryCell): string => `${equal}/${total}`;

function amountAt(row: ReadonlyMap<string, SummaryCell>, mode: string): string {
  const cell = row.get(mode);
  return cell === undefined ? "-" : amount(cell);
}

const cellName = ({ kernel, lookup, mode }: SummaryCell): string =>
  `${kernel} ${lookup || "-"} ${mode}`;

/** "differs in 7.3 V3 tdp: lab_inserted_zap", wrapped; nothing where there is no name. */
function nameLines(head: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const lines: string[] = [];
  let line = head;
  const left = names.length - SHOWN_NAMES;
  for (const word of [...names.slice(0, SHOWN_NAMES), ...(left > 0 ? [`and ${left} more`] : [])]) {
    if (line.length + word.length + 1 > WIDTH) {
      lines.push(line);
      line = "   ";
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
