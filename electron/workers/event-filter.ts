// The filter over a run's events: what people type → a test of one row. Words look in name, detail
// and function; keys are kind fn gfn pfn page step thread equal name; "!" or "-" turns a term
// round; all terms must hold. A value that makes no sense lets no row pass. Cheap terms are asked
// first: text is made only for rows that pass everything else.
import { type QueryWord, queryWords } from "../store/query-words.ts";

/** One row as the filter sees it; what costs is asked by a call. */
export interface EventFacts {
  readonly kind: string;
  readonly name: string;
  readonly step: number;
  readonly thread: string;
  readonly equal: "equal" | "differs" | "none";
  readonly gfn: number | null;
  readonly pfn: number | null;
  fn(): string;
  detail(): string;
  /** Names of tracked pages that the row touches. */
  pages(): readonly string[];
}

type Term = (facts: EventFacts) => boolean;

const NOTHING: Term = () => false;

export interface EventFilter {
  readonly isEmpty: boolean;
  matches(facts: EventFacts): boolean;
}

export function eventFilter(typed: string): EventFilter {
  const terms = queryWords(typed).map((word) => {
    const { cost, term } = termOf(word);
    return { cost, term: word.isTurned ? (facts: EventFacts) => !term(facts) : term };
  });
  const ordered = terms.toSorted((a, b) => a.cost - b.cost).map(({ term }) => term);
  return {
    isEmpty: ordered.length === 0,
    matches: (facts) => ordered.every((term) => term(facts)),
  };
}

interface Priced {
  /** 0: a number or a letter; 1: a lookup; 2: text must be made. */
  readonly cost: number;
  readonly term: Term;
}

function termOf({ key, value, text }: QueryWord): Priced {
  const wanted = value.toLowerCase();
  switch (key) {
    case "kind":
      return { cost: 0, term: ({ kind }) => value !== "" && value.toUpperCase().includes(kind) };
    case "step":
      return { cost: 0, term: inRange(value, 10, ({ step }) => step) };
    case "gfn":
      return { cost: 0, term: inRange(value, 16, ({ gfn }) => gfn) };
    case "pfn":
      return { cost: 0, term: inRange(value, 16, ({ pfn }) => pfn) };
    case "equal":
      return { cost: 0, term: equality(wanted) };
    case "thread":
      return { cost: 0, term: ({ thread }) => thread.toLowerCase() === wanted };
    case "name":
      return { cost: 0, term: ({ name }) => name.toLowerCase().includes(wanted) };
    case "fn":
      return { cost: 1, term: (facts) => facts.fn().toLowerCase().includes(wanted) };
    case "page":
      return { cost: 1, term: (facts) => facts.pages().includes(value) };
    default:
      return { cost: 2, term: hasText(text.toLowerCase()) };
  }
}

const hasText =
  (wanted: string): Term =>
  (facts) =>
    facts.name.toLowerCase().includes(wanted) ||
    facts.detail().toLowerCase().includes(wanted) ||
    facts.fn().toLowerCase().includes(wanted);

function equality(wanted: string): Term {
  const words: Readonly<Record<string, EventFacts["equal"]>> = {
    yes: "equal",
    no: "differs",
    none: "none",
  };
  const equal = Object.hasOwn(words, wanted) ? words[wanted] : undefined;
  return equal === undefined ? NOTHING : (facts) => facts.equal === equal;
}

/** `7`, `3-9`; frame numbers also as `0x1_0001`. */
function inRange(value: string, radix: 10 | 16, of: (facts: EventFacts) => number | null): Term {
  const [first = "", last = first, ...more] = value
    .split("-")
    .map((part) => part.replaceAll("_", ""));
  const from = numberOf(first, radix);
  const to = numberOf(last, radix);
  if (from === null || to === null || more.length > 0) return NOTHING;
  return (facts) => {
    const found = of(facts);
    return found !== null && found >= from && found <= to;
  };
}

function numberOf(text: string, radix: 10 | 16): number | null {
  const digits = radix === 16 ? text.replace(/^0x/i, "") : text;
  const isNumber = radix === 16 ? /^[0-9a-f]{1,13}$/i.test(digits) : /^[0-9]{1,9}$/.test(digits);
  return isNumber ? Number.parseInt(digits, radix) : null;
}
