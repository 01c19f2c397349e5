// The language's reference as rows: verbs, memory kinds, keys, bounds, switches, sentences, each
// with usage, sentence, example. One list for the editor's reference tab and for the generated
// reference page.
// From: the vocabulary tables.
import { SWITCHES } from "./switches.table.ts";
import type { VerbSpec } from "./vocabulary-rows.ts";
import { BOUNDS, CONDITIONS, KEYS, KINDS, OUTCOMES, SENTENCES, VERBS } from "./vocabulary.table.ts";
import { usageOf } from "./words.ts";

export interface ReferenceRow {
  readonly group:
    "verb" | "kind" | "key" | "bound" | "switch" | "sentence" | "outcome" | "condition";
  readonly name: string;
  /** How it is written. */
  readonly usage: string;
  readonly doc: string;
  readonly example: string;
  /** Verbs: what a real machine does. Switches: the act that they change. Else "". */
  readonly real: string;
  /** Verbs: the arguments, `name: what it is`. */
  readonly args: readonly string[];
}

export function referenceRows(): ReferenceRow[] {
  return [
    ...VERBS.map(verbRow),
    ...KINDS.map((row) => plain("kind", row.kind, row.kind, row.doc, `back B ${row.kind} 64k`)),
    ...KEYS.map((row) => plain("key", row.key, `${row.key}:`, row.doc, row.example)),
    ...BOUNDS.map((row) =>
      plain(
        "bound",
        row.name,
        `${row.name}: ${row.min}–${row.max}`,
        row.doc,
        `${row.name}: ${row.max}`,
      ),
    ),
    ...SENTENCES.map((row) => plain("sentence", row.form, row.form, row.doc, row.example)),
    ...OUTCOMES.map((row) => plain("outcome", row.form, row.form, row.doc, row.example)),
    ...CONDITIONS.map((row) => plain("condition", row.form, row.form, row.doc, row.example)),
    ...SWITCHES.map((row) => ({
      ...plain("switch", row.name, row.name, row.doc, `switches: [${row.name}]`),
      real: row.act,
    })),
  ];
}

function verbRow(spec: VerbSpec): ReferenceRow {
  const args = spec.args.map((arg) => `${arg.name}: ${arg.doc}`);
  const { verb, doc, example, real } = spec;
  return { group: "verb", name: verb, usage: usageOf(spec), doc, example, real, args };
}

const plain = (
  group: ReferenceRow["group"],
  name: string,
  usage: string,
  doc: string,
  example: string,
): ReferenceRow => ({ group, name, usage, doc, example, real: "", args: [] });
