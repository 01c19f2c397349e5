// The text of a schedule: which thread goes on, how far; read with positions, printed canonically.
// A schedule is the whole difference between two runs of one plan, so it is short, stable text.
// Grammar: "schedule/1" { thread | thread "*" count | thread ":" label | thread "!" | thread "?"
// number | "~" | "#" to line end }.

export type ScheduleItem =
  | { readonly kind: "ticks"; readonly thread: string; readonly count: number }
  | { readonly kind: "label"; readonly thread: string; readonly label: string }
  | { readonly kind: "end"; readonly thread: string }
  | { readonly kind: "outcome"; readonly thread: string; readonly outcome: number };

/** Items in order; then the default policy. */
export type Schedule = readonly ScheduleItem[];

/** What is wrong with a schedule's text, where, and what to do. */
export interface ScheduleProblem {
  readonly from: number;
  readonly end: number;
  readonly message: string;
}

export interface ParsedSchedule {
  readonly schedule: Schedule;
  readonly problems: readonly ScheduleProblem[];
}

export const SCHEDULE_HEAD = "schedule/1";
export const MAX_SCHEDULE_TEXT = 4 << 20;
export const MAX_SCHEDULE_ITEMS = 400_000;
export const MAX_TICKS_AN_ITEM = 1_000_000_000;
const MAX_PROBLEMS = 20;

const WORDS = /#[^\n]*|[^\s#]+/g;
// Threads are named as a scenario names them.
const THREAD = "[A-Za-z_][A-Za-z0-9_-]{0,30}";
const HOW = String.raw`\*([0-9]{1,10})|:([A-Za-z0-9_.]{1,12})|(!)|\?([0-9]{1,2})`;
const ITEM = new RegExp(`^(${THREAD})(?:${HOW})?$`);

export function parseSchedule(text: string): ParsedSchedule {
  const problems: ScheduleProblem[] = [];
  const schedule: ScheduleItem[] = [];
  const problem = (from: number, end: number, message: string): void => {
    if (problems.length < MAX_PROBLEMS) problems.push({ from, end, message });
  };
  if (text.length > MAX_SCHEDULE_TEXT) {
    const most = `use at most ${MAX_SCHEDULE_TEXT}`;
    problem(0, text.length, `The schedule has ${text.length} characters; ${most}.`);
    return { schedule, problems };
  }
  let head = false;
  let rest = false;
  for (const match of text.matchAll(WORDS)) {
    const [word] = match;
    const end = match.index + word.length;
    if (word.startsWith("#")) continue;
    if (!head) {
      head = true;
      if (word !== SCHEDULE_HEAD) {
        problem(
          match.index,
          end,
          `A schedule begins with "${SCHEDULE_HEAD}", not "${clip(word)}".`,
        );
      }
      if (word === SCHEDULE_HEAD) continue;
    }
    if (rest) problem(match.index, end, `Nothing may follow "~"; remove "${clip(word)}".`);
    else if (word === "~") rest = true;
    else if (schedule.length >= MAX_SCHEDULE_ITEMS) {
      const most = `The schedule has more than ${MAX_SCHEDULE_ITEMS} items`;
      problem(match.index, end, `${most}; join repeated threads with "*".`);
      break;
    } else {
      const item = itemOf(word);
      if (typeof item === "string") problem(match.index, end, item);
      else schedule.push(item);
    }
  }
  if (!head) {
    problem(0, text.length, `The text is empty; a schedule begins with "${SCHEDULE_HEAD}".`);
  }
  return { schedule, problems };
}

const clip = (word: string): string => (word.length > 40 ? `${word.slice(0, 40)}…` : word);

function itemOf(word: string): ScheduleItem | string {
  const parts = ITEM.exec(word);
  if (parts === null) {
    return `"${clip(word)}" is no item; use a thread (v0), v0*3, v0:F5, v0!, v0?1 or ~.`;
  }
  const [, thread = "", count, label, end, outcome] = parts;
  if (label !== undefined) return { kind: "label", thread, label };
  if (end !== undefined) return { kind: "end", thread };
  if (outcome !== undefined) return { kind: "outcome", thread, outcome: Number(outcome) };
  const ticks = count === undefined ? 1 : Number(count);
  if (ticks < 1 || ticks > MAX_TICKS_AN_ITEM) {
    return `"${clip(word)}": use 1 to ${MAX_TICKS_AN_ITEM} ticks.`;
  }
  return { kind: "ticks", thread, count: ticks };
}

/** Joins neighbours of one thread; an outcome 0 is an ordinary tick. */
export function canonical(schedule: Schedule): Schedule {
  const items: ScheduleItem[] = [];
  for (const given of schedule) {
    const item: ScheduleItem =
      given.kind === "outcome" && given.outcome === 0
        ? { kind: "ticks", thread: given.thread, count: 1 }
        : given;
    const before = items.at(-1);
    const joins =
      item.kind === "ticks" &&
      before?.kind === "ticks" &&
      before.thread === item.thread &&
      before.count + item.count <= MAX_TICKS_AN_ITEM;
    if (joins) items[items.length - 1] = { ...item, count: before.count + item.count };
    else items.push(item);
  }
  return items;
}

export function printSchedule(schedule: Schedule): string {
  return [SCHEDULE_HEAD, ...schedule.map(printItem)].join(" ");
}

export function printItem(item: ScheduleItem): string {
  switch (item.kind) {
    case "ticks":
      return item.count === 1 ? item.thread : `${item.thread}*${item.count}`;
    case "label":
      return `${item.thread}:${item.label}`;
    case "end":
      return `${item.thread}!`;
    case "outcome":
      return `${item.thread}?${item.outcome}`;
  }
}
