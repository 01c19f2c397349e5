// The aligned rows of two runs: pairs and single events in order, each with its mark and the field
// that differs.
// Promises: each event of both runs stands in exactly one row, up to the limit; rows rise in both
// runs.
// From: alignment by steps, then by keys; equal, renamed and different after the renaming so far.
import { EventId, eventOf } from "#shared/events/table";
import { TablePageChange } from "#shared/events/own";
import type { SimRun } from "#shared/model/sim-run";
import { joinHalves, sameWord } from "#shared/units/halves";
import { alignKeys, longestRising } from "./align.ts";
import { cellOf, eventKeys, eventParts, type EventKeys, type NamedField } from "./keys.ts";
import { Renaming } from "./renaming.ts";

export const MARKS = ["=", "≈", "≠", "A", "B"] as const;
export type Mark = (typeof MARKS)[number];
export const Code = { equal: 0, renamed: 1, differs: 2, onlyA: 3, onlyB: 4 } as const;

/** Events of each run that are aligned; later ones are not. */
export const MOST_EVENTS = 2_000_000;

export interface AlignedRows {
  /** Event numbers from 1; 0 where the run has none. */
  readonly a: Int32Array;
  readonly b: Int32Array;
  /** Index into MARKS. */
  readonly mark: Uint8Array;
  /** The differing cell from 1; 0 for none. */
  readonly field: Uint8Array;
  readonly counts: readonly [
    equal: number,
    renamed: number,
    differs: number,
    onlyA: number,
    onlyB: number,
  ];
  readonly first: number;
  readonly differences: Int32Array;
  readonly cut: string;
}

interface Side {
  readonly run: SimRun;
  readonly keys: EventKeys;
  readonly columns: readonly Int32Array[];
}

const sideOf = (run: SimRun): Side => ({
  run,
  keys: eventKeys(run, MOST_EVENTS),
  columns: run.record.columns.events,
});

export function alignRuns(runA: SimRun, runB: SimRun): AlignedRows {
  const a = sideOf(runA);
  const b = sideOf(runB);
  const partner = alignKeys({ a: a.keys.strict, b: b.keys.strict }, stepAnchors(a, b));
  pairLoosely(a, b, partner);
  return markRows(a, b, partner);
}

/** Marks of equal steps hold the runs together, however different they are in between. */
function stepAnchors(a: Side, b: Side): (readonly [number, number])[] {
  const stepsB = new Map(
    b.run.steps.map((step) => [`${step.thread} ${step.n}`, step.firstEvent - 1]),
  );
  const pairs = a.run.steps.flatMap((step) => {
    const at = stepsB.get(`${step.thread} ${step.n}`);
    const isRead =
      step.firstEvent <= a.keys.rows.length && (at ?? MOST_EVENTS) < b.keys.rows.length;
    return at === undefined || !isRead ? [] : [[step.firstEvent - 1, at] as const];
  });
  pairs.sort(([left], [right]) => left - right);
  return longestRising(pairs);
}

/** In each gap of the alignment, pairs events that keep their place although a field differs. */
function pairLoosely(a: Side, b: Side, partner: Int32Array): void {
  let fromA = 0;
  let fromB = 0;
  for (let i = 0; i <= partner.length; i++) {
    const at = i < partner.length ? (partner[i] ?? -1) : b.keys.rows.length;
    if (at < 0) continue;
    if (i > fromA && at > fromB) pairGap({ a, b, partner }, [fromA, i], [fromB, at]);
    fromA = i + 1;
    fromB = at + 1;
  }
}

function pairGap(
  { a, b, partner }: { a: Side; b: Side; partner: Int32Array },
  [fromA, toA]: readonly [number, number],
  [fromB, toB]: readonly [number, number],
): void {
  const inner = alignKeys({
    a: a.keys.loose.subarray(fromA, toA),
    b: b.keys.loose.subarray(fromB, toB),
  });
  inner.forEach((at, i) => {
    if (at >= 0) partner[fromA + i] = fromB + at;
  });
}

function markRows(a: Side, b: Side, partner: Int32Array): AlignedRows {
  const [countA, countB] = [a.keys.rows.length, b.keys.rows.length];
  const most = countA + countB;
  const rowA = new Int32Array(most);
  const rowB = new Int32Array(most);
  const mark = new Uint8Array(most);
  const field = new Uint8Array(most);
  const marker = new Marker(a, b);
  let row = 0;
  let nextB = 0;
  const onlyB = (end: number): void => {
    for (; nextB < end; nextB++, row++) {
      rowB[row] = nextB + 1;
      mark[row] = Code.onlyB;
      marker.endB(nextB);
    }
  };
  for (let i = 0; i < countA; i++, row++) {
    const at = partner[i] ?? -1;
    if (at >= 0) onlyB(at);
    rowA[row] = i + 1;
    if (at < 0) mark[row] = Code.onlyA;
    else {
      rowB[row] = at + 1;
      nextB = at + 1;
      const compared = marker.compare(i, at);
      mark[row] = compared >> 8;
      field[row] = compared & 0xff;
      marker.endB(at);
    }
    marker.endA(i);
  }
  onlyB(countB);
  const marks = mark.subarray(0, row);
  return {
    a: rowA.subarray(0, row),
    b: rowB.subarray(0, row),
    mark: marks,
    field,
    ...summary(marks),
    cut: cutText(a, b),
  };
}

