// Tracked host pages as a trace's PAGE lines tell them: the last line of each name, and the pages
// that were mapped there before until they are free. Compared as states, since a line is printed on
// any change. Counts and entries are exact; three flags follow the host's history and do not count.
// From: the trace files' rule on PAGE lines.
import { joinHalves } from "#shared/units/halves";
import { PAGE_FLAGS, PageForm } from "#shared/events/lab";
import { EVENTS } from "#shared/events/table";
import type { Texts } from "#shared/events/texts";
import type { Renaming, Value } from "./renaming.ts";
import type { TraceRecord } from "./trace.ts";

/** Cells of labPage, as its declaration orders them. */
const slotOf = (name: string): number =>
  EVENTS.labPage.slots.find((slot) => slot.name === name)?.at ?? 0;
const AT = {
  name: slotOf("name"),
  form: slotOf("form"),
  hva: slotOf("hva"),
  pfn: slotOf("pfn"),
  ref: slotOf("ref"),
  map: slotOf("map"),
  order: slotOf("order"),
  flags: slotOf("flags"),
};
const EXACT = ["form", "hva", "pte", "vma", "ref", "raw", "map", "order"].flatMap((name) =>
  EVENTS.labPage.slots.filter((slot) => slot.name === name),
);

const flagBit = (name: (typeof PAGE_FLAGS)[number]): number => 1 << PAGE_FLAGS.indexOf(name);
/** What depends on the memory manager's past, except on the lab's own pages. */
const HISTORY = flagBit("referenced") | flagBit("active") | flagBit("workingset");

const LRU = flagBit("lru");
/** One of them is on each line about a large folio, with the folio's flags behind it. */
const LARGE = flagBit("head") | flagBit("tail");
/**
 * A page of the hugetlb pool is on no LRU list and comes from the pool with the dirty flag that its
 * earlier life left; the lab clears it only on pages that it makes itself.
 */
const isPoolPage = ({ [AT.flags]: flags = 0 }: Int32Array): boolean =>
  (flags & LARGE) !== 0 && (flags & LRU) === 0;
const historyOf = (cells: Int32Array): number =>
  isPoolPage(cells) ? HISTORY | flagBit("dirty") : HISTORY;

export interface PageState {
  current: TraceRecord | null;
  /**
   * Last line of each earlier page of the name in order of first sight, without those that are
   * free. One mapped again keeps its place: if it is unmapped as it was, no line tells it anew.
   */
  readonly olds: TraceRecord[];
  /** Last line of each frame as an earlier page: the lab prints none that says the same again. */
  readonly told: Map<number, TraceRecord>;
  /** Frames of earlier pages that were freed: later lines about them tell of other pages. */
  readonly freed: Set<number>;
  /** Frames seen mapped where all flags count: the lab's own, which keep theirs when unmapped. */
  readonly exact: Set<number>;
  /** Frames of the name that the model gave back, until one is mapped there again. */
  readonly given: Set<number>;
  /** Frame of the page that was mapped before the current one; -1 before the second. */
  before: number;
  /** The current page has the very frame of the one before, which was given back. */
  isReturned: boolean;
}

const noPage = (): PageState => ({
  current: null,
  olds: [],
  told: new Map(),
  freed: new Set(),
  exact: new Set(),
  given: new Set(),
  before: -1,
  isReturned: false,
});

export const pfnOf = (record: TraceRecord): number =>
  joinHalves(record.cells[AT.pfn] ?? 0, record.cells[AT.pfn + 1] ?? 0);
/** First frame of the folio, which is aligned to its size. */
const headOf = (record: TraceRecord): number => {
  const pages = 2 ** (record.cells[AT.order] ?? 0);
  return Math.floor(pfnOf(record) / pages) * pages;
};
const isFreed = (record: TraceRecord): boolean => record.cells[AT.ref] === 0;
const EXCLUSIVE = flagBit("excl");
const OF_USERS = flagBit("anon") | flagBit("lru") | LARGE;
/** Free, someone's own page by now, or the kernel's: not what the name's address showed before. */
const isGone = ({ cells }: TraceRecord): boolean => {
  const { [AT.ref]: ref, [AT.map]: map = 0, [AT.flags]: flags = 0 } = cells;
  return ref === 0 || (map > 0 ? (flags & EXCLUSIVE) !== 0 : (flags & OF_USERS) === 0);
};

