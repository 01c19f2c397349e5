// The words for what becomes of a run, in one list: its order decides which word a run gets.
// Alone in this file, so that the contract can name them without the code that finds them.
// From: the product's list of verdicts.

/** Worst first. */
export const SEVERITY = [
  "fails",
  "crashes",
  "underflows",
  "wrong page",
  "stale mapping",
  "leaks",
  "differs",
  "refuses",
  "emulates",
  "skips",
  "maps",
  "not run",
] as const;
export type VerdictWord = (typeof SEVERITY)[number];
