// The window's one key listener: sequences, commands, and the Esc chain.
// Esc asks its handlers in the order pop-up, filter, zoom, range, tab; the first that did
// something ends it.
// A widget that used a key itself calls preventDefault(), and the press goes no further.
import { onScopeDispose } from "vue";
import { allCommands, type Command, matchKeys } from "./commands.ts";
import { pressText } from "./keys.ts";

export const isMac = /Mac/.test(globalThis.navigator?.platform ?? "");
const SEQUENCE_MS = 1200;

const ESCAPE_ORDER = ["popup", "filter", "zoom", "range", "tab"] as const;
export type EscapeStep = (typeof ESCAPE_ORDER)[number];

const escapes = new Set<{ step: EscapeStep; handler: () => boolean }>();

/** Joins the Esc chain; `handler` returns true when it had something to close, clear or leave. */
export function useEscape(step: EscapeStep, handler: () => boolean): void {
  const entry = { step, handler };
  escapes.add(entry);
  onScopeDispose(() => escapes.delete(entry));
}

export function runEscape(): boolean {
  for (const step of ESCAPE_ORDER) {
    // Newest first: the pop-up on top closes before the one below it.
    for (const entry of [...escapes].toReversed())
      if (entry.step === step && entry.handler()) return true;
  }
  return false;
}

export function isTextField(element: Element | null): boolean {
  if (element === null) return false;
  if (element instanceof HTMLElement && element.isContentEditable) return true;
  if (element instanceof HTMLTextAreaElement || element.closest(".monaco-editor") !== null)
    return true;
  if (!(element instanceof HTMLInputElement)) return element instanceof HTMLSelectElement;
  return !["checkbox", "radio", "button", "range"].includes(element.type);
}

/** Controls that Enter or Space press by themselves. */
function pressesItself(element: Element | null): boolean {
  if (element === null) return false;
  return element.closest("button, a[href], summary, input, select, [role=option]") !== null;
}

export interface KeyboardOptions {
  readonly onBlocked: (command: Command, why: string) => void; // a key whose command cannot run now
  readonly areLettersOn: () => boolean; // single letters can be switched off
}

/** Listens until the returned function is called. */
export function startKeyboard(options: KeyboardOptions): () => void {
  let before = "";
  let beforeAt = 0;

  function onKey(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.isComposing || isModifier(event.key)) return;
    const press = pressText(event, isMac);
    if (press === "Esc") {
      before = "";
      if (runEscape()) event.preventDefault();
      return;
    }
    const focus = document.activeElement;
    if ((press === "Enter" || press === "Space") && pressesItself(focus)) return;
    if (event.timeStamp - beforeAt > SEQUENCE_MS) before = "";
    const isLetter = /^(Shift\+)?[A-Z]$/.test(press);
    const isTyping = isTextField(focus) || (isLetter && !options.areLettersOn());
    const match = matchKeys(allCommands(), { focus, isTyping, before }, press);
    before = match.kind === "wait" ? press : "";
    beforeAt = event.timeStamp;
    if (match.kind === "none") return;
    event.preventDefault();
    if (match.kind === "run") perform(match.command, options);
  }

  // The editor takes most keys with Mod for itself, so the app's come before it: but only those
  // whose command can run now.
  function onKeyBeforeEditor(event: KeyboardEvent): void {
    const focus = document.activeElement;
    if (event.isComposing || focus === null || focus.closest(".monaco-editor") === null) return;
    const press = pressText(event, isMac);
    if (isModifier(event.key) || press === "Esc") return;
    const match = matchKeys(allCommands(), { focus, isTyping: true, before: "" }, press);
    if (match.kind !== "run" || (match.command.why?.() ?? "") !== "") return;
    event.preventDefault();
    event.stopPropagation();
    perform(match.command, options);
  }

  window.addEventListener("keydown", onKeyBeforeEditor, { capture: true });
  window.addEventListener("keydown", onKey);
  return () => {
    window.removeEventListener("keydown", onKeyBeforeEditor, { capture: true });
    window.removeEventListener("keydown", onKey);
  };
}

const isModifier = (key: string): boolean => ["Control", "Shift", "Alt", "Meta"].includes(key);

function perform(command: Command, options: KeyboardOptions): void {
  const why = command.why?.() ?? "";
  if (why === "") void command.run?.();
  else options.onBlocked(command, why);
}
