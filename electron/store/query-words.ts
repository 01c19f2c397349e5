// The words of a search field: what people type over a list or a table, before any of it has a
// meaning. Blanks part words; "a phrase" in double quotes is one word, also after a key and a
// colon; a sign before a word (- or !) turns it round. Lists of runs and events read their fields
// alike.

export interface QueryWord {
  readonly isTurned: boolean;
  /** Lower case; "" when the word has no colon, or begins with it. */
  readonly key: string;
  readonly value: string;
  /** The whole word without its sign. */
  readonly text: string;
}

const MAX_WORDS = 40;

export function queryWords(typed: string): QueryWord[] {
  const words: QueryWord[] = [];
  for (const [found] of typed.matchAll(/(?:[^\s"]|"[^"]*"?)+/g)) {
    if (words.length >= MAX_WORDS) break;
    const isTurned = /^[-!]./.test(found);
    const text = (isTurned ? found.slice(1) : found).replaceAll('"', "");
    if (text === "") continue;
    const colon = text.indexOf(":");
    const key = colon > 0 ? text.slice(0, colon).toLowerCase() : "";
    words.push({ isTurned, key, value: text.slice(colon + 1), text });
  }
  return words;
}
