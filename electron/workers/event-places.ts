// What an event is about: the guest frame and the host frame that its fields name, for filters and
// views. Owns the choice among several: a gfn before an address, a new entry's page before the old
// one's.
// From: the fields of the event declarations and what they stand for there (pfn, leaf, entry).
import type { EventDeclaration, Slot } from "#shared/events/declare";
import { eventOf } from "#shared/events/table";
import { FRAME_END, PAGE_SIZE } from "#shared/units/address";
import { frameOf, hasBit, joinHalves } from "#shared/units/halves";

/** -1: the event names none. */
type Reader = (cells: Int32Array) => number;

export interface EventPlaces {
  readonly gfn: Reader;
  readonly pfn: Reader;
}

const NONE = -1;
const none: Reader = () => NONE;
/** Entries are tried in this order: the first that is present gives the page. */
const ENTRY_NAMES = ["new_spte", "new", "spte", "old_spte", "old"];
/** In a direct-mapped guest's fault this is a gpa. */
const FAULT_ADDRESS = "kvm_page_fault";

const places: (EventPlaces | undefined)[] = [];

export function placesOf(id: number): EventPlaces {
  const known = places[id];
  if (known !== undefined) return known;
  const event = eventOf(id);
  const found = event === undefined ? { gfn: none, pfn: none } : makePlaces(event);
  places[id] = found;
  return found;
}

function makePlaces(event: EventDeclaration): EventPlaces {
  const slot = (name: string): Slot | undefined => event.slots.find((one) => one.name === name);
  return { gfn: gfnReader(event, slot), pfn: pfnReader(event, slot) };
}

type Find = (name: string) => Slot | undefined;

const wide = (cells: Int32Array, { at }: Slot): number =>
  joinHalves(cells[at] ?? 0, cells[at + 1] ?? 0);

function gfnReader(event: EventDeclaration, slot: Find): Reader {
  const gfn = slot("gfn");
  if (gfn !== undefined) return (cells) => wide(cells, gfn);
  const address = slot("gpa") ?? (event.name === FAULT_ADDRESS ? slot("address") : undefined);
  if (address === undefined) return none;
  return (cells) => Math.floor(wide(cells, address) / PAGE_SIZE);
}

function pfnReader(event: EventDeclaration, slot: Find): Reader {
  const named = event.slots.find(({ name }) => event.identities[name] === "pfn");
  if (named !== undefined) {
    return (cells) => {
      const pfn = wide(cells, named);
      return pfn > 0 && pfn < FRAME_END ? pfn : NONE;
    };
  }
  const entries = ENTRY_NAMES.filter((name) => event.identities[name] !== undefined).flatMap(
    (name) => slot(name) ?? [],
  );
  if (entries.length === 0) return none;
  return (cells) => {
    const present = entries.find(({ at }) => hasBit(cells[at] ?? 0, cells[at + 1] ?? 0, 0));
    return present === undefined
      ? NONE
      : frameOf(cells[present.at] ?? 0, cells[present.at + 1] ?? 0);
  };
}