function summary(marks: Uint8Array): Pick<AlignedRows, "counts" | "first" | "differences"> {
  const counts: [number, number, number, number, number] = [0, 0, 0, 0, 0];
  const differences: number[] = [];
  marks.forEach((mark, row) => {
    counts[mark as 0]++;
    if (mark > Code.renamed) differences.push(row);
  });
  return { counts, first: differences[0] ?? -1, differences: Int32Array.from(differences) };
}

function cutText(a: Side, b: Side): string {
  const longest = Math.max(a.run.record.events, b.run.record.events);
  if (longest <= MOST_EVENTS) return "";
  const count = MOST_EVENTS.toLocaleString("en-US");
  return `Aligned the first ${count} events of each; differences after that are not listed.`;
}

/** Compares paired events under the renaming that the rows before have made. */
class Marker {
  private readonly a: Side;
  private readonly b: Side;
  private readonly renaming = new Renaming();
  private readonly sameText: (left: number, right: number) => boolean;
  private readonly isOtherKernel: boolean;

  constructor(a: Side, b: Side) {
    this.a = a;
    this.b = b;
    const [left, right] = [a.run.texts.all(), b.run.texts.all()];
    this.sameText = (i, j) => left[i] === right[j];
    this.isOtherKernel = a.run.kernel.id !== b.run.kernel.id;
  }

  /** Mark and differing cell (from 1) of a pair, as mark << 8 | cell. */
  compare(i: number, j: number): number {
    const id = this.a.keys.ids[i] ?? 0;
    if (id !== this.b.keys.ids[j]) return Code.differs << 8;
    const parts = eventParts(id);
    const rowA = this.a.keys.rows[i] ?? 0;
    const rowB = this.b.keys.rows[j] ?? 0;
    let isSame = true;
    for (const cell of parts.strict) {
      if (!this.same(rowA, rowB, cell, parts.isText[cell] === true))
        return (Code.differs << 8) | (cell + 1);
    }
    for (const cell of parts.format) {
      if (this.same(rowA, rowB, cell, false)) continue;
      if (!this.isOtherKernel) return (Code.differs << 8) | (cell + 1);
      isSame = false;
    }
    for (const field of parts.named) {
      // Also equal values take part: they bind a frame to itself.
      const how = this.rename(field, rowA, rowB, {
        level: parts.level,
        isHost: id === EventId.hostPte,
      });
      if (how === Code.differs) return (Code.differs << 8) | (field.at + 1);
      if (how === Code.renamed) isSame = false;
    }
    return (isSame ? Code.equal : Code.renamed) << 8;
  }

  private same(rowA: number, rowB: number, cell: number, isText: boolean): boolean {
    const left = cellOf(this.a.columns, rowA, cell);
    const right = cellOf(this.b.columns, rowB, cell);
    return isText ? this.sameText(left, right) : left === right;
  }

  private rename(
    { at, isWide, identity }: NamedField,
    rowA: number,
    rowB: number,
    { level, isHost }: { level: number; isHost: boolean },
  ): number {
    const a = {
      lo: cellOf(this.a.columns, rowA, at),
      hi: isWide ? cellOf(this.a.columns, rowA, at + 1) : 0,
    };
    const b = {
      lo: cellOf(this.b.columns, rowB, at),
      hi: isWide ? cellOf(this.b.columns, rowB, at + 1) : 0,
    };
    const place = { identity, isHost, level: level < 0 ? 1 : cellOf(this.a.columns, rowA, level) };
    if (!this.renaming.match(a, b, place)) return Code.differs;
    return sameWord(a, b) ? Code.equal : Code.renamed;
  }

  endA(i: number): void {
    const freed = freedPage(this.a, i);
    if (freed === null) return;
    if (freed.isTable) this.renaming.tables.endA(freed.pfn);
    else this.renaming.pages.endA(freed.pfn);
  }

  endB(j: number): void {
    const freed = freedPage(this.b, j);
    if (freed === null) return;
    if (freed.isTable) this.renaming.tables.endB(freed.pfn);
    else this.renaming.pages.endB(freed.pfn);
  }
}

/** The frame that an event gives back: its number may come again as another page. */
function freedPage(side: Side, index: number): { pfn: number; isTable: boolean } | null {
  const id = side.keys.ids[index];
  if (id !== EventId.pageRef && id !== EventId.tablePage) return null;
  const row = side.keys.rows[index] ?? 0;
  const cell = (n: number): number => cellOf(side.columns, row, n);
  const isTable = id === EventId.tablePage;
  const isFreed = isTable ? cell(2) === TablePageChange.freed : cell(3) === 0;
  return isFreed ? { pfn: joinHalves(cell(0), cell(1)), isTable } : null;
}

/** Name of the field that differs in a row, or "". */
export function fieldName(run: SimRun, rows: AlignedRows, row: number): string {
  const at = (rows.field[row] ?? 0) - 1;
  const n = rows.a[row] ?? 0;
  if (at < 0 || n === 0) return "";
  return (
    eventOf(run.record.event(n - 1).event)?.slots.findLast((slot) => slot.at <= at)?.name ?? ""
  );
}
