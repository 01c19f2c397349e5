// The scenario language in the editor: colours, completion, hover, quick fix, steps, definitions.
// All answers come from shared/scenario as plain data; this only puts them into the editor's
// shapes.
import { complete, type Completion } from "#shared/scenario/complete";
import type { Diagnostic } from "#shared/scenario/diagnostics";
import { hover } from "#shared/scenario/hover";
import { definitionOf } from "#shared/scenario/outline";
import type { editor, IDisposable, languages, Position } from "monaco-editor/editor";
import type { Monaco } from "./monaco.ts";
import type { Parsed } from "./parse-client.ts";

export const LANGUAGE = "faultline-scenario";
const OWNER = "scenario";

let isRegistered = false;

/**
 * Registers the language once and the providers until they are disposed; `parsed` is the editor's
 * last parse.
 */
export function registerLanguage(monaco: Monaco, parsed: () => Parsed | null): IDisposable {
  if (!isRegistered) {
    isRegistered = true;
    monaco.languages.register({ id: LANGUAGE, extensions: [".yaml"] });
    monaco.languages.setMonarchTokensProvider(LANGUAGE, GRAMMAR);
    monaco.languages.setLanguageConfiguration(LANGUAGE, {
      comments: { lineComment: "#" },
      autoClosingPairs: [
        { open: "{", close: "}" },
        { open: "[", close: "]" },
      ],
      wordPattern: /[A-Za-z0-9_.+-]+/,
      onEnterRules: [
        {
          beforeText: /^\s*- .*$/,
          action: { indentAction: monaco.languages.IndentAction.None, appendText: "- " },
        },
      ],
    });
  }
  const { languages: api } = monaco;
  const parts = [
    api.registerCompletionItemProvider(LANGUAGE, completionProvider(monaco)),
    api.registerHoverProvider(LANGUAGE, hoverProvider(monaco, parsed)),
    api.registerCodeActionProvider(LANGUAGE, fixProvider(monaco, parsed)),
    api.registerDocumentSymbolProvider(LANGUAGE, symbolProvider(monaco, parsed)),
    api.registerDefinitionProvider(LANGUAGE, definitionProvider(parsed)),
  ];
  return { dispose: () => parts.forEach((part) => part.dispose()) };
}

