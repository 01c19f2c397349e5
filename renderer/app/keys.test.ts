// Key texts in declarations and presses on a keyboard must meet in one spelling,
// on a Mac and elsewhere, and be shown as people know them.
// From: the key rules of the user interface.
import { expect, test } from "vitest";
import { canonicalKeys, isTypingKey, pressText, shownKeys } from "./keys.ts";

const press = (key: string, held = "") => ({
  key,
  ctrlKey: held.includes("c"),
  metaKey: held.includes("m"),
  altKey: held.includes("a"),
  shiftKey: held.includes("s"),
});

test.each([
  [press("k", "c"), "Mod+K"],
  [press("L", "cs"), "Mod+Shift+L"],
  [press("?", "s"), "?"],
  [press("R", "s"), "Shift+R"],
  [press("ArrowLeft", "a"), "Alt+Left"],
  [press(" "), "Space"],
  [press("Escape"), "Esc"],
  [press("F6", "s"), "Shift+F6"],
  [press(".", "c"), "Mod+."],
])("%j is written %s", (event, text) => {
  expect(pressText(event, false)).toBe(text);
  expect(canonicalKeys(text)).toBe(text);
});

test("Mod is Cmd on a Mac, and Ctrl is nothing there", () => {
  expect(pressText(press("k", "m"), true)).toBe("Mod+K");
  expect(pressText(press("k", "c"), true)).toBe("K");
});

test("the spelling of a declaration does not matter", () => {
  expect(canonicalKeys("shift+mod+l")).toBe("Mod+Shift+L");
  expect(canonicalKeys(" g  h ")).toBe("G H");
  expect(canonicalKeys("Mod++")).toBe("Mod++");
});

test("text fields keep plain keys and give away those with Mod, Alt and function keys", () => {
  expect(["R", "Shift+R", "?", "Left", "/"].map(isTypingKey)).not.toContain(false);
  expect(["Mod+K", "Alt+Left", "F6", "Shift+F6", "Esc"].map(isTypingKey)).not.toContain(true);
});

test("keys are shown as people know them", () => {
  expect(shownKeys("Mod+Enter", false)).toBe("Ctrl ↵");
  expect(shownKeys("G H", false)).toBe("G then H");
  expect(shownKeys("Shift+R", false)).toBe("⇧ R");
  expect(shownKeys("Mod+PgUp", false)).toBe("Ctrl PgUp");
  expect(shownKeys("Mod++", true)).toBe("⌘ +");
});
