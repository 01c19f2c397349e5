// Where an offset stands in a scenario that may not yet be valid: section, line, words before it.
// For completion and hover. Reads single lines, not YAML: while somebody types, the text is seldom
// YAML.
// From: the layout that scenarios have in practice (top-level keys at column 1, one step a line).
import type { Token } from "./diagnostics.ts";
import { KEY_BY_NAME, VERB_BY_NAME } from "./words.ts";

export interface Spot {
  /** The top-level key above; "" at the top level itself. */
  readonly section: string;
  /** Text of the line, and its offset. */
  readonly line: string;
  readonly lineFrom: number;
  /**
   * Words of the step in the line, without dash, prefix and braces; empty outside of lists of
   * steps.
   */
  readonly words: readonly Token[];
  /** The word at the offset; empty where there is none. */
  readonly at: Token;
  /** The step is in map form. */
  readonly isMap: boolean;
}

const WORD = /[A-Za-z0-9_.-]/;

export function spotAt(text: string, offset: number): Spot {
  const place = Math.min(Math.max(0, offset), text.length);
  const lineFrom = text.lastIndexOf("\n", place - 1) + 1;
  const lineEnd = text.indexOf("\n", place);
  const line = text.slice(lineFrom, lineEnd < 0 ? text.length : lineEnd).replace(/\r$/, "");
  const section =
    /^[A-Za-z]/.test(line) && !/^[A-Za-z_]+:/.test(line) ? "" : sectionAbove(text, lineFrom, line);
  const at = wordAt(text, place);
  const isSteps = section === "setup" || section === "steps" || section === "threads";
  const item = isSteps ? /^\s*(?:-\s+)?(\{?)(.*)$/.exec(line) : null;
  const isMap = item?.[1] === "{" || /^\s*(- )?\s*[a-z-]+:(\s|$)/.test(line);
  return { section, line, lineFrom, words: item ? stepWords(line, lineFrom) : [], at, isMap };
}

function sectionAbove(text: string, lineFrom: number, line: string): string {
  const own = /^([A-Za-z_]+):/.exec(line)?.[1];
  if (own !== undefined) return own;
  let end = lineFrom - 1;
  while (end >= 0) {
    const from = text.lastIndexOf("\n", end - 1) + 1;
    const key = /^([A-Za-z_]+):/.exec(text.slice(from, Math.min(end, from + 40)))?.[1];
    if (key !== undefined && KEY_BY_NAME.has(key)) return key;
    end = from - 1;
  }
  return "";
}

function wordAt(text: string, offset: number): Token {
  let from = offset;
  let to = offset;
  while (from > 0 && WORD.test(text[from - 1] ?? "")) from--;
  while (to < text.length && WORD.test(text[to] ?? "")) to++;
  return { text: text.slice(from, to), from, to };
}

function stepWords(line: string, lineFrom: number): Token[] {
  const start = /^\s*(?:-\s+)?/.exec(line)?.[0].length ?? 0;
  const body = line.slice(start).replace(/\s#.*$/, "");
  const words: Token[] = [];
  for (const match of body.matchAll(/[^\s{},]+/g)) {
    const from = lineFrom + start + match.index;
    words.push({ text: match[0], from, to: from + match[0].length });
  }
  const first = words[0];
  if (first && /^v[0-3]$/.test(first.text) && VERB_BY_NAME.has(words[1]?.text ?? "")) words.shift();
  return words;
}

/** Names of backings or pages in the text, in order, by a look at the lines alone. */
export function namesIn(text: string, verb: "back" | "track"): string[] {
  const pattern = new RegExp(`^\\s*- *\\{? *${verb}:?\\s+([A-Za-z_][A-Za-z0-9_-]*)`, "gm");
  return [...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? ""))];
}
