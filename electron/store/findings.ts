// The table of findings: the broken (or kept) rules of a run, in the order the run gave them.
// Owns the rows only; what a rule is and when it is broken is the rules' own matter.
// Written with the run in one transaction and never changed.
import type Database from "better-sqlite3";
import type { Finding } from "#shared/contract/runs";

const INSERT_FINDING = `INSERT INTO findings
  (run, no, rule, verdict, sentence, evidence, event, pfn, gfn)
  VALUES (@run, @no, @rule, @verdict, @sentence, @evidence, @event, @pfn, @gfn)`;
const SELECT_FINDINGS = `SELECT rule, verdict, sentence, evidence, event, pfn, gfn
  FROM findings WHERE run = ? ORDER BY no`;

export function findingsTable(db: Database.Database) {
  const insert = db.prepare(INSERT_FINDING);
  const select = db.prepare<[number], Finding>(SELECT_FINDINGS);
  return {
    insertAll(run: number, findings: readonly Finding[]): void {
      findings.forEach((finding, no) => insert.run({ run, no, ...finding }));
    },
    readAll: (run: number): Finding[] => select.all(run),
  };
}
