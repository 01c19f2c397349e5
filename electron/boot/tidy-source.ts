// A source file as the tidy rules see it: path, lines, and its script as a syntax tree.
// A Vue file's script keeps its line numbers: what stands before it is blanked, not cut.
// From: the house style; the compiler's own parser finds functions better than any pattern.
import ts from "typescript";

export interface Source {
  /** From the project's folder, with `/`. */
  path: string;
  text: string;
  lines: string[];
  /** The script, or null for a file without one (CSS, HTML, Markdown). */
  script: ts.SourceFile | null;
}

export interface Complaint {
  line: number;
  /** What is wrong and what to do. */
  text: string;
}

/** A rule looks at one file and tells what it breaks. */
export type Rule = (source: Source) => Complaint[];

export function makeSource(path: string, text: string): Source {
  const script = scriptOf(path, text);
  return {
    path,
    text,
    lines: text.split("\n"),
    script:
      script === null
        ? null
        : ts.createSourceFile(path, script, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS),
  };
}

function scriptOf(path: string, text: string): string | null {
  if (/\.(ts|mjs|cjs)$/.test(path)) return text;
  if (!path.endsWith(".vue")) return null;
  const found = /<script[^>]*>\n([\s\S]*?)<\/script>/.exec(text);
  if (found === null) return "";
  const start = found.index + found[0].indexOf("\n") + 1;
  return text.slice(0, start).replaceAll(/[^\n]/g, " ") + (found[1] ?? "");
}

export const isTest = ({ path }: Source): boolean =>
  /\.(test|bench)\.ts$/.test(path) || path.startsWith("renderer/e2e/");

/** Calls `see` for every node of the script, a parent before its children. */
export function walk(source: Source, see: (node: ts.Node) => void): void {
  const visit = (node: ts.Node): void => {
    see(node);
    ts.forEachChild(node, visit);
  };
  if (source.script !== null) visit(source.script);
}

/** The 1-based line on which a node begins. */
export function lineOf(source: Source, node: ts.Node): number {
  const { script } = source;
  if (script === null) return 1;
  return script.getLineAndCharacterOfPosition(node.getStart(script)).line + 1;
}

export function lastLineOf(source: Source, node: ts.Node): number {
  return source.script === null
    ? 1
    : source.script.getLineAndCharacterOfPosition(node.getEnd()).line + 1;
}
