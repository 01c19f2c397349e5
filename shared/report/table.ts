// Tables of a report: columns with a head and a kind, rows of cells in their order.
// Owns how numbers, kernel text and muted text are set; a table wider than the page scrolls alone.
// From: the interface's tables: figures to the right, mono for what the kernel prints.
import { html, NOTHING, type Content, type Html } from "./html.ts";

export interface Column {
  readonly head: string;
  /** Class of its cells: "num", "mono", "mono wrap", "t2" or "". */
  readonly kind: string;
}

/** `columns("num Step", "mono wrap Plan line")`: the last words that are no class are the head. */
export function columnsOf(...texts: readonly string[]): readonly Column[] {
  return texts.map((text) => {
    const words = text.split(" ");
    const first = words.findIndex((word) => !KINDS.includes(word));
    const at = first < 0 ? words.length : first;
    return { kind: words.slice(0, at).join(" "), head: words.slice(at).join(" ") };
  });
}

const KINDS: readonly string[] = ["num", "mono", "wrap", "t2", "text"];

export interface Row {
  readonly cells: readonly Content[];
  readonly isMarked?: boolean;
}

export function table(columns: readonly Column[], rows: readonly Row[]): Html {
  const heads = columns.map(({ head, kind }) =>
    kind.startsWith("num") ? html`<th class="r">${head}</th>` : html`<th>${head}</th>`,
  );
  const body = rows.map(({ cells, isMarked = false }) => {
    const set = cells.map((cell, i) => html`<td class="${columns[i]?.kind ?? ""}">${cell}</td>`);
    return html`<tr${isMarked ? html` class="open"` : NOTHING}>${set}</tr>
`;
  });
  return html`<div class="scroll"><table>
<thead><tr>${heads}</tr></thead>
<tbody>${body}</tbody></table></div>`;
}
