// HTML as a value that cannot be mixed up with text: the template escapes every string it is given.
// Promises that a value never leaves its place: not a tag, not an attribute, not a comment,
// whatever it holds.
// From: the HTML standard's rules for text and double-quoted attribute values.

/** Markup that was made by `html`; strings are never taken for it. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Content = Html | string | number | null | readonly Content[];

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "`": "&#96;",
};

/** Control characters that no HTML text may hold. */
const FORBIDDEN = /[\p{Cc}--[\t\n\r]]/gv;

/**
 * Text safe between tags and in quoted attributes; control characters become the replacement sign.
 */
export function escapeText(text: string): string {
  return text
    .toWellFormed()
    .replace(/[&<>"'`]/g, (char) => ESCAPES[char] ?? "")
    .replace(FORBIDDEN, "\ufffd");
}

function flat(content: Content): string {
  if (content === null) return "";
  if (content instanceof Html) return content.text;
  if (typeof content === "object") return content.map(flat).join("");
  return escapeText(String(content));
}

/** Markup of the template itself, with every value escaped that is not markup already. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Html {
  let text = strings[0] ?? "";
  values.forEach((value, index) => {
    text += flat(value) + (strings[index + 1] ?? "");
  });
  return new Html(text);
}

export const NOTHING = new Html("");