// Colours only; what is right is the parser's business.
const GRAMMAR: languages.IMonarchLanguage = {
  defaultToken: "",
  tokenizer: {
    root: [{ include: "@top" }, { include: "@plain" }],
    text: [{ include: "@top" }, [/#.*$/, "comment"], [/[^#]+/, "string"]],
    words: [
      { include: "@top" },
      [/^\s*-\s/, "delimiter"],
      [/#.*$/, "comment"],
      [/[^#]+/, "string"],
    ],
    steps: [
      { include: "@top" },
      [/^(\s*-\s+)(v[0-3]\s+)([a-z][a-z0-9-]*)/, ["delimiter", "vcpu", "verb"]],
      [/^(\s*-\s+)([a-z][a-z0-9-]*)/, ["delimiter", "verb"]],
      [/^(\s*-\s+)(\{)(\s*)([a-z][a-z0-9-]*)/, ["delimiter", "delimiter", "", "verb"]],
      [/^(\s+)([a-z][a-z0-9-]*)(:)/, ["", "key", "delimiter"]],
      { include: "@plain" },
    ],
    top: [
      [/^(setup|steps|threads)(:)/, ["key", { token: "delimiter", switchTo: "@steps" }]],
      [/^(expect)(:)/, ["key", { token: "delimiter", switchTo: "@words" }]],
      [/^(title|about)(:)/, ["key", { token: "delimiter", switchTo: "@text" }]],
      [/^([a-z]+)(:)/, ["key", { token: "delimiter", switchTo: "@root" }]],
    ],
    plain: [
      [/#.*$/, "comment"],
      [/\b0x[0-9a-fA-F_]+\b/, "number"],
      [/\b\d+[kKmMgGp]?\b/, "number"],
      [/"[^"]*"/, "string"],
      [/([a-z][a-z0-9-]*)(:)(?=\s)/, ["key", "delimiter"]],
      [/[A-Za-z_][\w-]*/, ""],
      [/[{}[\],+-]/, "delimiter"],
    ],
  },
};

const KINDS: Readonly<
  Record<
    Completion["kind"],
    "Property" | "Function" | "Class" | "Variable" | "Value" | "Event" | "Text"
  >
> = {
  key: "Property",
  verb: "Function",
  kind: "Class",
  name: "Variable",
  word: "Value",
  switch: "Event",
  sentence: "Text",
};

function completionProvider(monaco: Monaco): languages.CompletionItemProvider {
  return {
    triggerCharacters: [" ", ":", "-"],
    provideCompletionItems(model, position) {
      const { from, to, items } = complete(model.getValue(), model.getOffsetAt(position));
      const range = rangeOf(monaco, model, from, to);
      return {
        suggestions: items.map((item, i) => ({
          label: { label: item.label, description: item.detail },
          kind: monaco.languages.CompletionItemKind[KINDS[item.kind]],
          insertText: item.insert,
          documentation: item.doc,
          sortText: String(i).padStart(5, "0"),
          range,
        })),
      };
    },
  };
}

function hoverProvider(monaco: Monaco, parsed: () => Parsed | null): languages.HoverProvider {
  return {
    provideHover(model, position) {
      const text = model.getValue();
      const found = hover(text, model.getOffsetAt(position), draftOf(parsed(), text));
      if (found === null) return null;
      const lines = found.lines.map((line) => ({ value: escaped(line) }));
      return {
        range: rangeOf(monaco, model, found.from, found.to),
        contents: [{ value: `**${escaped(found.title)}**` }, ...lines],
      };
    },
  };
}

/** A diagnostic's fix as a quick fix at its place. */
function fixProvider(monaco: Monaco, parsed: () => Parsed | null): languages.CodeActionProvider {
  return {
    provideCodeActions(model, range) {
      const now = parsed();
      if (now?.text !== model.getValue()) return { actions: [], dispose: () => undefined };
      const here = now.diagnostics.filter((row) =>
        monaco.Range.areIntersectingOrTouching(rangeOf(monaco, model, row.from, row.to), range),
      );
      const actions = here.flatMap((row) =>
        row.fix === undefined ? [] : [fixAction(monaco, model, row, row.fix)],
      );
      return { actions, dispose: () => undefined };
    },
  };
}

function fixAction(
  monaco: Monaco,
  model: editor.ITextModel,
  diagnostic: Diagnostic,
  fix: NonNullable<Diagnostic["fix"]>,
): languages.CodeAction {
  const textEdit = { range: rangeOf(monaco, model, fix.from, fix.to), text: fix.text };
  return {
    title: `Write ${fix.text}`,
    kind: "quickfix",
    isPreferred: true,
    diagnostics: [markerOf(monaco, diagnostic)],
    edit: { edits: [{ resource: model.uri, versionId: model.getVersionId(), textEdit }] },
  };
}

function symbolProvider(
  monaco: Monaco,
  parsed: () => Parsed | null,
): languages.DocumentSymbolProvider {
  return {
    displayName: "Steps",
    provideDocumentSymbols(model) {
      const steps = parsed()?.outline?.steps ?? [];
      return steps.map((step) => {
        const range = rangeOf(monaco, model, step.from, step.to);
        return {
          name: `${step.n} ${step.text}`,
          detail: step.thread,
          kind: monaco.languages.SymbolKind.Event,
          tags: [],
          range,
          selectionRange: range,
        };
      });
    },
  };
}

function definitionProvider(parsed: () => Parsed | null): languages.DefinitionProvider {
  return {
    provideDefinition(model: editor.ITextModel, position: Position) {
      const plan = draftOf(parsed(), model.getValue());
      const word = model.getWordAtPosition(position)?.word ?? "";
      const range = plan === null ? null : definitionOf(plan, word);
      if (range === null) return null;
      const { lineNumber, column } = model.getPositionAt(range.to);
      return {
        uri: model.uri,
        range: {
          startLineNumber: range.line,
          startColumn: range.column,
          endLineNumber: lineNumber,
          endColumn: column,
        },
      };
    },
  };
}

/** Marks the diagnostics in the text. */
export function setMarkers(
  monaco: Monaco,
  model: editor.ITextModel,
  diagnostics: readonly Diagnostic[],
): void {
  monaco.editor.setModelMarkers(
    model,
    OWNER,
    diagnostics.map((row) => markerOf(monaco, row)),
  );
}

const markerOf = (monaco: Monaco, row: Diagnostic): editor.IMarkerData => ({
  severity: row.severity === "error" ? monaco.MarkerSeverity.Error : monaco.MarkerSeverity.Warning,
  message: row.message,
  startLineNumber: row.line,
  startColumn: row.column,
  endLineNumber: row.endLine,
  endColumn: Math.max(row.endColumn, row.line === row.endLine ? row.column + 1 : 1),
});

const draftOf = (parsed: Parsed | null, text: string) =>
  parsed?.text === text ? parsed.draft : null;

function rangeOf(monaco: Monaco, model: editor.ITextModel, from: number, to: number) {
  const start = model.getPositionAt(from);
  const end = model.getPositionAt(to);
  return new monaco.Range(start.lineNumber, start.column, end.lineNumber, end.column);
}

// The texts are plain; the editor reads Markdown.
const escaped = (text: string): string => text.replace(/[\\`*_{}[\]()#+.!|<>~-]/g, "\\$&");
