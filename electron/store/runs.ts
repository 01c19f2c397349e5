// The table of runs: written once, then only read, hidden or swept. Owns the row form of a run and
// the one query behind lists; labels and delete marks are joined in, never copied. A row's `detail`
// is JSON text, so that read-only SQL over a library can look into it.
import type Database from "better-sqlite3";
import type { RunSummary } from "#shared/contract/runs";
import type { RunFilter } from "./run-filter.ts";

/** What a run says of itself; title, tags, pin and note may be replaced by labels later. */
export type NewRun = Omit<RunSummary, "bytes" | "createdAt" | "tags" | "pinned" | "note"> & {
  readonly text: string;
  /** JSON of everything else a view of the run needs. */
  readonly detail: string;
};

export interface RunRecordRow {
  readonly key: number;
  readonly summary: RunSummary;
  readonly text: string;
  readonly detail: string;
}

/** A row as it is selected: a summary but for the two values that SQLite has no type for. */
type SummaryRow = Omit<RunSummary, "tags" | "pinned"> & {
  readonly key: number;
  readonly tags: string;
  readonly pinned: number;
};

const SUMMARY_COLUMNS = `r.id AS key, r.digest AS id, COALESCE(l.title, r.title) AS title,
  r.scenario, r.scenario_digest AS scenarioDigest, r.kernel, r.mode, r.lookup, r.schedule,
  r.origin, r.state, r.verdict, r.sentence, r.engine, r.steps, r.ticks, r.events, r.bytes,
  r.created_at AS createdAt, r.duration_ms AS durationMs, COALESCE(l.tags, '[]') AS tags,
  COALESCE(l.pinned, 0) AS pinned, COALESCE(l.note, '') AS note`;
const FROM_RUNS = `FROM runs r
  LEFT JOIN run_labels l ON l.run = r.id LEFT JOIN deleted_runs d ON d.run = r.id`;
const INSERT_RUN = `INSERT INTO runs (digest, title, scenario, scenario_digest,
  kernel, mode, lookup, schedule, origin, state, verdict, sentence, engine,
  steps, ticks, events, bytes, created_at, duration_ms, text, detail)
  VALUES (@id, @title, @scenario, @scenarioDigest,
  @kernel, @mode, @lookup, @schedule, @origin, @state, @verdict,
  @sentence, @engine, @steps, @ticks, @events, @bytes, @createdAt, @durationMs, @text, @detail)`;
const SELECT_KEY = `SELECT id FROM runs WHERE digest = ?`;
const SELECT_RUN = `SELECT ${SUMMARY_COLUMNS}, r.text, r.detail ${FROM_RUNS}
  WHERE r.digest = ? AND d.run IS NULL`;
const SELECT_BY_PREFIX = `SELECT r.digest ${FROM_RUNS}
  WHERE r.digest >= @low AND r.digest < @high AND d.run IS NULL ORDER BY r.digest LIMIT 2`;
const COUNT_RUNS = `SELECT count(*) ${FROM_RUNS} WHERE d.run IS NULL`;

function toSummary({ key: _key, tags, pinned, ...row }: SummaryRow): RunSummary {
  // Written by run-labels.ts alone, so its form is known.
  return { ...row, tags: JSON.parse(tags) as string[], pinned: pinned === 1 };
}

export function runsTable(db: Database.Database) {
  const key = db.prepare<[string], number>(SELECT_KEY).pluck();
  const one = db.prepare<[string], SummaryRow & { text: string; detail: string }>(SELECT_RUN);
  const byPrefix = db.prepare<[{ low: string; high: string }], string>(SELECT_BY_PREFIX).pluck();
  const count = db.prepare<[], number>(COUNT_RUNS).pluck();
  const lists = new Map<string, { page: Database.Statement; total: Database.Statement }>();

  function listStatements(filter: RunFilter) {
    const name = `${filter.where}\n${filter.order}`;
    let found = lists.get(name);
    if (found === undefined) {
      const where = `WHERE d.run IS NULL AND ${filter.where}`;
      found = {
        page: db.prepare(
          `SELECT ${SUMMARY_COLUMNS} ${FROM_RUNS} ${where}
            ORDER BY ${filter.order} LIMIT @count OFFSET @from`,
        ),
        total: db.prepare(`SELECT count(*) ${FROM_RUNS} ${where}`).pluck(),
      };
      if (lists.size >= 64) lists.clear();
      lists.set(name, found);
    }
    return found;
  }

  return {
    insert(run: NewRun, bytes: number, createdAt: number): number {
      const { lastInsertRowid } = db.prepare(INSERT_RUN).run({ ...run, bytes, createdAt });
      return Number(lastInsertRowid);
    },
    /** The row's key, deleted runs included; null when the run was never stored. */
    keyOf: (digest: string): number | null => key.get(digest) ?? null,
    read(digest: string): RunRecordRow | null {
      const row = one.get(digest);
      if (row === undefined) return null;
      const { text, detail, ...summary } = row;
      return { key: row.key, summary: toSummary(summary), text, detail };
    },
    /** Full ids that begin with `prefix`, at most two: more than one means "say more digits". */
    idsWithPrefix: (prefix: string): string[] => byPrefix.all({ low: prefix, high: `${prefix}g` }),
    list(filter: RunFilter, from: number, count: number): { rows: RunSummary[]; total: number } {
      const { page, total } = listStatements(filter);
      const rows = page.all({ ...filter.params, from, count }) as SummaryRow[]; // SUMMARY_COLUMNS
      return { rows: rows.map(toSummary), total: Number(total.get(filter.params)) };
    },
    count: (): number => count.get() ?? 0,
  };
}
