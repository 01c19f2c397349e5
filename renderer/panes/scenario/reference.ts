// The rows of the reference: every verb, memory kind and expectation form, found by words.
// Pure. Nothing is written here that the table does not say.
// From: the language's one table.
import type { VerbSpec } from "#shared/scenario/vocabulary-rows";
import { KINDS, OUTCOMES, SENTENCES, VERBS } from "#shared/scenario/vocabulary.table";
import { usageOf } from "#shared/scenario/words";

export interface ReferenceRow {
  readonly name: string;
  readonly args: string; // usage without the name
  readonly doc: string;
  readonly example: string;
  readonly real: string; // what the real machine does, "" for none
  readonly group: "verb" | "memory kind" | "expectation";
  readonly argDocs: readonly { readonly name: string; readonly doc: string }[];
}

const SPECS: readonly VerbSpec[] = VERBS;

export const REFERENCE: readonly ReferenceRow[] = [
  ...SPECS.map((spec) => ({
    name: spec.verb,
    args: usageOf(spec).slice(spec.verb.length + 1),
    doc: spec.doc,
    example: spec.example,
    real: spec.real,
    group: "verb" as const,
    argDocs: spec.args.map((arg) => ({ name: arg.name, doc: arg.doc })),
  })),
  ...KINDS.map((row) => ({
    name: row.kind,
    args: "",
    doc: `${row.doc}.`,
    example: `back B ${row.kind} 64k`,
    real: "",
    group: "memory kind" as const,
    argDocs: [],
  })),
  ...[...SENTENCES, ...OUTCOMES].map((row) => ({
    name: row.form,
    args: "",
    doc: row.doc,
    example: row.example,
    real: "",
    group: "expectation" as const,
    argDocs: [],
  })),
];

/** Rows that hold every word; those whose name begins with the text come first. */
export function findReference(query: string): readonly ReferenceRow[] {
  const words = query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  const holds = (row: ReferenceRow) => {
    const text = `${row.name} ${row.args} ${row.doc} ${row.real} ${row.group}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const first = words[0] ?? "";
  const isFirst = (row: ReferenceRow) => (first !== "" && row.name.startsWith(first) ? 0 : 1);
  return REFERENCE.filter(holds).toSorted((a, b) => isFirst(a) - isFirst(b));
}
