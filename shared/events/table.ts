// All events by name and by number: the list from which ids, arities, printers, parsers come.
// Owns the check that numbers are unique; a new event is a declaration in one of four files.
// From: the declarations themselves.
import type { EventDeclaration } from "./declare.ts";
import { kvmEvents } from "./kvm.ts";
import { kvmmmuEvents } from "./kvmmmu.ts";
import { labEvents } from "./lab.ts";
import { ownEvents } from "./own.ts";

export const EVENTS = { ...kvmmmuEvents, ...kvmEvents, ...labEvents, ...ownEvents } as const;
export type EventName = keyof typeof EVENTS;

/** The most cells an event has; scratch arrays are this long. */
export const MOST_CELLS = 16;
const ID_END = 255;

const DECLARATIONS: readonly EventDeclaration[] = Object.values(EVENTS);

function byId(): readonly (EventDeclaration | undefined)[] {
  const list = Array.from<EventDeclaration | undefined>({ length: ID_END });
  for (const event of DECLARATIONS) {
    const isFree = event.id > 0 && event.id < ID_END && list[event.id] === undefined;
    if (!isFree || event.arity > MOST_CELLS) {
      throw new Error(`event ${event.name}: its id ${event.id} is taken or it has too many cells`);
    }
    list[event.id] = event;
  }
  return list;
}

const BY_ID = byId();
const BY_NAME = new Map(DECLARATIONS.map((event) => [event.name, event]));
const MARKS = Map.groupBy(
  DECLARATIONS.filter((event) => event.firstWord !== ""),
  (event) => event.firstWord,
);

/** `EventId.kvm_page_fault` and so on: what `emit` takes first. */
export const EventId = Object.fromEntries(
  Object.entries(EVENTS).map(([name, event]) => [name, event.id]),
) as { readonly [K in EventName]: (typeof EVENTS)[K]["id"] };

/** The declaration of a number; undefined for a number no event has. */
export const eventOf = (id: number): EventDeclaration | undefined => BY_ID[id];
/** The declaration of a tracepoint or an own event by its printed name. */
export const eventNamed = (name: string): EventDeclaration | undefined => BY_NAME.get(name);
/** The marks whose body begins with this word. */
export const marksNamed = (firstWord: string): readonly EventDeclaration[] =>
  MARKS.get(firstWord) ?? [];
/** How many int32 cells an event has, by id: the number of values `emit` takes after the id. */
export const EVENT_ARITY: readonly number[] = BY_ID.map((event) => event?.arity ?? 0);
/** All declarations in the order of their numbers. */
export const allEvents = (): readonly EventDeclaration[] =>
  BY_ID.filter((event) => event !== undefined);
