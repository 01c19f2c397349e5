// Geometry of the page-table picture: three trees side by side and the walk drawn through them.
// Where KVM's tree is a shadow (npt0), it starts from the gva beside the guest's tree; the guest's
// leaf leads past it to the host's. Pure: a walk and a size in, boxes and lines out, in the
// picture's own units (CSS pixels at 16 px root). From: the UI's page-table rules (leaf level five
// entries, strips of 512, gutter lines, page bar below).
import type { EntryView, LevelView, TreeKey } from "#shared/contract/state";
import { ENTRY_STATES } from "#shared/contract/state";
import { groupedHex } from "#shared/units/hex";

interface WalkTree {
  readonly key: TreeKey;
  readonly title: string;
  readonly maps: string; // "gva to gpa"
  readonly address: string;
  readonly levels: readonly LevelView[];
}
interface WalkEnd {
  readonly tree: TreeKey;
  readonly level: number;
  readonly sentence: string;
}
interface WalkInput {
  readonly trees: readonly WalkTree[];
  readonly ends: WalkEnd | null;
  readonly reachesPage: boolean; // the walk of KVM's tables ends at the page
  readonly hostReachesPage: boolean; // so does the host's
  readonly through: string; // what leads past a shadow tree to the host's: "gpa 0x1000, slot 0"
}

interface StripRun {
  readonly x: number;
  readonly width: number;
  readonly state: string;
}
export interface EntryBox {
  readonly entry: EntryView;
  readonly y: number;
  readonly height: number;
  readonly isOnWalk: boolean;
}
export interface LevelBox {
  readonly level: LevelView;
  readonly y: number; // baseline of the level's name
  readonly aboutY: number; // baseline of what is said of a shadow page
  readonly stripY: number;
  readonly runs: readonly StripRun[];
  readonly tickX: number;
  readonly entries: readonly EntryBox[];
  readonly isMissing: boolean;
}
export interface TreeBox {
  readonly tree: WalkTree;
  readonly x: number;
  readonly width: number;
  readonly levels: readonly LevelBox[];
}
interface WalkLine {
  readonly path: string;
  readonly arrow: string; // "" when the line ends without one
  readonly style: "solid" | "dashed" | "ends";
}
interface Note {
  readonly x: number;
  readonly y: number;
  readonly text: string;
}
export interface WalkShapes {
  readonly trees: readonly TreeBox[];
  readonly lines: readonly WalkLine[];
  readonly endNote: Note | null;
  readonly throughNote: Note | null;
  readonly pageBar: { readonly y: number; readonly height: number };
  readonly width: number;
  readonly height: number;
}

const LEFT = 20;
const RIGHT = 14;
const GUTTER = 27;
const HEAD = 46; // baseline of the first level's name
const STRIP = 6;
const ENTRY = 20;
const ENTRY_HEIGHT = 20;
const LEAF = 18;
const LEAF_HEIGHT = 19;
const ABOUT = 13; // row of what is said of shadow pages
const MAX_PITCH = 72;
const MIN_PITCH = 56;
const BAR_HEIGHT = 36;
const BAR_GAP = 44;
const LEAF_ENTRIES = 5;

export const STRIP_HEIGHT = 9;
const MIN_WIDTH = 490;

export function layoutWalk(walk: WalkInput, size: { width: number; height: number }): WalkShapes {
  const width = Math.max(size.width, MIN_WIDTH);
  const depth = Math.max(1, ...walk.trees.map((tree) => tree.levels.length));
  const columns = Math.max(walk.trees.length, 1);
  const column = (width - LEFT - RIGHT - GUTTER * (columns - 1)) / columns;
  const leafRows = LEAF_ENTRIES * LEAF_HEIGHT;
  const isShadow = walk.trees.some((tree) => tree.levels.some((level) => level.about !== ""));
  const about = isShadow ? ABOUT : 0;
  const fixed = HEAD + about + LEAF + leafRows + BAR_GAP + BAR_HEIGHT + 10;
  const free = depth > 1 ? (size.height - fixed) / (depth - 1) : MAX_PITCH;
  // The row of a shadow page takes the air above the next level first.
  const least = isShadow ? MIN_PITCH + ABOUT / 2 : MIN_PITCH;
  const pitch = Math.min(MAX_PITCH, Math.max(least, free));
  const trees = walk.trees.map((tree, n) => {
    const x = LEFT + n * (column + GUTTER);
    // Trees of unlike depth stand on the same floor: their leaf levels are side by side.
    const skipped = depth - tree.levels.length;
    return placeTree(tree, { x, width: column, top: HEAD + skipped * pitch, pitch, about });
  });
  const leafTop = HEAD + (depth - 1) * pitch + about + LEAF;
  const barY = Math.max(leafTop + leafRows + BAR_GAP, 0);
  const pageBar = { y: barY, height: BAR_HEIGHT };
  const { lines, endNote } = walkLines(trees, walk, pageBar);
  const past = throughLine(trees, walk, pageBar);
  if (past !== null) lines.push(past.line);
  const throughNote = past?.note ?? null;
  return { trees, lines, endNote, throughNote, pageBar, width, height: barY + BAR_HEIGHT + 10 };
}

