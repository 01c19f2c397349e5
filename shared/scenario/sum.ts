// Sums of numbers and names: `D+0x1000`, `B+16M`, `P+5p`, `64k`; the only arithmetic of the
// language. Exact over 64 bits. K and G are ours and are printed in the lab's letters, so a
// canonical sum runs on the real machine.
// From: the agent's number reader: C notation (a leading 0 is octal), suffixes k, M, p (pages of 4
// KiB), names D, P, S, backings.
import type { Word } from "#shared/units/halves";
import { highHalf, lowHalf } from "#shared/units/halves";
import { DATA_GPA, DATA_GVA, SYSTEM_HVA } from "./limits.ts";

export type Space = "gva" | "gpa" | "hva";

export interface Sum {
  /** The value when it is below 2^53; else null. */
  readonly number: number | null;
  readonly word: Word;
  /** As the lab reads it. */
  readonly canonical: string;
  /** Address spaces of the names in it, in order. */
  readonly spaces: readonly Space[];
}

export interface SumProblem {
  /** Offsets in the text. */
  readonly from: number;
  readonly to: number;
  readonly message: string;
  readonly isName: boolean;
  /** A wrong ending only: the number without it. */
  readonly nearest?: string;
}

export const NAMED: ReadonlyMap<string, { readonly value: number; readonly space: Space }> =
  new Map([
    ["D", { value: DATA_GVA, space: "gva" }],
    ["P", { value: DATA_GPA, space: "gpa" }],
    ["S", { value: SYSTEM_HVA, space: "hva" }],
  ] as const);

const NUMBER = /^(0[xX][0-9a-fA-F]+|[0-9]+)([a-zA-Z]*)$/;
const SCALES: ReadonlyMap<string, { readonly scale: number; readonly canonical: string }> = new Map(
  [
    ["", { scale: 1, canonical: "" }],
    ["k", { scale: 2 ** 10, canonical: "k" }],
    ["K", { scale: 2 ** 10, canonical: "k" }],
    ["M", { scale: 2 ** 20, canonical: "M" }],
    ["p", { scale: 2 ** 12, canonical: "p" }],
    ["G", { scale: 2 ** 30, canonical: "M" }],
  ],
);
const END = 2n ** 64n;

interface Term {
  readonly value: number | bigint;
  readonly canonical: string;
  readonly space: Space | null;
}

/** Reads a sum; `backingHva` gives a backing's address, or undefined for an unknown name. */
export function readSum(
  text: string,
  backingHva: (name: string) => number | undefined,
): Sum | SumProblem {
  let total = 0;
  let wide: bigint | null = null;
  const canonical: string[] = [];
  const spaces: Space[] = [];
  let from = 0;
  for (const part of text.split("+")) {
    const term = readTerm(part, from, backingHva);
    if ("message" in term) return term;
    from += part.length + 1;
    canonical.push(term.canonical);
    if (term.space) spaces.push(term.space);
    if (
      wide === null &&
      typeof term.value === "number" &&
      Number.isSafeInteger(total + term.value)
    ) {
      total += term.value;
    } else {
      wide = (wide ?? BigInt(total)) + BigInt(term.value);
    }
  }
  if (wide !== null && wide >= END) {
    return { from: 0, to: text.length, message: `${text} does not fit 64 bits.`, isName: false };
  }
  const number =
    wide === null ? total : wide <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(wide) : null;
  const word =
    number === null && wide !== null
      ? { lo: Number(BigInt.asIntN(32, wide)), hi: Number(BigInt.asIntN(32, wide >> 32n)) }
      : { lo: lowHalf(number ?? 0), hi: highHalf(number ?? 0) };
  return { number, word, canonical: canonical.join("+"), spaces };
}

function readTerm(
  part: string,
  from: number,
  backingHva: (name: string) => number | undefined,
): Term | SumProblem {
  const to = from + part.length;
  if (part === "")
    return { from, to: to + 1, message: "A number or name is missing.", isName: false };
  const match = NUMBER.exec(part);
  if (match) return readNumber(match, from);
  // As in the agent, a backing hides the names D, P and S; the checks refuse such a backing.
  const hva = backingHva(part);
  if (hva !== undefined) return { value: hva, canonical: part, space: "hva" };
  const named = NAMED.get(part);
  if (named) return { value: named.value, canonical: part, space: named.space };
  return {
    from,
    to,
    message: `"${part}" is neither a number nor a name defined above.`,
    isName: true,
  };
}

function readNumber(match: RegExpExecArray, from: number): Term | SumProblem {
  const [whole = "", digits = "", suffix = ""] = match;
  const to = from + whole.length;
  const scale = SCALES.get(suffix);
  if (!scale) {
    const message = `"${whole}" is not a number: it may end with k, M, G or p.`;
    const nearest = nearestEnding(suffix);
    return {
      from,
      to,
      message,
      isName: false,
      ...(nearest === null ? {} : { nearest: digits + nearest }),
    };
  }
  if (/^0[0-9]*[89]/.test(digits)) {
    const message = `"${whole}" begins with 0 and so is octal, where 8 and 9 are no digits.`;
    return { from, to, message, isName: false };
  }
  const isOctal = /^0[0-7]+$/.test(digits);
  const literal = isOctal ? `0o${digits}` : digits;
  const small = Number(literal) * scale.scale;
  const value = Number.isSafeInteger(small) ? small : BigInt(literal) * BigInt(scale.scale);
  const canonical = suffix === "G" ? `${BigInt(literal) * 1024n}M` : digits + scale.canonical;
  return { value, canonical, space: null };
}

/** `kk`, `kb`, `KiB`, `m`, `pages`: the first letter tells what was meant. */
function nearestEnding(suffix: string): string | null {
  const first = suffix[0]?.toLowerCase() ?? "";
  if (first === "k" || first === "p") return first;
  if (first === "m" || first === "g") return first.toUpperCase();
  return first === "b" ? "" : null;
}
