// The strings of a trace: names of tracked pages, plan lines, lists. A cell holds their number.
// Owns the numbering: the order of first appearance, so the same trace gives the same numbers.
// From: the string pool of the house's own column formats.

export interface Texts {
  /** The number of a string; a new string gets the next one. */
  idOf(text: string): number;
  /** The string of a number; an unknown number is the empty string. */
  textOf(id: number): string;
  /** All strings in the order of their numbers. */
  all(): readonly string[];
}

/** A string table that starts with the given strings, numbered from 0. */
export function makeTexts(initial: readonly string[] = []): Texts {
  const list: string[] = [];
  const numbers = new Map<string, number>();
  const idOf = (text: string): number => {
    const known = numbers.get(text);
    if (known !== undefined) return known;
    numbers.set(text, list.length);
    list.push(text);
    return list.length - 1;
  };
  for (const text of initial) idOf(text);
  return { idOf, textOf: (id) => list[id] ?? "", all: () => list };
}
