// A folded run: one comment line for N events whose gfn and values go up by equal steps.
// Owns its text and its members; folds exist for one event only, kvm_tdp_mmu_spte_changed.
// From: the trace files' own rule (runs of 16 and more: a table torn down, a huge page split).
import type { PrintContext, Slot } from "./declare.ts";
import { cellAt, dec, hex, line, printPieces, scanPieces } from "./pieces.ts";

const slot = (kind: "int" | "u64", at: number): Slot => ({ name: "", kind, at });
// First member, last member and step of gfn, old_spte and new_spte stand three words apart.
const LEVEL = 2;
const FIRST = [3, 5, 7] as const;
const STEP = 6;
const LAST = 12;
const FOLD_CELLS = 21;
const word = (first: number, offset: number) => hex(slot("u64", first + offset));
const run = (first: number) =>
  line`${word(first, 0)}..${word(first, LAST)} step ${word(first, STEP)}`;

const FOLD = [
  ...line`# elided ${dec(slot("int", 0))} lines: kvm_tdp_mmu_spte_changed: as id ${dec(
    slot("int", 1),
  )} gfn `,
  ...run(FIRST[0]),
  ...line` level ${dec(slot("int", LEVEL))} old_spte `,
  ...run(FIRST[1]),
  ...line` new_spte `,
  ...run(FIRST[2]),
];

/** More members than any table has: a fold beyond is not believed. */
export const FOLD_LIMIT = 1 << 18;

export interface Fold {
  readonly count: number;
  readonly cells: Int32Array;
}

export const isFoldLine = (text: string): boolean => text.startsWith("# elided ");

/** cells[at..at+1] += cells[step..step+1], as a 64-bit sum. */
function addWord(cells: Int32Array, at: number, from: Int32Array, step: number): void {
  const low = (cellAt(cells, at) >>> 0) + (cellAt(from, step) >>> 0);
  cells[at + 1] = cellAt(cells, at + 1) + cellAt(from, step + 1) + (low > 0xffffffff ? 1 : 0);
  cells[at] = low;
}

/** The fold of a comment line; null when the line is no fold or its last member does not add up. */
export function parseFold(text: string, context: PrintContext): Fold | null {
  const { forms, texts } = context;
  const scan = { forms, texts, text, cells: new Int32Array(FOLD_CELLS), base: 0, failedAt: 0 };
  if (scanPieces(FOLD, scan, 0) !== text.length) return null;
  const count = cellAt(scan.cells, 0);
  if (count < 1 || count > FOLD_LIMIT) return null;
  const fold = { count, cells: scan.cells };
  let last: Int32Array = scan.cells;
  for (const member of foldMembers(fold)) last = member.slice();
  const addsUp = [0, 1, 2].every((index) => {
    const at = (FIRST[index] ?? 0) + LAST;
    const member = memberCell(index);
    return (
      cellAt(last, member) === cellAt(scan.cells, at) &&
      cellAt(last, member + 1) === cellAt(scan.cells, at + 1)
    );
  });
  return addsUp ? fold : null;
}

/** Where gfn, old_spte and new_spte lie in the event's own cells (level stands between). */
const memberCell = (index: number): number => (index === 0 ? 1 : 2 + 2 * index);

/** The cells of each folded event in order. The array is reused: copy what must stay. */
export function* foldMembers(fold: Fold): Generator<Int32Array> {
  const cells = new Int32Array(8);
  cells[0] = cellAt(fold.cells, 1);
  cells[3] = cellAt(fold.cells, LEVEL);
  for (const [index, first] of FIRST.entries()) {
    cells.set(fold.cells.subarray(first, first + 2), memberCell(index));
  }
  for (let member = 0; member < fold.count; member++) {
    if (member > 0) {
      for (const [index, first] of FIRST.entries()) {
        addWord(cells, memberCell(index), fold.cells, first + STEP);
      }
    }
    yield cells;
  }
}

export const printFold = (fold: Fold, context: PrintContext): string =>
  printPieces(FOLD, fold.cells, 0, context);
