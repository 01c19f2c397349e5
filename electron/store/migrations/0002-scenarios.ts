// Schema version 2: scenarios of the library's own, recovery copies, and deletes that can be
// undone. A deleted run keeps its rows until its mark is swept; the mark alone hides it. The index
// finds the chunk in which a row lies without its number.

export const SCENARIOS = `
CREATE TABLE scenarios (
  name TEXT PRIMARY KEY,
  text TEXT NOT NULL,
  saved_at INTEGER NOT NULL
) STRICT;

CREATE TABLE drafts (
  name TEXT PRIMARY KEY,
  text TEXT NOT NULL,
  saved_at INTEGER NOT NULL
) STRICT;

CREATE TABLE deleted_runs (
  run INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
  deleted_at INTEGER NOT NULL
) STRICT;

CREATE INDEX chunks_by_row ON chunks (run, stream, first_row);
`;
