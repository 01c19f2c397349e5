// The model's own events: what happens between the kernel's tracepoints and has none of its own.
// Owns their code objects, which the model names when it emits; no real trace has these lines.
// From: the functions named in the codes, 6.12 and 7.2; page_ref as in mm/debug_page_ref.c.
import { own } from "./declare.ts";
import { codeOf, dec, hex, line, oneOf, rest } from "./pieces.ts";

export const AccessKind = { read: 0, write: 1, fetch: 2 } as const;

export const RetPf = {
  RET_PF_CONTINUE: 0,
  RET_PF_RETRY: 1,
  RET_PF_EMULATE: 2,
  RET_PF_WRITE_PROTECTED: 3,
  RET_PF_INVALID: 4,
  RET_PF_FIXED: 5,
  RET_PF_SPURIOUS: 6,
} as const;

/** What a fault ends with beside RET_PF_*: the errors that KVM_RUN hands to the VMM. */
const FAULT_ERRORS = {
  "-ENOENT": -2,
  "-EINTR": -4,
  "-EIO": -5,
  "-EAGAIN": -11,
  "-ENOMEM": -12,
  "-EFAULT": -14,
  "-EHWPOISON": -133,
} as const;

/** Where a lookup is: the functions that find the page behind a host address. */
export const LookupStep = {
  /** get_user_pages_fast_only() */
  gupFast: 0,
  /** get_user_pages_unlocked() and its walk */
  gupSlow: 1,
  /** hva_to_pfn_remapped() */
  remapped: 2,
  /** fixup_user_fault(), handle_mm_fault() */
  hostFault: 3,
  /** kvm_try_get_pfn(), kvm_resolve_pfn(): may this page be used, with which reference */
  resolve: 4,
  /** The second try for write, so that the mapping may be writable */
  gupFastWrite: 5,
  memslot: 6,
  prefetch: 7,
} as const;

/** What a lookup step found; printed as the sentence of LOOKUP_SENTENCES. */
export const LookupOutcome = {
  taken: 0,
  found: 1,
  notPresent: 2,
  notWritable: 3,
  special: 4,
  noMapping: 5,
  wouldSleep: 6,
  faultedIn: 7,
  copied: 8,
  countZero: 9,
  reserved: 10,
  noPage: 11,
  noVma: 12,
  forbidden: 13,
  readOnly: 14,
  interrupted: 15,
  poisoned: 16,
  refused: 17,
  noSlot: 18,
  released: 19,
  retry: 20,
} as const;

const LOOKUP_SENTENCES: Readonly<Record<keyof typeof LookupOutcome, string>> = {
  taken: "the page is taken with a reference",
  found: "a pfn is found, no reference is taken",
  notPresent: "no entry is present",
  notWritable: "the entry is not writable",
  special: "special entry, not taken",
  noMapping: "the page belongs to no file and is not anonymous, not taken",
  wouldSleep: "it would have to sleep and may not",
  faultedIn: "the host brought the page in",
  copied: "the host made a copy of the page",
  countZero: "the reference count is 0, refused",
  reserved: "the page is reserved, no reference is needed",
  noPage: "no struct page, no reference is needed",
  noVma: "nothing is mapped at this address",
  forbidden: "the mapping forbids the access",
  readOnly: "the host's entry is read-only, the write is emulated",
  interrupted: "a signal is pending",
  poisoned: "the page is poisoned",
  refused: "the driver refuses the access",
  noSlot: "no memslot has this gfn",
  released: "the reference is dropped, the page stays unused",
  retry: "an invalidation was seen, the fault is repeated",
};
const OUTCOMES = Object.keys(LookupOutcome) as (keyof typeof LookupOutcome)[];

export const LockCode = {
  mmu_lock: 0,
  mmap_lock: 1,
  slots_lock: 2,
  slots_arch_lock: 3,
  mn_invalidate_lock: 4,
  srcu: 5,
  rcu: 6,
  tdp_mmu_pages_lock: 7,
  mmu_unsync_pages_lock: 8,
  pageTableLock: 9,
  folioLock: 10,
  rmapLock: 11,
  gpcLock: 12,
} as const;
export const LockMode = { read: 0, write: 1 } as const;