/** Earlier pages that are not mapped at the name's address now. */
const earlierOf = (state: PageState | undefined): readonly TraceRecord[] => {
  const { current = null, olds = [] } = state ?? {};
  const isMapped = current !== null && current.cells[AT.form] !== PageForm.absent;
  return isMapped ? olds.filter((old) => pfnOf(old) !== pfnOf(current)) : olds;
};

/** The address of a name's current page. */
export const hvaOf = (record: TraceRecord): number =>
  joinHalves(record.cells[AT.hva] ?? 0, record.cells[AT.hva + 1] ?? 0);

export class PageStates {
  readonly #names = new Map<string, PageState>();
  readonly #texts: Texts;

  constructor(texts: Texts) {
    this.#texts = texts;
  }

  apply(records: readonly TraceRecord[]): void {
    for (const record of records) if (record.id === EVENTS.labPage.id) this.#set(record);
  }

  /** Names in the order in which they were first tracked. */
  names(): readonly string[] {
    return Array.from(this.#names.keys());
  }

  stateOf(name: string): PageState | undefined {
    return this.#names.get(name);
  }

  /** Drops the earlier pages that are free now, and tells their frames: these identities end. */
  takeFreed(): readonly number[] {
    const ended: number[] = [];
    for (const state of this.#names.values()) {
      for (const record of state.olds) if (isFreed(record)) ended.push(pfnOf(record));
      this.#drop(state, isFreed);
    }
    return ended;
  }

  /**
   * The model gave a page or a folio back: its frames may come back as others, or lie free. The
   * result is the frames that are known of it.
   */
  giveBack(head: number): readonly number[] {
    const frames: number[] = [head];
    for (const { current, olds, given } of this.#names.values()) {
      const known = current === null ? olds : [...olds, current];
      for (const record of known) {
        if (headOf(record) !== head) continue;
        given.add(pfnOf(record));
        frames.push(pfnOf(record));
      }
    }
    return frames;
  }

  /** Forgets an earlier page, as if it had been seen free. */
  drop(name: string, old: TraceRecord): void {
    const state = this.#names.get(name);
    if (state !== undefined) this.#drop(state, (record) => record === old);
  }

  #drop(state: PageState, test: (record: TraceRecord) => boolean): void {
    for (let index = state.olds.length - 1; index >= 0; index--) {
      const record = state.olds[index];
      if (record === undefined || !test(record)) continue;
      state.freed.add(pfnOf(record));
      state.olds.splice(index, 1);
    }
  }

  #set(record: TraceRecord): void {
    const name = this.#texts.textOf(record.cells[AT.name] ?? 0);
    const state: PageState = this.#names.get(name) ?? noPage();
    this.#names.set(name, state);
    const pfn = pfnOf(record);
    const known = state.olds.findIndex((old) => pfnOf(old) === pfn);
    if (record.cells[AT.form] !== PageForm.old) {
      state.freed.delete(pfn);
      this.#leave(state, pfn);
      if (state.current !== null) state.before = pfnOf(state.current);
      state.isReturned = state.given.delete(pfn) && state.before === pfn;
      state.current = record;
      return;
    }
    state.told.set(pfn, record);
    if (known >= 0) state.olds[known] = record;
    else if (!state.freed.has(pfn)) state.olds.push(record);
  }

  /** The current page becomes an earlier one: as it was told last, if it was one before. */
  #leave({ current, olds, told }: PageState, pfn: number): void {
    const left = current === null ? pfn : pfnOf(current);
    const last = told.get(left);
    if (left === pfn || last === undefined || olds.some((old) => pfnOf(old) === left)) return;
    olds.push(last);
  }
}

export interface PageDifference {
  readonly name: string;
  readonly real: TraceRecord | null;
  readonly ours: TraceRecord | null;
  readonly field: string;
}

