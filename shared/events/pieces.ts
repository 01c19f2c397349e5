// The pieces printed bodies are made of: literal text, numbers in printk's forms, words for codes.
// Owns scan and print of each as inverses; a body is a list of them, put together by `line`.
// From: Documentation/core-api/printk-formats.rst; kernel/trace/trace_output.c (flag lists).
import { hexOfHalves } from "#shared/units/hex";
import { CELLS } from "./declare.ts";
import type { Piece, PrintContext, Scan, Slot } from "./declare.ts";

const ZERO = 48;
const NINE = 57;

/** The value of a lower-case hex digit, or -1. */
function hexDigit(code: number): number {
  if (code >= ZERO && code <= NINE) return code - ZERO;
  return code >= 97 && code <= 102 ? code - 87 : -1;
}

/** Remembers the furthest place where a scan stopped; always -1. @internal */
export function fail(scan: Scan, at: number): -1 {
  if (at > scan.failedAt) scan.failedAt = at;
  return -1;
}

/** @internal */
export const cellAt = (cells: Int32Array, index: number): number => cells[index] ?? 0;

export function literal(text: string): Piece {
  return {
    scan: (scan, from) =>
      scan.text.startsWith(text, from) ? from + text.length : fail(scan, from),
    print: () => text,
  };
}

/** Hex digits into the slot's cells; more than the slot can hold do not fit. */
function scanHex(slot: Slot): Piece["scan"] {
  const single = slot.kind === "int";
  const most = single ? 8 : 16;
  return (scan, from) => {
    let lo = 0;
    let hi = 0;
    let at = from;
    for (let digit = hexDigit(scan.text.charCodeAt(at)); digit >= 0;) {
      hi = (hi << 4) | (lo >>> 28);
      lo = (lo << 4) | digit;
      at += 1;
      digit = hexDigit(scan.text.charCodeAt(at));
    }
    if (at === from || (at - from > most && scan.text.charCodeAt(from) !== ZERO)) {
      return fail(scan, at);
    }
    const cell = scan.base + slot.at;
    scan.cells[cell] = lo;
    if (!single) scan.cells[cell + 1] = hi;
    return at;
  };
}

const hexText = (slot: Slot, cells: Int32Array, base: number): string =>
  hexOfHalves(
    cellAt(cells, base + slot.at),
    slot.kind === "int" ? 0 : cellAt(cells, base + slot.at + 1),
  );

/** `%x`, `%llx`: lower case, no prefix, no padding. */
export const hex = (slot: Slot): Piece => ({
  scan: scanHex(slot),
  print: (cells, base) => hexText(slot, cells, base),
});

/** `%016llx` and the like: zero filled to a width. */
export const paddedHex = (slot: Slot, width: number): Piece => ({
  scan: scanHex(slot),
  print: (cells, base) => hexText(slot, cells, base).padStart(width, "0"),
});

/** `%d` inside int32. A slot of two cells takes the value sign-extended. */
export function dec(slot: Slot): Piece {
  return {
    scan: (scan, from) => {
      const negative = scan.text.charCodeAt(from) === 45;
      const first = negative ? from + 1 : from;
      let at = first;
      let value = 0;
      for (let code = scan.text.charCodeAt(at); code >= ZERO && code <= NINE;) {
        value = value * 10 + code - ZERO;
        at += 1;
        code = scan.text.charCodeAt(at);
      }
      if (at === first || value >= 2 ** 31) return fail(scan, at);
      const cell = scan.base + slot.at;
      scan.cells[cell] = negative ? -value : value;
      if (slot.kind !== "int") scan.cells[cell + 1] = negative ? -1 : 0;
      return at;
    },
    print: (cells, base) => String(cellAt(cells, base + slot.at)),
  };
}

/** One of the words, by index. The longest word that fits is taken. */
export const oneOf = (slot: Slot, words: readonly string[]): Piece =>
  named(slot, new Map(words.entries()));

/** The names of a code object `{ name: number }`, as the model uses them. */
export const codeOf = (slot: Slot, codes: Readonly<Record<string, number>>): Piece =>
  named(slot, new Map(Object.entries(codes).map(([name, value]) => [value, name])));

/** A number that is none of the names is printed with a question mark. */
function named(slot: Slot, names: ReadonlyMap<number, string>): Piece {
  const order = [...names].sort(([, a], [, b]) => b.length - a.length);
  const unknown = dec(slot);
  return {
    scan: (scan, from) => {
      for (const [value, text] of order) {
        if (!scan.text.startsWith(text, from)) continue;
        scan.cells[scan.base + slot.at] = value;
        return from + text.length;
      }
      return scan.text[from] === "?" ? unknown.scan(scan, from + 1) : fail(scan, from);
    },
    print: (cells, base) => {
      const value = cellAt(cells, base + slot.at);
      return names.get(value) ?? `?${value}`;
    },
  };
}

/** A word without blanks. */
export const word = (slot: Slot): Piece => textUntil(slot, " ");
/** Everything up to the end of the body, also nothing. */
export const rest = (slot: Slot): Piece => textUntil(slot, null);

function textUntil(slot: Slot, stop: string | null): Piece {
  return {
    scan: (scan, from) => {
      const blank = stop === null ? -1 : scan.text.indexOf(stop, from);
      const end = blank < 0 ? scan.text.length : blank;
      if (end === from && stop !== null) return fail(scan, from);
      scan.cells[scan.base + slot.at] = scan.texts.idOf(scan.text.slice(from, end));
      return end;
    },
    print: (cells, base, context) => context.texts.textOf(cellAt(cells, base + slot.at)),
  };
}

/** Pieces that only some kernels print. Where they are missing the cells stay 0. */
export function only(test: (context: PrintContext) => boolean, body: readonly Piece[]): Piece {
  return {
    scan: (scan, from) => (test(scan) ? scanPieces(body, scan, from) : from),
    print: (cells, base, context) => (test(context) ? printPieces(body, cells, base, context) : ""),
  };
}

/**
 * Bodies that differ in shape: the slot says which. The first that fits to the end is taken.
 * `last` is the event's last slot: what a failed try has left up to there is wiped.
 */
export function variants(slot: Slot, last: Slot, shapes: readonly (readonly Piece[])[]): Piece {
  return {
    scan: (scan, from) => {
      for (const [index, shape] of shapes.entries()) {
        scan.cells.fill(0, scan.base + slot.at, scan.base + last.at + CELLS[last.kind]);
        if (scanPieces(shape, scan, from) !== scan.text.length) continue;
        scan.cells[scan.base + slot.at] = index;
        return scan.text.length;
      }
      return -1;
    },
    print: (cells, base, context) =>
      printPieces(shapes[cellAt(cells, base + slot.at)] ?? [], cells, base, context),
  };
}

/** Template of a body: literal text with pieces between. */
export function line(strings: TemplateStringsArray, ...pieces: readonly Piece[]): readonly Piece[] {
  const body: Piece[] = [];
  for (const [index, text] of strings.entries()) {
    if (text !== "") body.push(literal(text));
    const next = pieces[index];
    if (next !== undefined) body.push(next);
  }
  return body;
}

/** Scans the pieces in a row; -1 when one does not fit. */
export function scanPieces(pieces: readonly Piece[], scan: Scan, from: number): number {
  let at = from;
  for (const piece of pieces) {
    at = piece.scan(scan, at);
    if (at < 0) return -1;
  }
  return at;
}

export function printPieces(
  pieces: readonly Piece[],
  cells: Int32Array,
  base: number,
  context: PrintContext,
): string {
  let out = "";
  for (const piece of pieces) out += piece.print(cells, base, context);
  return out;
}