/** Why a page's reference count changed. */
export const PageRefCause = {
  allocated: 0,
  mapped: 1,
  unmapped: 2,
  pageCache: 3,
  gupFast: 4,
  gupSlow: 5,
  tryGetPfn: 6,
  releaseClean: 7,
  releaseDirty: 8,
  gupDrop: 9,
  earlyRetry: 10,
  prefetchGet: 11,
  prefetchPut: 12,
  pin: 13,
  unpin: 14,
  fork: 15,
  copy: 16,
  migration: 17,
  swap: 18,
  ksm: 19,
  collapse: 20,
  lruDrain: 21,
  driver: 22,
  freed: 23,
  pfncache: 24,
  hostAccess: 25,
  split: 26,
  truncated: 27,
} as const;

export const PageMarkKind = { accessed: 0, dirty: 1 } as const;
export const TablePageChange = { freed: 0, allocated: 1 } as const;
export const MemslotChange = { create: 0, delete: 1, move: 2, flags: 3 } as const;
export const TlbScope = { vcpu: 0, all: 1, range: 2, address: 3 } as const;

export const ownEvents = {
  guestAccess: own("guestAccess", {
    id: 128,
    letter: "G",
    meaning: "The guest reads, writes or fetches at this address.",
    fields: { vcpu: "int", kind: "int", gva: "u64", size: "int" },
    body: (f) =>
      line`vcpu ${dec(f.vcpu)} ${codeOf(f.kind, AccessKind)} gva 0x${hex(
        f.gva,
      )} size ${dec(f.size)}`,
  }),
  tlbFill: own("tlbFill", {
    id: 129,
    letter: "T",
    meaning: "The CPU keeps this translation until it is flushed.",
    fields: { vcpu: "int", gva: "u64", pfn: "wide", writable: "int" },
    identities: { pfn: "pfn" },
    body: (f) =>
      line`vcpu ${dec(f.vcpu)} gva 0x${hex(f.gva)} pfn ${hex(f.pfn)} ${oneOf(f.writable, [
        "read-only",
        "writable",
      ])}`,
  }),
  tlbFlush: own("tlbFlush", {
    id: 130,
    letter: "T",
    meaning: "Cached translations are thrown away.",
    fields: { vcpu: "int", scope: "int", gfn: "wide", pages: "wide" },
    body: (f) =>
      line`vcpu ${dec(f.vcpu)} scope ${codeOf(f.scope, TlbScope)} gfn ${hex(
        f.gfn,
      )} pages ${hex(f.pages)}`,
  }),
  lookupStep: own("lookupStep", {
    id: 131,
    letter: "L",
    meaning: "One step of finding the host page behind the faulting address.",
    fields: { step: "int", hva: "wide", pfn: "wide", outcome: "int" },
    identities: { pfn: "pfn" },
    body: (f) =>
      line`${codeOf(f.step, LookupStep)} hva 0x${hex(f.hva)} pfn ${hex(f.pfn)}: ${oneOf(
        f.outcome,
        OUTCOMES.map((name) => LOOKUP_SENTENCES[name]),
      )}`,
  }),
  lockTaken: own("lockTaken", {
    id: 132,
    letter: "K",
    meaning: "This lock is held from here on.",
    fields: { lock: "int", mode: "int" },
    body: (f) => line`${codeOf(f.lock, LockCode)} ${codeOf(f.mode, LockMode)}`,
  }),
  lockReleased: own("lockReleased", {
    id: 133,
    letter: "K",
    meaning: "This lock is free again.",
    fields: { lock: "int", mode: "int" },
    body: (f) => line`${codeOf(f.lock, LockCode)} ${codeOf(f.mode, LockMode)}`,
  }),
  faultResult: own("faultResult", {
    id: 134,
    letter: "F",
    meaning: "The fault handler is done and says how.",
    fields: { vcpu: "int", ret: "int" },
    body: (f) => line`vcpu ${dec(f.vcpu)} ${codeOf(f.ret, { ...RetPf, ...FAULT_ERRORS })}`,
  }),
  pageRef: own("page_ref", {
    id: 135,
    letter: "R",
    meaning: "The reference count of a host page changed.",
    fields: { pfn: "wide", delta: "int", count: "int", cause: "int" },
    identities: { pfn: "pfn" },
    body: (f) =>
      line`pfn ${hex(f.pfn)} delta ${dec(f.delta)} count ${dec(f.count)} ${codeOf(
        f.cause,
        PageRefCause,
      )}`,
  }),
  pageMark: own("pageMark", {
    id: 136,
    letter: "R",
    meaning: "KVM or the host marked the page as used or changed.",
    fields: { pfn: "wide", mark: "int" },
    identities: { pfn: "pfn" },
    body: (f) => line`pfn ${hex(f.pfn)} ${codeOf(f.mark, PageMarkKind)}`,
  }),
  notifierStart: own("notifierStart", {
    id: 137,
    letter: "N",
    meaning: "An invalidation of KVM's memory is in progress from here on.",
    fields: { start: "wide", end: "wide", inProgress: "int", seq: "int" },
    body: (f) =>
      line`hva 0x${hex(f.start)} -- 0x${hex(f.end)} in progress ${dec(
        f.inProgress,
      )} seq ${dec(f.seq)}`,
  }),
  notifierEnd: own("notifierEnd", {
    id: 138,
    letter: "N",
    meaning: "The invalidation is over; the sequence moved, so older lookups are stale.",
    fields: { start: "wide", end: "wide", inProgress: "int", seq: "int" },
    body: (f) =>
      line`hva 0x${hex(f.start)} -- 0x${hex(f.end)} in progress ${dec(
        f.inProgress,
      )} seq ${dec(f.seq)}`,
  }),
  hostPte: own("hostPte", {
    id: 139,
    letter: "S",
    meaning: "An entry of the host's own page tables changed.",
    fields: { hva: "wide", level: "int", old: "u64", new: "u64" },
    identities: { old: "leaf", new: "leaf" },
    body: (f) =>
      line`hva 0x${hex(f.hva)} level ${dec(f.level)} old ${hex(f.old)} new ${hex(f.new)}`,
  }),
  kvmRun: own("kvmRun", {
    id: 140,
    letter: "X",
    meaning: "KVM_RUN returned to the VMM.",
    fields: { vcpu: "int", errno: "int", exit: "int" },
    body: (f) => line`vcpu ${dec(f.vcpu)} errno ${dec(f.errno)} exit ${dec(f.exit)}`,
  }),
  memslot: own("memslot", {
    id: 141,
    letter: "M",
    meaning: "The VM's memory layout changed.",
    fields: { slot: "int", change: "int", gfn: "wide", pages: "wide", hva: "wide", flags: "int" },
    body: (f) =>
      line`slot ${dec(f.slot)} ${codeOf(f.change, MemslotChange)} gfn ${hex(
        f.gfn,
      )} pages ${hex(f.pages)} hva 0x${hex(f.hva)} flags ${hex(f.flags)}`,
  }),
  staleCheck: own("staleCheck", {
    id: 142,
    letter: "F",
    meaning: "Under mmu_lock KVM asks whether an invalidation made the lookup useless.",
    fields: { seqThen: "int", seqNow: "int", inProgress: "int", stale: "int" },
    body: (f) =>
      line`seq ${dec(f.seqThen)} now ${dec(f.seqNow)} in progress ${dec(
        f.inProgress,
      )}: ${oneOf(f.stale, ["good", "stale"])}`,
  }),
  tablePage: own("tablePage", {
    id: 143,
    letter: "S",
    meaning: "A page for KVM's tables was taken from the host or given back.",
    fields: { pfn: "wide", change: "int", level: "int" },
    body: (f) => line`pfn ${hex(f.pfn)} ${codeOf(f.change, TablePageChange)} level ${dec(f.level)}`,
  }),
  dirtyPage: own("dirtyPage", {
    id: 145,
    letter: "M",
    meaning: "User space learns that this page of the slot was written.",
    fields: { slot: "int", page: "wide" },
    body: (f) => line`slot ${dec(f.slot)} page ${dec(f.page)}`,
  }),
  modelNote: own("modelNote", {
    id: 144,
    letter: "!",
    meaning: "The model says something in words.",
    fields: { text: "text" },
    body: (f) => line`${rest(f.text)}`,
  }),
} as const;
