// Every action of the app, once: its name, its keys and when it can run. The palette, the key help
// and
// the keyboard all read this list. Components add their commands while they are mounted.
// Pane commands act only while focus is in that pane, and win over screen and app commands.
import { onScopeDispose, shallowReactive } from "vue";
import { canonicalKeys, isTypingKey } from "./keys.ts";

export type CommandScope = "app" | "screen" | "pane";

export interface Command {
  readonly id: string; // "run.next-event"; unique among mounted commands
  readonly title: string; // a verb and its object, sentence case
  readonly keys?: string; // "Mod+Enter", "G H", or several with " | " between
  readonly scope?: CommandScope; // default "screen"
  readonly pane?: () => HTMLElement | null; // the pane of a pane command
  readonly context?: string; // grey text in the palette
  readonly why?: () => string; // "" when it can run, else the reason it cannot
  readonly run?: () => unknown; // without it the row only explains a widget's own keys
  readonly isHidden?: boolean; // not in the palette (moves such as "next row")
  readonly isUnlisted?: boolean; // in the key help neither: another row explains its keys
}

const mounted = shallowReactive(new Map<string, Command>());

/** Adds commands until the calling component or scope goes away. */
export function useCommands(list: readonly Command[]): void {
  for (const command of list) mounted.set(command.id, command);
  onScopeDispose(() => {
    // A remounted component may have put its own command under this id already.
    for (const command of list) if (mounted.get(command.id) === command) mounted.delete(command.id);
  });
}

export const allCommands = (): readonly Command[] => [...mounted.values()];

export const scopeOf = (command: Command): CommandScope => command.scope ?? "screen";
export const keysOf = (command: Command): readonly string[] =>
  command.keys === undefined ? [] : command.keys.split(" | ").map(canonicalKeys);

/** Commands that can be reached from where the focus is, pane first, then screen, then app. */
export function reachable(list: readonly Command[], focus: Element | null): Command[] {
  const isIn = (command: Command) => command.pane?.()?.contains(focus) ?? false;
  const order: Record<CommandScope, number> = { pane: 0, screen: 1, app: 2 };
  return list
    .filter((command) => scopeOf(command) !== "pane" || isIn(command))
    .toSorted((a, b) => order[scopeOf(a)] - order[scopeOf(b)]);
}

export type KeyMatch =
  | { readonly kind: "run"; readonly command: Command }
  | { readonly kind: "wait" } // the first key of a sequence
  | { readonly kind: "none" };

/** What a press means. `before` is the first key of a sequence typed just before, or "". */
export function matchKeys(
  list: readonly Command[],
  place: { focus: Element | null; isTyping: boolean; before: string },
  press: string,
): KeyMatch {
  if (place.isTyping && isTypingKey(press)) return { kind: "none" };
  const wanted = place.before === "" ? press : `${place.before} ${press}`;
  let waits = false;
  for (const command of reachable(list, place.focus)) {
    if (command.run === undefined) continue;
    const keys = keysOf(command);
    if (keys.includes(wanted)) return { kind: "run", command };
    waits ||= keys.some((key) => key.startsWith(`${wanted} `));
  }
  return waits ? { kind: "wait" } : { kind: "none" };
}

/** Pairs of commands of one scope that claim the same keys; must be empty. */
export function keyConflicts(list: readonly Command[]): string[] {
  const owners = new Map<string, string>();
  const conflicts: string[] = [];
  for (const command of list) {
    if (scopeOf(command) === "pane" || command.run === undefined) continue;
    for (const key of keysOf(command)) {
      const owner = owners.get(key);
      if (owner !== undefined) conflicts.push(`${key}: ${owner}, ${command.id}`);
      owners.set(key, command.id);
    }
  }
  return conflicts;
}
