// Two tables of one form, name → text: the library's own scenarios, and recovery
// copies of unsaved text. A name has at most one text in each; the moment of
// saving is kept for lists.
import type Database from "better-sqlite3";

export interface SavedText {
  readonly name: string;
  readonly text: string;
  readonly savedAt: number;
}

const columns = `name, text, saved_at AS savedAt`;
const SQL = {
  scenarios: {
    all: `SELECT ${columns} FROM scenarios ORDER BY name`,
    one: `SELECT ${columns} FROM scenarios WHERE name = ?`,
    put: `INSERT INTO scenarios (name, text, saved_at) VALUES (@name, @text, @savedAt)
      ON CONFLICT (name) DO UPDATE SET text = excluded.text, saved_at = excluded.saved_at`,
    delete: `DELETE FROM scenarios WHERE name = ?`,
  },
  drafts: {
    all: `SELECT ${columns} FROM drafts ORDER BY name`,
    one: `SELECT ${columns} FROM drafts WHERE name = ?`,
    put: `INSERT INTO drafts (name, text, saved_at) VALUES (@name, @text, @savedAt)
      ON CONFLICT (name) DO UPDATE SET text = excluded.text, saved_at = excluded.saved_at`,
    delete: `DELETE FROM drafts WHERE name = ?`,
  },
} as const;

export function textsTable(db: Database.Database, table: keyof typeof SQL) {
  const sql = SQL[table];
  const all = db.prepare<[], SavedText>(sql.all);
  const one = db.prepare<[string], SavedText>(sql.one);
  const put = db.prepare(sql.put);
  const remove = db.prepare(sql.delete);
  return {
    readAll: (): SavedText[] => all.all(),
    read: (name: string): SavedText | null => one.get(name) ?? null,
    put(saved: SavedText): void {
      put.run(saved);
    },
    delete: (name: string): boolean => remove.run(name).changes === 1,
  };
}
