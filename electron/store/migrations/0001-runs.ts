// Schema version 1: runs, what people add to them, their chunks and findings, and settings.
// Runs are immutable; whatever changes later is in run_labels.
// Chunks are rows of 13–26 KB, so their table keeps its rowid.

export const RUNS = `
CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  digest TEXT NOT NULL UNIQUE CHECK (length(digest) = 16),
  title TEXT NOT NULL,
  scenario TEXT NOT NULL,
  scenario_digest TEXT NOT NULL,
  kernel TEXT NOT NULL,
  mode TEXT NOT NULL,
  lookup TEXT NOT NULL,
  schedule TEXT NOT NULL,
  origin TEXT NOT NULL,
  state TEXT NOT NULL,
  verdict TEXT NOT NULL,
  sentence TEXT NOT NULL,
  engine TEXT NOT NULL,
  steps INTEGER NOT NULL,
  ticks INTEGER NOT NULL,
  events INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  duration_ms REAL NOT NULL,
  text TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;
CREATE INDEX runs_by_created_at ON runs (created_at);

CREATE TABLE run_labels (
  run INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
  title TEXT,
  tags TEXT NOT NULL DEFAULT '[]',
  pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
  note TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE chunks (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  stream TEXT NOT NULL,
  no INTEGER NOT NULL,
  first_row INTEGER NOT NULL,
  rows INTEGER NOT NULL CHECK (rows > 0),
  codec INTEGER NOT NULL,
  crc32 INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  UNIQUE (run, stream, no)
) STRICT;

CREATE TABLE findings (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  no INTEGER NOT NULL,
  rule TEXT NOT NULL,
  verdict TEXT,
  sentence TEXT NOT NULL,
  evidence TEXT NOT NULL,
  event INTEGER,
  pfn INTEGER,
  gfn INTEGER,
  UNIQUE (run, no)
) STRICT;

CREATE TABLE settings (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;
`;
