// Key texts such as "Mod+Enter", "Shift+R" or "G H", and how a keyboard event matches them.
// Pure: no listener, no state. `Mod` is Ctrl, on macOS Cmd. Text fields keep keys without Mod or
// Alt.
// From: the key rules of the user interface (single letters act only when no text field has focus).

export interface KeyPress {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
}

const NAMES: Record<string, string> = {
  " ": "Space",
  ArrowLeft: "Left",
  ArrowRight: "Right",
  ArrowUp: "Up",
  ArrowDown: "Down",
  PageUp: "PgUp",
  PageDown: "PgDn",
  Escape: "Esc",
};

/** The canonical text of a press: modifiers in the order Mod, Alt, Shift, then the key. */
export function pressText(press: KeyPress, isMac: boolean): string {
  const mod = isMac ? press.metaKey : press.ctrlKey;
  const isLetter = /^[a-z]$/i.test(press.key);
  // Shift is part of a sign such as "?" already; it is named for letters and for keys with a name.
  const needsShift = press.shiftKey && (isLetter || press.key.length > 1 || press.key === " ");
  const key = NAMES[press.key] ?? (isLetter ? press.key.toUpperCase() : press.key);
  return `${mod ? "Mod+" : ""}${press.altKey ? "Alt+" : ""}${needsShift ? "Shift+" : ""}${key}`;
}

/**
 * The same spelling for key texts in declarations, so that "shift+mod+l" and "Mod+Shift+L" are
 * one.
 */
export function canonicalKeys(keys: string): string {
  return keys.trim().split(/\s+/).map(canonicalPress).join(" ");
}

function canonicalPress(text: string): string {
  const parts = text === "+" ? ["+"] : text.split(/\+(?=.)/);
  const last = parts.at(-1) ?? "";
  const has = (name: string) => parts.slice(0, -1).some((part) => part.toLowerCase() === name);
  const key = /^[a-z]$/.test(last) ? last.toUpperCase() : (NAMES[last] ?? last);
  const held = ["Mod", "Alt", "Shift"].filter((name) => has(name.toLowerCase()));
  return [...held, key].join("+");
}

/** True for keys that a text field needs for itself. */
export const isTypingKey = (text: string): boolean =>
  !/^(Mod\+|Alt\+|F\d+$|Shift\+F\d+$|Esc$)/.test(text);

const SIGNS: Readonly<Record<string, string>> = {
  Enter: "↵",
  Left: "←",
  Right: "→",
  Up: "↑",
  Down: "↓",
  Shift: "⇧",
};

/** The text for people on this machine: "Ctrl K", "G then H". */
export function shownKeys(keys: string, isMac: boolean): string {
  const named: Readonly<Record<string, string>> = {
    ...SIGNS,
    Mod: isMac ? "⌘" : "Ctrl",
    Alt: isMac ? "⌥" : "Alt",
  };
  const shown = (press: string) =>
    press
      .split(/\+(?=.)/)
      .map((part) => named[part] ?? part)
      .join(" ");
  return canonicalKeys(keys).split(" ").map(shown).join(" then ");
}
