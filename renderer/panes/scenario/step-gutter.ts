// What the editor's gutter says beside each step: its number, and after a run its verdict and its
// Δref.
// A run speaks only for the very text that it ran; for another text its marks are left out.
import type { RunDetail } from "#shared/contract/runs";
import type { Outline } from "#shared/scenario/outline";

export interface GutterRow {
  readonly line: number; // of the text, 1-based
  readonly n: number; // step number
  readonly verdict: string; // "" when the step has none
  readonly deltas: string; // "+1", "0", "" without a run
  readonly result: string;
  readonly firstEvent: number; // 0: no event
  readonly isDeciding: boolean;
}

export const speaksFor = (run: RunDetail | null, text: string): boolean =>
  run !== null && run.text === text;

export function gutterRows(
  outline: Outline | null,
  run: RunDetail | null,
  text: string,
): readonly GutterRow[] {
  const ran = new Map((speaksFor(run, text) ? run : null)?.stepRows.map((row) => [row.n, row]));
  const seen = new Set<number>();
  const rows: GutterRow[] = [];
  for (const step of outline?.steps ?? []) {
    if (seen.has(step.line)) continue; // several steps on one line: the first speaks
    seen.add(step.line);
    const row = ran.get(step.n);
    rows.push({
      line: step.line,
      n: step.n,
      verdict: row?.verdict ?? "",
      deltas:
        row === undefined || (row.verdict === null && row.deltaRef === 0)
          ? ""
          : signed(row.deltaRef),
      result: row?.result ?? "",
      firstEvent: row?.firstEvent ?? 0,
      isDeciding: run?.decidingStep === step.n && row !== undefined,
    });
  }
  return rows;
}

const signed = (value: number): string =>
  value === 0 ? "0" : value > 0 ? `+${value}` : `−${-value}`;

/** Index of the first row that passes; rows before it fail and all after it pass. */
export function firstBelow<T>(rows: readonly T[], passes: (row: T) => boolean): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const row = rows[middle];
    if (row !== undefined && passes(row)) high = middle;
    else low = middle + 1;
  }
  return low;
}
