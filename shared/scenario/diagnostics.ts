// Diagnostics: what is wrong in a scenario text, where, what was expected, the nearest valid word,
// perhaps a fix. Places are offsets and 1-based lines and columns in UTF-16 units, as editors count
// them. Collected, never thrown; at most MAX_DIAGNOSTICS are kept.
import { MAX_DIAGNOSTICS } from "./limits.ts";

/** A stretch of the scenario text: offsets, and the 1-based place of its start. */
export interface SourceRange {
  readonly from: number;
  readonly to: number;
  readonly line: number;
  readonly column: number;
}

/** Offsets of a stretch of the text. */
export interface Place {
  readonly from: number;
  readonly to: number;
}

export interface Fix {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

export interface Diagnostic {
  readonly severity: "error" | "warning";
  readonly from: number;
  readonly to: number;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  readonly message: string;
  /** What would be right here: words, or one description. May be empty. */
  readonly expected: readonly string[];
  readonly nearest?: string;
  readonly fix?: Fix;
}

/** A word of the text. */
export interface Token {
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

export interface Advice {
  readonly expected?: readonly string[];
  readonly nearest?: string | null;
  readonly fix?: Fix;
}

/** Collects diagnostics over one text and turns offsets into places. */
export class Reporter {
  readonly diagnostics: Diagnostic[] = [];
  /** Also counts errors beyond the number kept. */
  errorCount = 0;
  readonly #lineStarts: number[] = [0];
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
      this.#lineStarts.push(at + 1);
    }
  }

  error(at: Place, message: string, advice: Advice = {}): void {
    this.errorCount++;
    this.#add("error", at, message, advice);
  }

  warn(at: Place, message: string, advice: Advice = {}): void {
    this.#add("warning", at, message, advice);
  }

  /**
   * The word within a stretch of the source; the stretch itself when it is not there as written.
   */
  find(word: string, within: Place): Place {
    const from = word === "" ? -1 : this.#text.indexOf(word, within.from);
    return from < 0 || from + word.length > within.to ? within : { from, to: from + word.length };
  }

  range(from: number, to: number): SourceRange {
    return { from, to, ...this.place(from) };
  }

  place(offset: number): { line: number; column: number } {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#lineStarts[low] ?? 0) + 1 };
  }

  #add(severity: Diagnostic["severity"], at: Place, message: string, advice: Advice): void {
    if (this.diagnostics.length >= MAX_DIAGNOSTICS) return;
    const from = Math.min(Math.max(0, at.from), this.#text.length);
    const to = Math.min(Math.max(from, at.to), this.#text.length);
    const start = this.place(from);
    const end = this.place(to);
    const { expected = [], nearest, fix } = advice;
    const hasNearest = nearest !== undefined && nearest !== null;
    this.diagnostics.push({
      severity,
      from,
      to,
      ...start,
      endLine: end.line,
      endColumn: end.column,
      message: printable(hasNearest ? `${message} Did you mean ${nearest}?` : message),
      expected,
      ...(hasNearest ? { nearest } : {}),
      ...(fix ? { fix } : hasNearest ? { fix: { from, to, text: nearest } } : {}),
    });
  }
}

// oxlint-disable-next-line no-control-regex -- these are the characters to be replaced
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Words of the text are quoted in messages, which may end on a terminal: no control characters. */
function printable(message: string): string {
  const clean = message.replaceAll(UNPRINTABLE, "\ufffd");
  return clean.length > 400 ? `${clean.slice(0, 399)}…` : clean;
}
