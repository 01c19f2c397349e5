// The memory map drawn to scale: one bar per slot, page cells where they are few enough to see.
// Pure geometry in shares of the bar's width; the component turns it into boxes.
// From: the slots of the scenario's outline.
import type { OutlineSlot } from "#shared/scenario/outline";

const PAGE = 4096;
const MOST_CELLS = 32;
/** A tracked page is at least this share of the bar, or it could not be seen. */
const LEAST_SHARE = 0.012;

export interface MapMark {
  readonly name: string;
  readonly gpa: number;
  readonly from: number; // share of the bar
  readonly share: number;
}

export interface MapBar {
  readonly slot: OutlineSlot;
  readonly share: number; // width against the widest slot, never below a quarter
  readonly cells: number; // page cells drawn, 0: too many to see
  readonly marks: readonly MapMark[];
}

export function mapBars(slots: readonly OutlineSlot[]): readonly MapBar[] {
  const widest = Math.max(1, ...slots.map((slot) => slot.size));
  return slots.map((slot) => {
    const pages = Math.ceil(slot.size / PAGE);
    return {
      slot,
      share: Math.max(0.25, slot.size / widest),
      cells: pages <= MOST_CELLS ? pages : 0,
      marks: slot.pages.map((page) => markOf(slot, page)),
    };
  });
}

function markOf(slot: OutlineSlot, page: { name: string; gpa: number }): MapMark {
  const share = Math.min(1, Math.max(LEAST_SHARE, PAGE / slot.size));
  const from = Math.floor((page.gpa - slot.gpa) / PAGE) * (PAGE / slot.size);
  return { name: page.name, gpa: page.gpa, share, from: Math.min(from, 1 - share) };
}

/** 64K, 2M, 1G; bytes that are no whole unit stay bytes. */
export function sizeText(size: number): string {
  for (const [unit, letter] of [
    [2 ** 30, "G"],
    [2 ** 20, "M"],
    [1024, "K"],
  ] as const) {
    if (size >= unit && size % unit === 0) return `${size / unit}${letter}`;
  }
  return `${size} B`;
}