interface Column {
  readonly x: number;
  readonly width: number;
  readonly top: number;
  readonly pitch: number;
  readonly about: number; // height of the row of what is said of shadow pages
}

function placeTree(tree: WalkTree, column: Column): TreeBox {
  const last = tree.levels.length - 1;
  const levels = tree.levels.map((level, n): LevelBox => {
    const y = column.top + n * column.pitch;
    const isLeaf = n === last;
    const first = y + column.about + (isLeaf ? LEAF : ENTRY - 6);
    const height = isLeaf ? LEAF_HEIGHT : ENTRY_HEIGHT;
    return {
      level,
      y,
      aboutY: y + ABOUT - 1,
      stripY: y + column.about + STRIP,
      runs: stripRuns(level.strip, column.width).map((run) => ({ ...run, x: column.x + run.x })),
      tickX: column.x + ((level.index + 0.5) / 512) * column.width,
      entries: level.entries.map((entry, row) => ({
        entry,
        y: first + row * height + (isLeaf ? 1 : 0),
        height,
        isOnWalk: entry.index === level.index,
      })),
      isMissing: level.table === null,
    };
  });
  return { tree, x: column.x, width: column.width, levels };
}

/** Runs of equal present entries of a 512-entry table; each is wide enough to be seen. */
export function stripRuns(strip: Uint8Array, width: number): StripRun[] {
  const runs: StripRun[] = [];
  const unit = width / 512;
  let from = 0;
  while (from < strip.length) {
    const state = strip[from] ?? 0;
    let to = from + 1;
    while (to < strip.length && strip[to] === state) to++;
    if (state !== 0) {
      const drawn = Math.max((to - from) * unit, 1.2);
      runs.push({ x: from * unit, width: drawn, state: ENTRY_STATES[state] ?? "." });
    }
    from = to;
  }
  return runs;
}

const round = (value: number): number => Math.round(value * 2) / 2;
const arrowRight = (x: number, y: number): string => `M${x - 5} ${y - 3}l5 3-5 3z`;
const arrowDown = (x: number, y: number): string => `M${x - 3} ${y - 2}l3 5 3-5z`;

function walkLines(trees: readonly TreeBox[], walk: WalkInput, bar: { y: number }) {
  const lines: WalkLine[] = [];
  let endNote: WalkShapes["endNote"] = null;
  trees.forEach((box, n) => {
    const ended = walk.ends !== null && walk.ends.tree === box.tree.key;
    lines.push(...gutterLines(box, ended ? walk.ends?.level : undefined));
    const right = box.x + box.width;
    const next = trees[n + 1];
    const isFirst = box.tree.key === "guest";
    const isShadowed = next?.tree.key === "shadow";
    const from = leafOf(box);
    if (next !== undefined && isFirst && from !== null && !ended && !isShadowed) {
      lines.push(toNextTree(right, from, next.x));
    }
    // Dashed: through the memslot, or to the same gva in the shadow tables.
    const isByHead = isFirst ? isShadowed : box.tree.key === "tdp";
    if (next !== undefined && isByHead) lines.push(headLine(right, next.x));
    if (isFirst || from === null) return;
    if (ended) {
      endNote = { x: right - 6, y: bar.y - 12, text: "the walk ends here" };
      lines.push({ path: `M${right + 1} ${from}h6V${bar.y - 16}h-10`, arrow: "", style: "ends" });
    } else if (box.tree.key === "host" ? walk.hostReachesPage : walk.reachesPage) {
      const x = round(right - 40);
      const path = `M${right + 1} ${from}h6V${bar.y - 14}H${x}V${bar.y - 4}`;
      lines.push({ path, arrow: arrowDown(x, bar.y - 4), style: "solid" });
    }
  });
  return { lines, endNote };
}

/** From the guest's leaf below a shadow tree to the host's head: the gpa, through its memslot. */
function throughLine(trees: readonly TreeBox[], walk: WalkInput, bar: { y: number }) {
  const [guest, shadow, host] = trees;
  if (guest === undefined || host === undefined || shadow?.tree.key !== "shadow") return null;
  const from = leafOf(guest);
  if (from === null || walk.through === "") return null;
  const floor = bar.y - 29;
  const x = shadow.x + shadow.width + 12;
  const start = guest.x + guest.width;
  const path = `M${start + 1} ${from}H${start + 10}V${floor}H${x}V16H${host.x - 5}`;
  const line: WalkLine = { path, arrow: arrowRight(host.x - 2, 16), style: "dashed" };
  // In a narrow tree the gpa says most.
  const isCut = walk.through.length > lettersIn(shadow);
  const text = isCut ? (walk.through.split(",")[0] ?? "") : walk.through;
  return { line, note: { x: shadow.x, y: floor - 4, text } };
}

