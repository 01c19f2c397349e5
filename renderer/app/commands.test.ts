// Pane commands win inside their pane, text fields keep their keys, sequences wait for the
// second key, and no two commands of one scope share a key.
// From: the key rules of the user interface.
import { expect, test } from "vitest";
import { type Command, keyConflicts, matchKeys, reachable } from "./commands.ts";

// Only contains() is asked of a pane, so a set of names is pane enough.
const element = (name: string) => name as unknown as Element;
const pane = (...names: string[]) =>
  ({ contains: (inner: unknown) => names.includes(inner as string) }) as unknown as HTMLElement;
const run = () => undefined;
const list: Command[] = [
  { id: "app.keys", title: "Show keys", keys: "?", scope: "app", run },
  { id: "go.home", title: "Go to verdicts", keys: "G H", scope: "app", run },
  { id: "screen.next", title: "Next", keys: "N", run },
  { id: "pane.note", title: "Note", keys: "N", scope: "pane", pane: () => pane("grid"), run },
];
const at = (focus: string, isTyping = false, before = "") => ({
  focus: element(focus),
  isTyping,
  before,
});
const idOf = (place: ReturnType<typeof at>, press: string) => {
  const match = matchKeys(list, place, press);
  return match.kind === "run" ? match.command.id : match.kind;
};

test("a pane's key wins inside the pane and is not there outside it", () => {
  expect(idOf(at("grid"), "N")).toBe("pane.note");
  expect(idOf(at("rail"), "N")).toBe("screen.next");
  expect(reachable(list, element("rail")).map((command) => command.id)).not.toContain("pane.note");
});

test("a sequence waits for its second key", () => {
  expect(idOf(at("rail"), "G")).toBe("wait");
  expect(idOf(at("rail", false, "G"), "H")).toBe("go.home");
  expect(idOf(at("rail", false, "G"), "N")).toBe("none");
});

test("a text field keeps letters", () => {
  expect(idOf(at("grid", true), "N")).toBe("none");
});

test("conflicts of one scope are named", () => {
  expect(keyConflicts(list)).toEqual([]);
  const twice = [...list, { id: "screen.other", title: "Other", keys: "N", run }];
  expect(keyConflicts(twice)).toEqual(["N: screen.next, screen.other"]);
});
