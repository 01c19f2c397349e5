// The simulated machine at one place of a run: walks, tables, entries, pages, locks, causes of
// values. `event` n means the state after event n; 0 is the start. Addresses cross as raw hex.
// From: UI sections on page tables, page inspector, entry decoder and why.
import { z } from "zod";
import { float64s, hexWord, int32s, kernelId, position, runId, uint8s } from "./values.ts";

/**
 * Letters of entry states: table, writable, read-only, access-tracked, protected by KVM, MMIO,
 * frozen, not present.
 */
export const ENTRY_STATES = [".", "T", "W", "R", "a", "P", "M", "Z"] as const;
export const entryState = z.enum(ENTRY_STATES);
/** KVM's own tree is "shadow" in npt0, "tdp" in the other modes. */
export const treeKey = z.enum(["guest", "tdp", "shadow", "host"]);
export type TreeKey = z.infer<typeof treeKey>;

export const addressSpace = z.enum(["gva", "gpa", "hva"]);

export const entryView = z.object({
  index: z.int(),
  value: hexWord,
  text: z.string(), // grouped hex, or "not present"
  state: entryState,
  huge: z.boolean(),
  changed: z.boolean(), // by the event shown
});
export type EntryView = z.infer<typeof entryView>;

export const levelView = z.object({
  level: z.int(),
  name: z.string(), // L4 … L1, PGD PUD PMD PTE
  table: hexWord.nullable(), // physical address; null: there is no table
  about: z.string(), // a shadow page in words, "gfn 0x6, wux, unsync"; "" in other trees
  index: z.int(),
  strip: uint8s, // 512 indexes into ENTRY_STATES; empty when there is no table
  entries: z.array(entryView), // upper levels: the walk's; leaf level: five around the index
  note: z.string(), // "2 MiB page, no L1", "No table: L2 [080] is not present."
});
export type LevelView = z.infer<typeof levelView>;

export const pageFacts = z.object({
  pfn: z.number(),
  name: z.string(), // name from the scenario, or ""
  kind: z.string(), // two-letter code
  kindTitle: z.string(),
  hasStruct: z.boolean(),
  ref: z.int(),
  raw: z.int(),
  map: z.int(),
  order: z.int(),
  head: z.number(), // pfn of the head, the pfn itself for a single page
  flags: z.array(z.string()),
  mappedBy: z.array(
    z.object({
      tree: treeKey,
      level: z.int(),
      index: z.int(),
      address: hexWord.nullable(), // gva, gpa or hva; null: a shadow entry that no root leads to
      gfn: z.number().nullable(), // null for the host's entry
      state: entryState,
    }),
  ),
  vma: z.string(),
});
export type PageFacts = z.infer<typeof pageFacts>;

export const readWalk = {
  input: z.object({
    id: runId,
    event: position,
    vcpu: z.int().min(0).max(3),
    gva: hexWord.nullable(), // null: the address of the last guest access at or before the event
  }),
  output: z.object({
    event: position,
    tick: position,
    gva: hexWord,
    gpa: hexWord.nullable(),
    gfn: z.number().nullable(),
    hva: hexWord.nullable(),
    pfn: z.number().nullable(), // where the CPU's walk leads, else the host's
    hostPfn: z.number().nullable(), // of the host's entry
    slot: z.string(),
    trees: z.array(
      z.object({
        key: treeKey,
        title: z.string(),
        maps: z.string(), // "gva to gpa"
        address: z.string(), // "gva 10000000"
        levels: z.array(levelView),
      }),
    ),
    ends: z.object({ tree: treeKey, level: z.int(), sentence: z.string() }).nullable(),
    remark: z.string(), // where shadow tables lead elsewhere than the guest's; else ""
    page: pageFacts.nullable(),
  }),
};

export const readTable = {
  input: z.object({
    id: runId,
    event: position,
    vcpu: z.int().min(0).max(3),
    tree: treeKey,
    table: hexWord,
    level: z.int(),
  }),
  output: z.object({
    states: uint8s,
    lo: int32s,
    hi: int32s,
    coversFrom: hexWord,
    space: addressSpace, // of coversFrom
    note: z.string(),
  }),
};

export const bitField = z.object({
  from: z.int(), // highest bit
  to: z.int(), // lowest bit
  name: z.string(),
  value: z.string(),
  meaning: z.string(),
  family: z.enum(["address", "hardware", "software", "none"]),
});
export const decodeEntry = {
  input: z.object({
    kernel: kernelId,
    tree: treeKey,
    level: z.int().min(1).max(5),
    value: hexWord,
  }),
  output: z.object({
    value: hexWord,
    state: entryState,
    sentence: z.string(),
    fields: z.array(bitField),
    profile: z.string(), // "Linux 6.12, AMD format"
  }),
};

export const ledgerRow = z.object({
  event: position,
  step: z.int(),
  delta: z.int(),
  count: z.int(), // after
  fn: z.string(),
  path: z.string(), // call path, outermost first, " > " between
  cause: z.string(),
  pair: position.nullable(), // event of the matching put or get
  isOpen: z.boolean(), // a get without its put at the end of the run, or a put without a get
});
export type LedgerRow = z.infer<typeof ledgerRow>;

export const readPage = {
  // page: a name, or "pfn:6ee1"
  input: z.object({ id: runId, event: position, page: z.string().max(100) }),
  output: z.object({
    facts: pageFacts,
    curve: z.object({ event: int32s, count: int32s, time: float64s }),
    ledger: z.array(ledgerRow),
    total: z.int(),
    gfns: z.array(z.number()),
  }),
};

export const readMachine = {
  input: z.object({ id: runId, event: position }),
  output: z.object({
    locks: z.array(z.object({ name: z.string(), state: z.string(), holders: z.array(z.string()) })),
    tlb: z.array(
      z.object({
        vcpu: z.int(),
        gva: hexWord,
        pfn: z.number(),
        writable: z.boolean(),
        stale: z.boolean(),
      }),
    ),
    slots: z.array(
      z.object({
        id: z.int(),
        gfn: z.number(),
        pages: z.number(),
        hva: hexWord,
        flags: z.string(),
        backing: z.string(),
      }),
    ),
    invalidateSeq: z.int(),
    invalidateInProgress: z.int(),
    generation: z.int(),
    threads: z.array(z.object({ name: z.string(), at: z.string(), waits: z.string() })),
  }),
};

/** What a value's history is asked for. */
export const place = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("entry"),
    tree: treeKey,
    level: z.int(),
    table: hexWord,
    index: z.int(),
  }),
  z.object({ kind: z.literal("page"), pfn: z.number(), field: z.enum(["ref", "map", "flags"]) }),
]);

export const readWhy = {
  input: z.object({ id: runId, event: position, place }),
  output: z.object({
    title: z.string(), // "TDP L1 [001] = 0x6ee_1e67"
    chain: z.array(
      z.object({
        event: position, // last event at or before the write; 0: before the first
        tick: position,
        step: z.int(),
        thread: z.string(),
        fn: z.string(),
        sentence: z.string(),
        old: z.string(),
        new: z.string(),
        isInput: z.boolean(), // the chain ends: a scenario step or the guest's start state made it
      }),
    ),
    more: z.int(),
  }),
};