// One bend per level in the left gutter: from the entry of a level to the name of the next one.
function gutterLines(box: TreeBox, endLevel: number | undefined): WalkLine[] {
  const lines: WalkLine[] = [];
  for (let n = 0; n + 1 < box.levels.length; n++) {
    const [upper, lower] = [box.levels[n], box.levels[n + 1]];
    if (upper === undefined || lower === undefined) break;
    const entry = upper.entries.find((candidate) => candidate.isOnWalk);
    const ends = endLevel !== undefined && upper.level.level <= endLevel;
    if (entry === undefined || ends || lower.isMissing) break;
    const y = round(entry.y + entry.height / 2);
    const x = round(box.x - 9);
    const target = round(lower.y - 4);
    lines.push({
      path: `M${box.x} ${y}H${x}V${target}H${box.x - 3}`,
      arrow: arrowRight(box.x - 1, target),
      style: "solid",
    });
  }
  return lines;
}

function leafOf(box: TreeBox): number | null {
  for (const level of [...box.levels].reverse()) {
    const entry = level.entries.find((candidate) => candidate.isOnWalk);
    if (entry !== undefined && !level.isMissing) return round(entry.y + entry.height / 2);
  }
  return null;
}

function toNextTree(right: number, y: number, nextX: number): WalkLine {
  const head = 16;
  return {
    path: `M${right + 1} ${y}H${right + 10}V${head}H${nextX - 4}`,
    arrow: arrowRight(nextX - 2, head),
    style: "solid",
  };
}

const headLine = (right: number, nextX: number): WalkLine => ({
  path: `M${right + 3} 16H${nextX - 5}`,
  arrow: arrowRight(nextX - 2, 16),
  style: "dashed",
});

/** Cuts the middle of a grouped hex value to fit: `0x8..6ee_1227`. */
export function shortHex(text: string, letters: number): string {
  if (text.length <= letters || !text.startsWith("0x")) return text;
  const tail = letters - 5;
  if (tail < 4) return `${text.slice(0, Math.max(letters - 2, 3))}..`;
  // Zeros next to the cut say nothing.
  return `${text.slice(0, 3)}..${text.slice(-tail).replace(/^[0_]+(?=[0-9a-f_]{4})/, "")}`;
}

/** The head of a tree, "hva 0x7e00_0000_1000", with its value cut to the room beside the title. */
export function headText(box: TreeBox): string {
  const room = Math.floor((box.width - box.tree.title.length * 7.2 - 10) / 6.4);
  const [space = "", value = ""] = box.tree.address.split(" ");
  const whole = value.startsWith("0x") ? value : groupedHex(value);
  return value === "" ? space : `${space} ${shortHex(whole, room - space.length - 1)}`;
}

const lettersIn = (box: TreeBox): number => Math.floor(box.width / 6.4);

/** What is said of a shadow page, cut to the width of its tree. */
export function aboutText(box: TreeBox, { level }: LevelBox): string {
  const room = lettersIn(box);
  return level.about.length <= room ? level.about : `${level.about.slice(0, room - 2)}..`;
}

/** What the five leaf rows and keys may reach: the move of a cursor within the picture. */
interface WalkCursor {
  readonly tree: number;
  readonly level: number; // position in the tree's list, not the table level
  readonly row: number;
}

export type WalkMove = "left" | "right" | "up" | "down";

/** The cursor after a key; it stays where it is at the edges and skips levels without entries. */
export function moveCursor(shapes: WalkShapes, cursor: WalkCursor, move: WalkMove): WalkCursor {
  if (move === "left" || move === "right") {
    const tree = cursor.tree + (move === "right" ? 1 : -1);
    const box = shapes.trees[tree];
    if (box === undefined) return cursor;
    return nearestCursor(box, tree, cursor);
  }
  const step = move === "down" ? 1 : -1;
  const box = shapes.trees[cursor.tree];
  const row = cursor.row + step;
  if (box?.levels[cursor.level]?.entries[row] !== undefined) return { ...cursor, row };
  for (let level = cursor.level + step; ; level += step) {
    const entries = box?.levels[level]?.entries;
    if (entries === undefined) return cursor;
    if (entries.length > 0) return { ...cursor, level, row: step > 0 ? 0 : entries.length - 1 };
  }
}

function nearestCursor(box: TreeBox, tree: number, cursor: WalkCursor): WalkCursor {
  for (let offset = 0; offset < box.levels.length; offset++) {
    for (const level of [cursor.level - offset, cursor.level + offset]) {
      const entries = box.levels[level]?.entries ?? [];
      if (entries.length > 0) return { tree, level, row: Math.min(cursor.row, entries.length - 1) };
    }
  }
  return cursor;
}
