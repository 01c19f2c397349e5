// The filter and the order of a list of runs: words as people type them → a condition with
// parameters. Words look in title, scenario, sentence and note; key:value looks in one column; "-"
// before either turns it round. Nothing that was typed becomes SQL: columns come from the table
// here, values are parameters.
import { type QueryWord, queryWords } from "./query-words.ts";

export interface RunFilter {
  readonly where: string;
  readonly order: string;
  readonly params: Readonly<Record<string, string>>;
}

const TITLE = "COALESCE(l.title, r.title)";
const NOTE = "COALESCE(l.note, '')";
const KEYS: Readonly<Record<string, string>> = {
  lookup: "r.lookup",
  kernel: "r.kernel",
  mode: "r.mode",
  verdict: "r.verdict",
  origin: "r.origin",
  state: "r.state",
  scenario: "r.scenario",
  title: TITLE,
  schedule: "r.schedule",
  engine: "r.engine",
};
const SORTS: Readonly<Record<string, string>> = {
  ...KEYS,
  when: "r.created_at",
  createdAt: "r.created_at",
  events: "r.events",
  ticks: "r.ticks",
  steps: "r.steps",
  bytes: "r.bytes",
  size: "r.bytes",
  durationMs: "r.duration_ms",
  pinned: "COALESCE(l.pinned, 0)",
  id: "r.digest",
};

const escaped = (text: string): string => text.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`);

export function runFilter(q: string, sort: string): RunFilter {
  const params: Record<string, string> = {};
  const terms = queryWords(q).map((word, n) => {
    const term = termOf(word, `p${n}`, params);
    return word.isTurned ? `NOT (${term})` : `(${term})`;
  });
  return { where: terms.length === 0 ? "1" : terms.join(" AND "), order: orderOf(sort), params };
}

function termOf(word: QueryWord, name: string, params: Record<string, string>): string {
  const { key, value, text } = word;
  if (key === "tag") {
    params[name] = value;
    return `EXISTS (SELECT 1 FROM json_each(COALESCE(l.tags, '[]')) t
      WHERE t.value = @${name} COLLATE NOCASE)`;
  }
  if (key === "is" && value === "pinned") return "COALESCE(l.pinned, 0) = 1";
  if (key === "id") {
    params[name] = `${escaped(value)}%`;
    return `r.digest LIKE @${name} ESCAPE '\\'`;
  }
  const column = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
  if (column !== undefined) {
    params[name] = value;
    return `${column} = @${name} COLLATE NOCASE`;
  }
  params[name] = `%${escaped(text)}%`;
  const like = `LIKE @${name} ESCAPE '\\'`;
  return [TITLE, "r.scenario", "r.sentence", NOTE, "r.digest"]
    .map((column) => `${column} ${like}`)
    .join(" OR ");
}

function orderOf(sort: string): string {
  const isDescending = sort.startsWith("-");
  const name = isDescending ? sort.slice(1) : sort;
  const column = Object.hasOwn(SORTS, name) ? SORTS[name] : undefined;
  if (column === undefined) return "r.created_at DESC, r.id DESC";
  const direction = isDescending ? "DESC" : "ASC";
  return `${column} ${direction}, r.id ${direction}`;
}
