// The one selection that all panes share: run, place in it, and the thing looked at.
// It is a typed reading of the run screen's address, so address and selection can never disagree.
// Promises: a broken part of an address reads as "nothing selected" and leaves the other parts
// alone.
import { defineStore } from "pinia";
import { computed } from "vue";
import { type Address, address, withParams } from "./address.ts";
import { useNavigation } from "./navigation.ts";

export type Tree = "guest" | "tdp" | "shadow" | "host";

export interface EntryPlace {
  readonly tree: Tree;
  readonly level: number;
  readonly index: number;
}

/** null means "nothing chosen". `event` n is the state after event n; 0 is the start of the run. */
export interface Selection {
  readonly run: string | null; // run id or a prefix of it, as the address has it
  readonly event: number | null;
  readonly tick: number | null; // wins over event when both are there
  readonly gfn: number | null;
  readonly pfn: number | null;
  readonly gva: string | null; // raw hex: it may be wider than a number
  readonly page: string | null; // name from the scenario
  readonly entry: EntryPlace | null;
  readonly fn: string | null;
  readonly range: readonly [number, number] | null; // of event numbers
  readonly filter: string; // of the event table
}

export function readSelection(place: Address | null): Selection {
  const params = place?.params ?? {};
  return {
    run: place !== null && place.id !== "" ? place.id : null,
    event: readInt(params["event"]),
    tick: readInt(params["t"]),
    gfn: readHex(params["gfn"]),
    pfn: readHex(params["pfn"]),
    gva: readHexText(params["gva"]),
    page: params["page"] ?? null,
    entry: readEntry(params["entry"]),
    fn: params["fn"] ?? null,
    range: readRange(params["range"]),
    filter: params["f"] ?? "",
  };
}

/** Parameters for a part of a selection; a key that is not given stays as it is. */
export function selectionParams(part: Partial<Selection>): Record<string, string | null> {
  const params: Record<string, string | null> = {};
  if (part.event !== undefined) params["event"] = decimal(part.event);
  if (part.tick !== undefined) params["t"] = decimal(part.tick);
  if (part.gfn !== undefined) params["gfn"] = hex(part.gfn);
  if (part.pfn !== undefined) params["pfn"] = hex(part.pfn);
  if (part.gva !== undefined) params["gva"] = part.gva === null ? null : `0x${part.gva}`;
  if (part.page !== undefined) params["page"] = part.page;
  if (part.entry !== undefined)
    params["entry"] = part.entry === null ? null : printEntry(part.entry);
  if (part.fn !== undefined) params["fn"] = part.fn;
  if (part.range !== undefined) params["range"] = part.range === null ? null : part.range.join("-");
  if (part.filter !== undefined) params["f"] = part.filter;
  return params;
}

export const useSelection = defineStore("selection", () => {
  const navigation = useNavigation();
  const place = computed(() =>
    navigation.current.screen === "run" ? navigation.current : navigation.lastAddress("run"),
  );
  const selection = computed(() => readSelection(place.value));

  /** Sets a part. Choosing another event drops the tick, and the other way round. */
  function select(part: Partial<Selection>): void {
    const changes = selectionParams(part);
    if (part.event !== undefined && part.tick === undefined) changes["t"] = null;
    if (part.tick !== undefined && part.event === undefined) changes["event"] = null;
    const from = place.value ?? address("run");
    if (part.run !== undefined && part.run !== from.id) {
      navigation.go(withParams(address("run", part.run ?? ""), changes));
    } else navigation.go(withParams(from, changes));
  }

  return { selection, select };
});

const decimal = (value: number | null): string | null => (value === null ? null : String(value));
const hex = (value: number | null): string | null =>
  value === null ? null : `0x${value.toString(16)}`;
const printEntry = (entry: EntryPlace): string =>
  `${entry.tree}.${entry.level}.${entry.index.toString(16).padStart(3, "0")}`;

function readInt(text: string | undefined): number | null {
  if (text === undefined || !/^\d{1,12}$/.test(text)) return null;
  return Number(text);
}

function readHexText(text: string | undefined): string | null {
  const match = /^(?:0x)?([0-9a-f_]{1,20})$/i.exec(text ?? "");
  const digits =
    match?.[1]
      ?.replace(/_/g, "")
      .toLowerCase()
      .replace(/^0+(?=.)/, "") ?? "";
  return digits === "" || digits.length > 16 ? null : digits;
}

function readHex(text: string | undefined): number | null {
  const digits = readHexText(text);
  if (digits === null) return null;
  const value = Number.parseInt(digits, 16);
  return Number.isSafeInteger(value) ? value : null;
}

function readEntry(text: string | undefined): EntryPlace | null {
  const match = /^(guest|tdp|shadow|host)\.([1-5])\.([0-9a-f]{1,3})$/i.exec(text ?? "");
  if (match === null) return null;
  const index = Number.parseInt(match[3] ?? "", 16);
  const tree = (match[1] ?? "").toLowerCase() as Tree; // the pattern has no other words
  return index < 512 ? { tree, level: Number(match[2]), index } : null;
}

function readRange(text: string | undefined): readonly [number, number] | null {
  const match = /^(\d{1,12})-(\d{1,12})$/.exec(text ?? "");
  if (match === null) return null;
  const [from, to] = [Number(match[1]), Number(match[2])];
  return from <= to ? [from, to] : null;
}
