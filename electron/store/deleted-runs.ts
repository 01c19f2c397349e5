// Marks of deleted runs: a marked run is hidden, and comes back when its mark goes. Sweeping
// removes marked runs for good; it is done when the host stops, and later for marks that a crash
// left.
import type Database from "better-sqlite3";

const MARK_RUN = `INSERT INTO deleted_runs (run, deleted_at) VALUES (@run, @deletedAt)
  ON CONFLICT (run) DO NOTHING`;
const UNMARK_RUN = `DELETE FROM deleted_runs WHERE run = ?`;
const SWEEP_RUNS = `DELETE FROM runs
  WHERE id IN (SELECT run FROM deleted_runs WHERE deleted_at < ?)`;

const REMOVE_RUN = `DELETE FROM runs WHERE id IN (SELECT run FROM deleted_runs WHERE run = ?)`;

export function deletedRunsTable(db: Database.Database) {
  const mark = db.prepare(MARK_RUN);
  const unmark = db.prepare(UNMARK_RUN);
  const remove = db.prepare(REMOVE_RUN);
  const sweep = db.prepare(SWEEP_RUNS);
  return {
    mark: (run: number, deletedAt: number): boolean => mark.run({ run, deletedAt }).changes === 1,
    unmark: (run: number): boolean => unmark.run(run).changes === 1,
    /** Removes one run for good, if it is marked. */
    remove: (run: number): boolean => remove.run(run).changes === 1,
    /** Removes runs marked before the moment given; says how many. */
    sweep: (before: number): number => sweep.run(before).changes,
  };
}
