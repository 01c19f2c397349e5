// What people add to a run: another title, tags, a pin, a note. The run itself stays as it was.
// One row per run that was ever labelled; a title that equals the run's own is kept as null.
// Tags are a JSON list of distinct words in the order given.
import type Database from "better-sqlite3";

export interface Label {
  readonly title?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly pinned?: boolean | undefined;
  readonly note?: string | undefined;
}

const ENSURE_LABEL = `INSERT INTO run_labels (run) VALUES (?) ON CONFLICT (run) DO NOTHING`;
const SET_TITLE = `UPDATE run_labels
  SET title = NULLIF(@title, (SELECT title FROM runs WHERE id = @run))
  WHERE run = @run`;
const SET_TAGS = `UPDATE run_labels SET tags = @tags WHERE run = @run`;
const SET_PINNED = `UPDATE run_labels SET pinned = @pinned WHERE run = @run`;
const SET_NOTE = `UPDATE run_labels SET note = @note WHERE run = @run`;
const SELECT_PINNED = `SELECT pinned FROM run_labels WHERE run = ?`;

export function runLabelsTable(db: Database.Database) {
  const ensure = db.prepare(ENSURE_LABEL);
  const setTitle = db.prepare(SET_TITLE);
  const setTags = db.prepare(SET_TAGS);
  const setPinned = db.prepare(SET_PINNED);
  const setNote = db.prepare(SET_NOTE);
  const pinned = db.prepare<[number], number>(SELECT_PINNED).pluck();
  function change(run: number, label: Label): void {
    ensure.run(run);
    if (label.title !== undefined) setTitle.run({ run, title: label.title.trim() });
    if (label.tags !== undefined) {
      const tags = [...new Set(label.tags.map((tag) => tag.trim()).filter((tag) => tag !== ""))];
      setTags.run({ run, tags: JSON.stringify(tags) });
    }
    if (label.pinned !== undefined) setPinned.run({ run, pinned: label.pinned ? 1 : 0 });
    if (label.note !== undefined) setNote.run({ run, note: label.note });
  }
  return {
    change,
    isPinned: (run: number): boolean => pinned.get(run) === 1,
  };
}
