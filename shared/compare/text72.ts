// Plain text for a mail: 72 columns, ASCII only, wrapped between words.
// Promises no line is longer than asked unless one word alone is; every character is printable
// ASCII.
// From: what the kernel's mailing lists accept; the interface's rule that mono text writes -> and
// !=.

export const MAIL_WIDTH = 72;

const ASCII: Readonly<Record<string, string>> = {
  "→": "->",
  "←": "<-",
  "≠": "!=",
  "≈": "~",
  "−": "-",
  "–": "-",
  "—": "-",
  Δ: "d",
  "·": "-",
  "“": '"',
  "”": '"',
  "‘": "'",
  "’": "'",
  "…": "...",
  "×": "x",
  µ: "u",
  "≤": "<=",
  "≥": ">=",
  "\u00a0": " ",
  "\t": " ",
};

/** Any text in printable ASCII; what has no form there is a question mark. */
export function ascii(text: string): string {
  let out = "";
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    out += ASCII[char] ?? (code >= 32 && code < 127 ? char : "?");
  }
  return out;
}

export interface WrapOptions {
  readonly width?: number;
  /** Before the first line, and before all later ones. */
  readonly first?: string;
  readonly later?: string;
}

/** The words of one paragraph as lines. */
export function wrap(text: string, options: WrapOptions = {}): string[] {
  const { width = MAIL_WIDTH, first = "", later = "" } = options;
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of ascii(text)
    .split(/\s+/)
    .filter((part) => part !== "")) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = later;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  if (!isEmpty) lines.push(line);
  return lines;
}

/** Cut to a width, with ".." where something is missing. */
export function clip(text: string, width: number): string {
  const plain = ascii(text);
  return plain.length <= width ? plain : `${plain.slice(0, Math.max(0, width - 2))}..`;
}

/** A table in columns of the given widths; the last column takes what is left of the line. */
export function columns(rows: readonly (readonly string[])[], widths: readonly number[]): string[] {
  return rows.map((cells) => {
    let line = "";
    cells.forEach((cell, index) => {
      const isLast = index === cells.length - 1;
      const width = isLast ? MAIL_WIDTH - line.length : (widths[index] ?? 8);
      line += isLast ? clip(cell, width) : clip(cell, width - 1).padEnd(width);
    });
    return line.trimEnd();
  });
}
