// The editor library, loaded when the first editor opens, with its worker and the colours of the
// theme.
// Entry points of its 0.57 layout: API, all features, own worker; no language of its own is taken.
// oxlint-disable-next-line import/default -- the build makes this default export.
import EditorWorker from "monaco-editor/editor/editor.worker?worker";

/** Longer texts are shown without colours: tokenizing them would hold up typing. */
export const COLORED_LINES = 10_000;

export type Monaco = typeof import("monaco-editor/editor");

let loading: Promise<Monaco> | null = null;

export function loadMonaco(): Promise<Monaco> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Monaco> {
  self.MonacoEnvironment = { getWorker: () => new EditorWorker() };
  await import("monaco-editor/features/register.all");
  return import("monaco-editor/editor");
}

/** Defines and sets the editor's theme from the tokens as they are now. */
export function applyTheme(monaco: Monaco): void {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string) => sixDigits(style.getPropertyValue(`--${name}`).trim());
  const isDark = document.documentElement.dataset["theme"] !== "light";
  const rule = (name: string, ink: string, fontStyle = "") => ({
    token: name,
    foreground: token(ink).slice(1),
    fontStyle,
  });
  monaco.editor.defineTheme("faultline", {
    base: isDark ? "vs-dark" : "vs",
    inherit: true,
    rules: [
      rule("", "text"),
      rule("key", "e-fault"),
      rule("verb", "k-mixed", "bold"),
      rule("vcpu", "e-exit"),
      rule("number", "k-pfnmap"),
      rule("string", "k-shmem"),
      rule("comment", "text-3"),
      rule("delimiter", "text-2"),
    ],
    colors: Object.fromEntries(Object.entries(COLORS).map(([key, name]) => [key, token(name)])),
  });
  monaco.editor.setTheme("faultline");
}

/** The editor wants #rrggbb; the build may have shortened a colour to #rgb or a name. */
function sixDigits(color: string): string {
  const context = document.createElement("canvas").getContext("2d");
  if (context === null) return color;
  context.fillStyle = color;
  return context.fillStyle;
}

const COLORS: Readonly<Record<string, string>> = {
  "editor.background": "bg-pane",
  "editor.foreground": "text",
  "editorLineNumber.foreground": "text-3",
  "editorLineNumber.activeForeground": "text",
  "editor.lineHighlightBackground": "bg-hover",
  "editor.lineHighlightBorder": "bg-hover",
  "editor.selectionBackground": "accent-fill",
  "editor.inactiveSelectionBackground": "bg-selected",
  "editorCursor.foreground": "accent",
  "editorWidget.background": "bg-raised",
  "editorWidget.border": "line",
  "editorHoverWidget.background": "bg-raised",
  "editorHoverWidget.border": "line",
  "editorSuggestWidget.background": "bg-raised",
  "editorSuggestWidget.border": "line",
  "editorSuggestWidget.foreground": "text",
  "editorSuggestWidget.selectedBackground": "bg-selected",
  "editorSuggestWidget.selectedForeground": "text",
  "editorSuggestWidget.highlightForeground": "accent",
  "editorError.foreground": "v-fails",
  "editorWarning.foreground": "v-refuses",
  "editorIndentGuide.background1": "line-soft",
  "editorIndentGuide.activeBackground1": "line",
  "editorOverviewRuler.border": "line-soft",
  "scrollbarSlider.background": "bg-active",
  "scrollbarSlider.hoverBackground": "line-strong",
  "scrollbarSlider.activeBackground": "line-strong",
  "editorBracketHighlight.foreground1": "text-2",
  "editorBracketHighlight.foreground2": "text-2",
  "editorBracketHighlight.foreground3": "text-2",
  "editorActionList.background": "bg-raised",
  "editorActionList.foreground": "text",
  "editorActionList.focusBackground": "bg-selected",
  "editorActionList.focusForeground": "text",
  "editor.selectionHighlightBackground": "bg-active",
  "editor.wordHighlightBackground": "bg-active",
  "editorLightBulb.foreground": "v-refuses",
  "editorLightBulbAutoFix.foreground": "accent",
  "editorOverviewRuler.errorForeground": "v-fails",
  focusBorder: "focus",
  "input.background": "bg-inset",
  "input.border": "line-control",
  "list.hoverBackground": "bg-hover",
  "list.activeSelectionBackground": "bg-selected",
};
