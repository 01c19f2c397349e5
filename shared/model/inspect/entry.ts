// An entry as people read it: its state as a letter, its fields by bits, one sentence. Three
// formats: KVM's entries in AMD's form, the guest's, the host's. Field names follow the kernel's
// headers.
// From: arch/x86/kvm/mmu/spte.h, arch/x86/include/asm/pgtable_types.h, the AMD manual's page-table
// entry formats.
import { bitsOf, frameOf, hasBit } from "#shared/units/halves";
import { groupedHex, hexOf, hexOfHalves } from "#shared/units/hex";
import type { KernelProfile } from "../kernels/profile.ts";
import * as s from "../kvm/spte.ts";
import type { ModeId } from "../state/machine.ts";
import { NX_HIGH } from "../state/tables.ts";

export type TreeKey = "guest" | "tdp" | "shadow" | "host";
export const TREES: Readonly<Record<TreeKey, { readonly title: string; readonly maps: string }>> = {
  guest: { title: "Guest", maps: "gva to gpa" },
  tdp: { title: "TDP", maps: "gpa to hpa" },
  shadow: { title: "Shadow", maps: "gva to hpa" },
  host: { title: "Host", maps: "hva to hpa" },
};
/** KVM's own tree in a mode. */
export const kvmTree = (mode: ModeId): "tdp" | "shadow" => (mode === "npt0" ? "shadow" : "tdp");
export const isKvmTree = (tree: TreeKey): boolean => tree === "tdp" || tree === "shadow";

/** Not present, table, writable, read-only, access-tracked, protected by KVM, MMIO, frozen. */
export const STATES = [".", "T", "W", "R", "a", "P", "M", "Z"] as const;
export type EntryState = (typeof STATES)[number];

const P = 1;
const W = 2;
const PS = 0x80;
/** Bit 51 with bit 0: an MMIO entry, in the high half. */
const MMIO_HIGH = 0x80000;

function shadowState(lo: number, hi: number, level: number): EntryState {
  if (!s.is_shadow_present_pte(lo)) {
    if ((lo & P) !== 0 && (hi & MMIO_HIGH) !== 0) return "M";
    return lo !== 0 && (hi === NX_HIGH || hi === 0) ? "Z" : ".";
  }
  if (!s.is_last_spte(lo, level)) return "T";
  if (!s.is_accessed_spte(lo)) return "a";
  if (s.is_writable_pte(lo)) return "W";
  return (lo & s.SPTE_HOST_WRITABLE) !== 0 ? "P" : "R";
}

export function stateOf(tree: TreeKey, lo: number, hi: number, level: number): EntryState {
  if (isKvmTree(tree)) return shadowState(lo, hi, level);
  if ((lo & P) === 0) return ".";
  if (level > 1 && (lo & PS) === 0) return "T";
  return (lo & W) !== 0 ? "W" : "R";
}

export const isHuge = (lo: number, level: number): boolean =>
  level > 1 && (lo & P) !== 0 && (lo & PS) !== 0;

export const entryText = (lo: number, hi: number, state: EntryState): string =>
  state === "." ? "not present" : groupedHex(hexOfHalves(lo, hi));

export interface BitField {
  readonly from: number;
  readonly to: number;
  readonly name: string;
  readonly value: string;
  readonly meaning: string;
  readonly family: "address" | "hardware" | "software" | "none";
}

type FieldRow = readonly [
  from: number,
  to: number,
  name: string,
  set: string,
  clear: string,
  family: BitField["family"],
];

const SHADOW_FIELDS: readonly FieldRow[] = [
  [63, 63, "NX", "no execute", "executable", "hardware"],
  [11, 11, "MMU present", "KVM counts the entry as present", "not present for KVM", "software"],
  [
    10,
    10,
    "MMU writable",
    "W may be set again without mmu_lock",
    "W may not be set by the fast path",
    "software",
  ],
  [
    9,
    9,
    "host writable",
    "the host's mapping was writable",
    "the host's mapping was read-only",
    "software",
  ],
  [7, 7, "PS", "a huge page", "a 4 KiB page or a table", "hardware"],
  [6, 6, "D", "dirty", "not dirty", "hardware"],
  [5, 5, "A", "accessed", "not accessed", "hardware"],
  [4, 4, "PCD", "uncached", "cached", "hardware"],
  [3, 3, "PWT", "write-through", "write-back", "hardware"],
  [2, 2, "U", "user accesses allowed", "supervisor only", "hardware"],
  [1, 1, "W", "writable", "not writable", "hardware"],
  [0, 0, "P", "present", "not present", "hardware"],
];

const PAGE_TABLE_FIELDS: readonly FieldRow[] = [
  [63, 63, "NX", "no execute", "executable", "hardware"],
  [9, 9, "special", "no page behind it for the memory manager", "an ordinary page", "software"],
  [8, 8, "G", "global", "not global", "hardware"],
  ...SHADOW_FIELDS.slice(4),
];

const fieldsOf = (tree: TreeKey): readonly FieldRow[] =>
  isKvmTree(tree)
    ? SHADOW_FIELDS
    : PAGE_TABLE_FIELDS.map((row): FieldRow =>
        tree === "guest" && row[2] === "special"
          ? [9, 9, "available", "set", "clear", "software"]
          : row,
      );

const SENTENCES: Readonly<Record<EntryState, string>> = {
  ".": "Not present: an access faults.",
  T: "Points to the next table.",
  W: "A writable page.",
  R: "A read-only page.",
  a: "A page whose accessed bit is clear: it was aged, or mapped ahead of use.",
  P: "Write-protected by KVM; the host's mapping is writable.",
  M: "No memory here: the access is emulated.",
  Z: "Frozen: a thread is taking the table away.",
};

/** By its value alone, a shadow entry does not tell why it may not be written. */
const NOT_WRITABLE_SHADOW =
  "Not writable: the guest's tables forbid it, or KVM protects the page; " +
  "the host's mapping is writable.";

export interface DecodedEntry {
  readonly value: string;
  readonly state: EntryState;
  readonly sentence: string;
  readonly fields: readonly BitField[];
  readonly profile: string;
}

function decodeRow(row: FieldRow, lo: number, hi: number): BitField {
  const [from, to, name, set, clear, family] = row;
  const isSet = hasBit(lo, hi, from);
  return { from, to, name, value: isSet ? "1" : "0", meaning: isSet ? set : clear, family };
}

export function decodeEntry(
  kernel: KernelProfile,
  tree: TreeKey,
  level: number,
  lo: number,
  hi: number,
): DecodedEntry {
  const state = stateOf(tree, lo, hi, level);
  const frame = frameOf(lo, hi);
  const address: BitField = {
    from: 51,
    to: 12,
    name: tree === "guest" ? "gfn" : state === "T" ? "table" : "pfn",
    value: groupedHex(hexOf(frame)),
    meaning: "frame number of what the entry points to",
    family: "address",
  };
  const software: BitField = {
    from: 62,
    to: 52,
    name: "available",
    value: groupedHex(hexOf(bitsOf(lo, hi, 52, 62))),
    meaning: "not used in this format",
    family: "none",
  };
  const [top, ...rest] = fieldsOf(tree).map((row) => decodeRow(row, lo, hi));
  const fields = top === undefined ? [] : [top, software, address, ...rest];
  const form = isKvmTree(tree) ? "AMD format" : "x86-64 format";
  return {
    value: hexOfHalves(lo, hi),
    state,
    sentence: tree === "shadow" && state === "P" ? NOT_WRITABLE_SHADOW : SENTENCES[state],
    fields,
    profile: `${kernel.title}, ${form}`,
  };
}