/** The first name whose state differs; `isExact` says of an address whether all flags count. */
export function differingPage(
  real: PageStates,
  ours: PageStates,
  renaming: Renaming,
  isExact: (hva: number) => boolean,
): PageDifference | null {
  for (const name of new Set([...real.names(), ...ours.names()])) {
    const a = real.stateOf(name);
    const b = ours.stateOf(name);
    const mapped = a?.current ?? null;
    const address = mapped ?? b?.current ?? null;
    const judge = { name, renaming, allFlags: address !== null && isExact(hvaOf(address)) };
    const current = compareState(mapped, b?.current ?? null, judge);
    if (current !== null) return current;
    if (mapped !== null && judge.allFlags) a?.exact.add(pfnOf(mapped));
    dropReused(name, real, ours, renaming);
    dropGivenBack(name, real, ours);
    const [olds, others] = [earlierOf(a), earlierOf(b)];
    for (let index = 0; index < Math.max(olds.length, others.length); index++) {
      const before = olds[index] ?? null;
      const allFlags = before !== null && a?.exact.has(pfnOf(before)) === true;
      const old = compareState(before, others[index] ?? null, { ...judge, allFlags });
      if (old !== null) return old;
    }
  }
  return null;
}

/**
 * An earlier page that was freed may have come back at once as another page, so that no line ever
 * said it was free: the renaming then has another partner for its frame.
 */
function dropReused(name: string, real: PageStates, ours: PageStates, renaming: Renaming): void {
  const expected = [...earlierOf(real.stateOf(name))];
  const got = [...earlierOf(ours.stateOf(name))];
  for (const [index, a] of expected.entries()) {
    const b = got[index];
    if (b === undefined || !renaming.isReused(pfnOf(a), pfnOf(b))) continue;
    real.drop(name, a);
    ours.drop(name, b);
  }
}

/**
 * Which free frame the next page gets is the allocator's past: one side's may lie free while the
 * other's is in use again, also as the very next page of the name. Only what the model knows that
 * it gave back is passed over so, and only where the real line agrees that it is gone.
 */
function dropGivenBack(name: string, real: PageStates, ours: PageStates): void {
  const [a, b] = [real.stateOf(name), ours.stateOf(name)];
  if (a === undefined || b === undefined) return;
  const expected = [...earlierOf(a)];
  const got = [...earlierOf(b)];
  const left = expected.find((old) => pfnOf(old) === a.before);
  if (b.isReturned && left !== undefined && isGone(left)) {
    real.drop(name, left);
    expected.splice(expected.indexOf(left), 1);
  }
  const hasReturned = a.current !== null && a.before === pfnOf(a.current);
  for (const [index, old] of got.entries()) {
    if (!b.given.has(pfnOf(old))) continue;
    const pair = expected[index];
    if (pair === undefined ? !hasReturned : !isGone(pair)) continue;
    // Two that lie free are compared like any other: where they went back to shows in their order.
    if (pair !== undefined && isFreed(pair) && isFreed(old)) continue;
    ours.drop(name, old);
    if (pair !== undefined) real.drop(name, pair);
  }
}

interface Judge {
  readonly name: string;
  readonly renaming: Renaming;
  /** Also those that follow the memory manager's past. */
  readonly allFlags: boolean;
}

function compareState(
  real: TraceRecord | null,
  ours: TraceRecord | null,
  judge: Judge,
): PageDifference | null {
  const { name } = judge;
  if (real === null && ours === null) return null;
  if (real === null || ours === null) return { name, real, ours, field: "page" };
  const field = differingPart(real.cells, ours.cells, judge);
  return field === null ? null : { name, real, ours, field };
}

function differingPart(
  real: Int32Array,
  ours: Int32Array,
  { renaming, allFlags }: Judge,
): string | null {
  for (const slot of EXACT) {
    const isWide = slot.kind === "wide";
    const isSame =
      real[slot.at] === ours[slot.at] && (!isWide || real[slot.at + 1] === ours[slot.at + 1]);
    if (!isSame) return slot.name;
  }
  const mask = allFlags ? -1 : ~historyOf(real);
  if (((real[AT.flags] ?? 0) & mask) !== ((ours[AT.flags] ?? 0) & mask)) return "flags";
  const frame = (cells: Int32Array): Value => ({
    lo: cells[AT.pfn] ?? 0,
    hi: cells[AT.pfn + 1] ?? 0,
  });
  return renaming.matchFrame(frame(real), frame(ours)) ? null : "pfn";
}
