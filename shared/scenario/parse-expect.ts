// The closed sentences of `expect`, from strings, lists and maps, as expectations with pages and
// errors resolved. `- step 7: EFAULT` is a map to YAML and a sentence here; `under V0:` holds for
// the sentences below or behind it.
// From: the sentence forms of vocabulary.table.ts.
import type { Hva } from "#shared/units/address";
import { PAGE_SIZE } from "#shared/units/address";
import type { Place, Reporter } from "./diagnostics.ts";
import type { Claim, Condition, Expectation } from "./expect.ts";
import { MAX_DIAGNOSTICS, MAX_EXPECTATIONS } from "./limits.ts";
import { nearestWord } from "./nearest.ts";
import { readGfn, readOutcome } from "./parse-outcome.ts";
import type { Backing, TrackedPage } from "./plan.ts";
import type { SourceNode } from "./source.ts";
import {
  KNOWN_KERNELS,
  LOOKUP_STATES,
  LOOKUPS,
  MODES,
  SENTENCES,
  VERDICT_WORDS,
} from "./vocabulary.table.ts";
import { SWITCH_BY_NAME } from "./words.ts";

/** What sentences may speak of. */
export interface Subjects {
  readonly stepCount: number;
  readonly backings: readonly Backing[];
  readonly pages: readonly TrackedPage[];
}
interface Sentence {
  readonly head: string;
  readonly headAt: Place;
  readonly tail: string;
  readonly tailAt: Place;
}

export function readExpect(node: SourceNode, subjects: Subjects, report: Reporter): Expectation[] {
  const reader = new ExpectReader(subjects, report);
  reader.node(node, []);
  return reader.found;
}

class ExpectReader {
  readonly found: Expectation[] = [];
  readonly #subjects: Subjects;
  readonly #report: Reporter;

  constructor(subjects: Subjects, report: Reporter) {
    this.#subjects = subjects;
    this.#report = report;
  }

  /** Recursion over the source tree, whose depth is limited. */
  node(node: SourceNode, when: readonly Condition[]): void {
    if (node.kind === "list") {
      for (const item of node.items) {
        if (this.#report.errorCount > MAX_DIAGNOSTICS) return;
        this.node(item, when);
      }
    } else if (node.kind === "scalar") {
      this.#line(clean(node.text), node, when);
    } else {
      for (const { key, value } of node.pairs) this.#pair(clean(key.text), key, value, when);
    }
  }

  #pair(head: string, key: Place, value: SourceNode, when: readonly Condition[]): void {
    const condition = this.#conditions(head, key);
    if (condition === null) return;
    if (condition.length > 0) {
      this.node(value, [...when, ...condition]);
    } else if (value.kind === "scalar") {
      this.#claim({ head, headAt: key, tail: clean(value.text), tailAt: value }, when);
    } else {
      this.#report.error(value, `One value must follow "${head}:".`, { expected: formsOf() });
    }
  }

