// Which runs are marked in the list, in the order of marking. Values, never changed in place.
// A mark is an id, so it survives sorting and filtering; a range marks what the caller found
// between two rows.

export type Marks = readonly string[];

export const NO_MARKS: Marks = [];

export const toggleMark = (marks: Marks, id: string): Marks =>
  marks.includes(id) ? marks.filter((other) => other !== id) : [...marks, id];

export const addMarks = (marks: Marks, ids: readonly string[]): Marks => [
  ...marks,
  ...ids.filter((id) => !marks.includes(id)),
];

export const dropMarks = (marks: Marks, ids: readonly string[]): Marks =>
  marks.filter((id) => !ids.includes(id));

/** What an action means: the marked runs, or the selected one when none is marked. */
export function subject(marks: Marks, selected: string | null): readonly string[] {
  if (marks.length > 0) return marks;
  return selected === null ? [] : [selected];
}

/** "" when these can be compared, else why not. */
export function whyNoComparison(marks: Marks): string {
  if (marks.length === 2) return "";
  if (marks.length < 2) return "needs two marked runs (Space marks)";
  return `compares two runs, ${marks.length} are marked`;
}
