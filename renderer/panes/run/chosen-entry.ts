// Which page-table entry is looked at: the chosen one, else what the event wrote, else the walk's
// end. Pure. An entry carries its value, so that the decoder and the cause chain need no other
// question.
// From: the selection rules of the user interface (an event sets its entry; a click sets another).
import type { Output } from "#shared/contract/methods";
import type { EntryView, LevelView, TreeKey } from "#shared/contract/state";

type Walk = Output<"state.walk">;

export interface ChosenEntry {
  readonly tree: TreeKey;
  readonly level: number;
  readonly index: number;
  readonly table: string | null; // physical address of the table
  readonly value: string; // raw hex
  readonly text: string;
  readonly name: string; // "TDP L1 [001]"
}

export interface EntryKey {
  readonly tree: TreeKey;
  readonly level: number;
  readonly index: number;
}

const isKvm = (tree: TreeKey): boolean => tree === "tdp" || tree === "shadow";
/** An address made in another mode means KVM's tables all the same. */
const isSameTree = (a: TreeKey, b: TreeKey): boolean => a === b || (isKvm(a) && isKvm(b));

export const indexText = (index: number): string => `[${index.toString(16).padStart(3, "0")}]`;

/** The entry at a place of the walk as a chosen one. */
export function entryAt(
  tree: { readonly key: TreeKey; readonly title: string },
  level: LevelView,
  entry: EntryView,
): ChosenEntry {
  return {
    tree: tree.key,
    level: level.level,
    index: entry.index,
    table: level.table,
    value: entry.value,
    text: entry.text,
    name: `${tree.title} ${level.name} ${indexText(entry.index)}`,
  };
}

export function chosenEntry(
  walk: Walk | null,
  wanted: EntryKey | null,
  foreign: ChosenEntry | null,
): ChosenEntry | null {
  if (walk === null) return null;
  if (wanted !== null) return wantedEntry(walk, wanted, foreign);
  return changedEntry(walk) ?? endEntry(walk);
}

function wantedEntry(walk: Walk, wanted: EntryKey, foreign: ChosenEntry | null) {
  for (const tree of walk.trees) {
    const level = tree.levels.find((each) => each.level === wanted.level);
    const entry = level?.entries.find((each) => each.index === wanted.index);
    if (isSameTree(tree.key, wanted.tree) && level !== undefined && entry !== undefined) {
      return entryAt(tree, level, entry);
    }
  }
  const isForeign =
    foreign !== null &&
    isSameTree(foreign.tree, wanted.tree) &&
    foreign.level === wanted.level &&
    foreign.index === wanted.index;
  return isForeign ? foreign : (changedEntry(walk) ?? endEntry(walk));
}

// The lowest changed entry: an event that links a table also writes the leaf below it later.
function changedEntry(walk: Walk): ChosenEntry | null {
  let found: ChosenEntry | null = null;
  for (const tree of walk.trees) {
    for (const level of tree.levels) {
      for (const entry of level.entries) if (entry.changed) found = entryAt(tree, level, entry);
    }
  }
  return found;
}

// Where the second stage ends; without it, where the first or the host's walk does.
function endEntry(walk: Walk): ChosenEntry | null {
  for (const key of ["tdp", "shadow", "guest", "host"]) {
    const tree = walk.trees.find((each) => each.key === key);
    for (const level of (tree?.levels ?? []).toReversed()) {
      const entry = level.entries.find((each) => each.index === level.index);
      if (tree !== undefined && entry !== undefined) return entryAt(tree, level, entry);
    }
  }
  return null;
}