  /** A sentence in one string; conditions may stand in front of it. */
  #line(text: string, at: Place, when: readonly Condition[]): void {
    const colon = text.indexOf(": ");
    const head = colon < 0 ? text : text.slice(0, colon);
    const tail = colon < 0 ? "" : text.slice(colon + 2);
    const condition = colon < 0 ? [] : this.#conditions(head, at);
    if (condition === null) return;
    if (condition.length === 0) this.#claim({ head, headAt: at, tail, tailAt: at }, when);
    // The rest is shorter, so this ends.
    else this.#line(tail, at, [...when, ...condition]);
  }

  /** The conditions that a head states; [] when it is none; null after an error. */
  #conditions(head: string, at: Place): Condition[] | null {
    const match = /^(under|with) (.+)$/.exec(head);
    if (!match) return [];
    const names = (match[2] ?? "").split(/[, ]+/).filter((name) => name !== "");
    const made = new Map<Condition["axis"], string[]>();
    for (const name of names) {
      const axis = match[1] === "with" ? "switch" : axisOf(name);
      if (axis === null || (axis === "switch" && !SWITCH_BY_NAME.has(name))) {
        this.#unknownName(name, axis, at);
        return null;
      }
      made.set(axis, [...(made.get(axis) ?? []), name]);
    }
    return [...made].map(([axis, of]) => ({ axis, names: of }));
  }

  #unknownName(name: string, axis: Condition["axis"] | null, at: Place): void {
    const isSwitch = axis === "switch";
    const expected = isSwitch
      ? [...SWITCH_BY_NAME.keys()]
      : [...LOOKUPS, ...LOOKUP_STATES, ...KNOWN_KERNELS, ...MODES];
    const what = isSwitch ? "a switch" : "a lookup, kernel or mode";
    const nearest = nearestWord(name, expected);
    const place = this.#report.find(name, at);
    this.#report.error(place, `"${name}" is not ${what}.`, { expected, nearest });
  }

  #claim(sentence: Sentence, when: readonly Condition[]): void {
    if (this.found.length >= MAX_EXPECTATIONS) return;
    const claim = this.#claimOf(sentence);
    if (!claim) return;
    const said = sentence.tail === "" ? sentence.head : `${sentence.head}: ${sentence.tail}`;
    const text = [...when.map(conditionText), said].join(" ");
    const { line, column } = this.#report.range(sentence.headAt.from, sentence.headAt.to);
    const range = { from: sentence.headAt.from, to: sentence.tailAt.to, line, column };
    this.found.push({ when, claim, sentence: text, range });
    if (this.found.length === MAX_EXPECTATIONS) {
      this.#report.warn(sentence.headAt, `Sentences beyond ${MAX_EXPECTATIONS} are not looked at.`);
    }
  }

  #claimOf(sentence: Sentence): Claim | null {
    const { head, tail, tailAt } = sentence;
    const step = /^step ([0-9]+)$/.exec(head);
    if (step) {
      const n = this.#step(step[1], sentence.headAt);
      const outcome = n === null ? null : readOutcome(tail, tailAt, this.#report);
      return n !== null && outcome ? { kind: "step", n, outcome } : null;
    }
    const refs = /^refs of page ([^ ]+)(?: after step ([0-9]+))?$/.exec(head);
    if (refs) return this.#refs(refs[1] ?? "", refs[2], sentence);
    const mapping = /^gfn ([^ ]+)(?: after step ([0-9]+))?$/.exec(head);
    if (mapping) return this.#mapping(mapping[1] ?? "", mapping[2], sentence);
    if (head === "verdict") return this.#verdict(tail, tailAt);
    const finding = /^(no )?finding(?: ([A-Z][0-9]{1,2}))?$/.exec(head);
    if (finding && tail === "" && (finding[1] ?? finding[2]) !== undefined) {
      return { kind: "finding", isBroken: finding[1] === undefined, rule: finding[2] ?? null };
    }
    this.#unknownSentence(sentence);
    return null;
  }

  #unknownSentence(sentence: Sentence): void {
    const first = sentence.head.split(" ")[0] ?? "";
    const nearest = nearestWord(first, [
      "step",
      "refs",
      "gfn",
      "verdict",
      "no",
      "finding",
      "under",
      "with",
    ]);
    const hint = nearest && nearest !== first ? ` Did you mean ${nearest}?` : "";
    const message = `"${sentence.head}" is no sentence that can be checked.${hint}`;
    this.#report.error(sentence.headAt, message, { expected: formsOf() });
  }

  #step(digits: string | undefined, at: Place): number | null {
    const n = Number(digits);
    const { stepCount } = this.#subjects;
    if (n < stepCount) return n;
    const message =
      stepCount === 0
        ? "There are no steps."
        : `There is no step ${n}; the last is step ${stepCount - 1}.`;
    this.#report.error(at, `${message} Steps count from 0 through setup and steps.`);
    return null;
  }

  #refs(page: string, after: string | undefined, { headAt, tail, tailAt }: Sentence): Claim | null {
    const hva = this.#page(page, headAt);
    const step = after === undefined ? null : this.#step(after, headAt);
    if (!/^[0-9]{1,9}$/.test(tail)) {
      this.#report.error(tailAt, `"${tail}" is no count of references.`, {
        expected: ["0", "1", "2"],
      });
      return null;
    }
    if (hva === null || (after !== undefined && step === null)) return null;
    return { kind: "refs", page, hva, after: step, count: Number(tail) };
  }

  #page(text: string, at: Place): Hva | null {
    const match = /^([A-Za-z_][A-Za-z0-9_-]*)(?:\+([0-9]{1,9})p?)?$/.exec(text);
    const { pages, backings } = this.#subjects;
    const named = [...pages, ...backings];
    const base = match && named.find((each) => each.name === match[1]);
    // Proof: a base below 2^47 and at most 10^9 pages stay far below 2^53.
    if (base) return (base.hva + Number(match[2] ?? 0) * PAGE_SIZE) as Hva;
    const expected = named.map((each) => each.name);
    const nearest = nearestWord(match?.[1] ?? text, expected);
    const place = this.#report.find(match?.[1] ?? text, at);
    const message = `"${text}" is no tracked page or backing.`;
    this.#report.error(place, message, { expected, nearest });
    return null;
  }

  #mapping(
    text: string,
    after: string | undefined,
    { headAt, tail, tailAt }: Sentence,
  ): Claim | null {
    const gfn = readGfn(text, headAt, this.#report);
    const step = after === undefined ? null : this.#step(after, headAt);
    const states = ["writable", "read-only", "mapped", "not mapped"] as const;
    const state = states.find((each) => each === tail);
    if (!state) {
      const nearest = nearestWord(tail, states);
      this.#report.error(tailAt, `"${tail}" is no state of a mapping.`, {
        expected: states,
        nearest,
      });
      return null;
    }
    if (gfn === null || (after !== undefined && step === null)) return null;
    return { kind: "mapping", gfn, after: step, state };
  }

  #verdict(tail: string, at: Place): Claim | null {
    const word = VERDICT_WORDS.find((each) => each === tail);
    if (word) return { kind: "verdict", word };
    const nearest = nearestWord(tail, VERDICT_WORDS);
    this.#report.error(at, `"${tail}" is no verdict.`, { expected: VERDICT_WORDS, nearest });
    return null;
  }
}

const clean = (text: string): string => text.trim().replaceAll(/\s+/g, " ");
const formsOf = (): string[] => SENTENCES.map((row) => row.form);

function axisOf(name: string): "lookup" | "kernel" | "mode" | null {
  const lookups: readonly string[] = [...LOOKUPS, ...LOOKUP_STATES];
  if (lookups.includes(name)) return "lookup";
  if ((MODES as readonly string[]).includes(name)) return "mode";
  return /^[0-9]{1,2}\.[0-9]{1,2}$/.test(name) ? "kernel" : null;
}

const conditionText = (condition: Condition): string =>
  `${condition.axis === "switch" ? "with" : "under"} ${condition.names.join(", ")}:`;
