// What the command palette lists for a typed text: scoring, order, and sources that components add.
// Order: prefix of the label, starts of its words, letters in order; equal scores keep recent ones
// first.
// A source with a prefix ("@", "#", "fn ") answers alone for texts that begin with it.
import { onScopeDispose, shallowReactive } from "vue";

export interface PaletteItem {
  readonly id: string;
  readonly title: string;
  readonly context: string; // grey text behind the title
  readonly keys: string; // as declared, "" for none
  readonly why: string; // "" when it can run, else the reason it cannot
  readonly run: () => unknown;
}

export interface PaletteSource {
  readonly prefix: string; // "" joins the list of commands
  readonly title: string; // what the prefix finds
  readonly items: (query: string) => readonly PaletteItem[];
}

export const sources = shallowReactive(new Set<PaletteSource>());

/** Adds a source until the calling component goes away. */
export function usePaletteSource(source: PaletteSource): void {
  sources.add(source);
  onScopeDispose(() => sources.delete(source));
}

const SHOWN = 60;

/** Higher is better; -1: no match. An empty query matches everything equally. */
export function score(query: string, label: string): number {
  const wanted = query.trim().toLowerCase();
  const text = label.toLowerCase();
  if (wanted === "") return 0;
  if (text.startsWith(wanted)) return 3000 - text.length;
  if (matchesWordStarts(wanted, text)) return 2000 - text.length;
  if (text.includes(wanted)) return 1500 - text.length;
  return isSubsequence(wanted, text) ? 1000 - text.length : -1;
}

// Each typed word begins some word of the label, in order: "go ru" finds "Go to Runs".
function matchesWordStarts(wanted: string, text: string): boolean {
  const words = text.split(/[^a-z0-9_]+/);
  let at = 0;
  return wanted.split(/\s+/).every((part) => {
    const found = words.findIndex((word, i) => i >= at && word.startsWith(part));
    at = found + 1;
    return found >= 0;
  });
}

function isSubsequence(wanted: string, text: string): boolean {
  let at = 0;
  for (const letter of wanted.replace(/\s/g, "")) {
    at = text.indexOf(letter, at) + 1;
    if (at === 0) return false;
  }
  return true;
}

/** The best items first; `recent` holds ids, newest first. */
export function rank(
  query: string,
  items: readonly PaletteItem[],
  recent: readonly string[],
): readonly PaletteItem[] {
  const place = new Map(recent.map((id, i) => [id, recent.length - i]));
  return items
    .map((item) => ({ item, points: score(query, item.title) }))
    .filter((row) => row.points >= 0)
    .toSorted(
      (a, b) => b.points - a.points || (place.get(b.item.id) ?? 0) - (place.get(a.item.id) ?? 0),
    )
    .slice(0, SHOWN)
    .map((row) => row.item);
}
