// The table of settings: small texts that views keep, by key. Owns no meaning: what a key says is
// the view's business; length and form are checked at the contract. Every host of the library sees
// the same values; the last writer wins.
import type Database from "better-sqlite3";

const SELECT_SETTINGS = `SELECT key, value FROM settings ORDER BY key`;
const PUT_SETTING = `INSERT INTO settings (key, value) VALUES (@key, @value)
  ON CONFLICT (key) DO UPDATE SET value = excluded.value`;

export function settingsTable(db: Database.Database) {
  const select = db.prepare<[], { key: string; value: string }>(SELECT_SETTINGS);
  const put = db.prepare(PUT_SETTING);
  return {
    readAll: (): Record<string, string> =>
      Object.fromEntries(select.all().map(({ key, value }) => [key, value])),
    put(key: string, value: string): void {
      put.run({ key, value });
    },
  };
}
