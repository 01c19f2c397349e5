// The lab's marks between the kernel's lines: steps, results, states of pages and of KVM's tables.
// Owns their shapes; strings (names, plan lines, lists) are cells that count into Texts.
// From: the lab's agent (trace_marker) and its module (trace_printk), as in the trace files.
import { mark } from "./declare.ts";
import type { Piece, Slot } from "./declare.ts";
import { cellAt, dec, fail, hex, line, oneOf, rest, variants, word } from "./pieces.ts";

/** Shapes of a RESULT line; the value goes to the field `form`. Fields used: in brackets. */
export const ResultForm = {
  ok: 0,
  /** [a] as read */
  okValue: 1,
  /** [a] errno, [b] exit reason */
  errno: 2,
  /** [a] errno, [b] flags, [c] gpa, [d] size */
  memoryFault: 3,
  /** [a] cr2, [b] error code */
  pageFault: 4,
  /** [a] error code */
  protection: 5,
  /** [a] port: another exception */
  otherException: 6,
  hostOk: 7,
  /** [a] hva */
  hostOkHva: 8,
  /** [a] value */
  hostOkValue: 9,
  /** [a] errno */
  hostErrno: 10,
  /** [a] signal */
  hostSignal: 11,
  hostFailed: 12,
  /** [a] hva */
  hostFailedHva: 13,
  /** [a] pages moved, [b] pages asked for */
  moved: 14,
  /** [a] pages moved, [b] asked for, [c] status of the last that failed (negative errno) */
  movedStatus: 15,
  /** [a] pages, or negative errno */
  pinned: 16,
  /** [a] 0 or 1 */
  young: 17,
  /** [a] fired, [b] state */
  raced: 18,
  /** [a] count, [list] page numbers with commas, or "-" */
  dirty: 19,
  /** [a] suberror, [b] first word */
  internalError: 20,
  shutdown: 21,
  /** [a] exit reason */
  exit: 22,
  gaveUp: 23,
  planError: 24,
  /** [a] what KVM_SET_MSRS returned */
  msr: 25,
} as const;

const resultShapes = (f: Readonly<Record<"a" | "b" | "c" | "d" | "list", Slot>>) => [
  line`ok`,
  line`ok value=0x${hex(f.a)}`,
  line`errno=${dec(f.a)} exit=${dec(f.b)}`,
  line`errno=${dec(f.a)} exit=memory_fault flags=0x${hex(f.b)} gpa=0x${hex(f.c)} size=0x${hex(
    f.d,
  )}`,
  line`guest-exception pf cr2=0x${hex(f.a)} ec=0x${hex(f.b)}`,
  line`guest-exception gp ec=0x${hex(f.a)}`,
  line`guest-exception port=0x${hex(f.a)}`,
  line`host ok`,
  line`host ok hva=0x${hex(f.a)}`,
  line`host ok value=0x${hex(f.a)}`,
  line`host errno=${dec(f.a)}`,
  line`host signal=${dec(f.a)}`,
  line`host failed`,
  line`host failed hva=0x${hex(f.a)}`,
  line`host ok moved=${dec(f.a)} of ${dec(f.b)}`,
  line`host ok moved=${dec(f.a)} of ${dec(f.b)} status=${dec(f.c)}`,
  line`host pinned=${dec(f.a)}`,
  line`host young=${dec(f.a)}`,
  line`host fired=${dec(f.a)} state=${dec(f.b)}`,
  line`dirty count=${dec(f.a)} pages=${word(f.list)}`,
  line`internal-error suberror=${dec(f.a)} data0=0x${hex(f.b)}`,
  line`shutdown`,
  line`exit=${dec(f.a)}`,
  line`gave-up after 40 runs`,
  line`plan-error`,
  line`host msr=${dec(f.a)}`,
];

/** Shapes of a PAGE line; the value goes to the field `form`. */
export const PageForm = {
  /** No entry: [hva], [pte] PteBit.none or swap, [vma] 0 or 1 */
  absent: 0,
  /** A pfn without struct page: [hva], [pte], [pfn] */
  noPage: 1,
  /** [hva], [pte], [pfn], [ref], [raw], [map], [order], [flags] */
  present: 2,
  /** A page that was mapped here before: as present without hva and pte */
  old: 3,
} as const;

/** Bits of a PAGE line's pte. `absent` entries use the last two. */
export const PteBit = {
  present: 1,
  writable: 2,
  dirty: 4,
  accessed: 8,
  size2M: 16,
  size1G: 32,
  none: 64,
  swap: 128,
} as const;

/** Page flags by bit, in the order they are printed. */
export const PAGE_FLAGS = [
  "head",
  "tail",
  "reserved",
  "anon",
  "lru",
  "swapbacked",
  "dirty",
  "referenced",
  "active",
  "ksm",
  "zero",
  "unevictable",
  "swapcache",
  "excl",
  "workingset",
] as const;

function pteText(pte: number): string {
  if ((pte & PteBit.none) !== 0) return "none";
  if ((pte & PteBit.swap) !== 0) return "swap";
  const size = (pte & PteBit.size2M) !== 0 ? "2M" : (pte & PteBit.size1G) !== 0 ? "1G" : "";
  const letter = (bit: number, set: string, clear: string): string =>
    (pte & bit) !== 0 ? set : clear;
  return (
    letter(PteBit.present, "P", "-") +
    letter(PteBit.writable, "w", "r") +
    letter(PteBit.dirty, "d", "-") +
    letter(PteBit.accessed, "a", "-") +
    size
  );
}

const PTE_SHAPE = /none|swap|(P|-)(w|r)(d|-)(a|-)(2M|1G)?/y;

function pte(slot: Slot): Piece {
  return {
    scan: (scan, from) => {
      PTE_SHAPE.lastIndex = from;
      const found = PTE_SHAPE.exec(scan.text);
      if (found === null) return fail(scan, from);
      const [all, present, right, dirty, accessed, size] = found;
      let value = all === "none" ? PteBit.none : all === "swap" ? PteBit.swap : 0;
      if (present === "P") value |= PteBit.present;
      if (right === "w") value |= PteBit.writable;
      if (dirty === "d") value |= PteBit.dirty;
      if (accessed === "a") value |= PteBit.accessed;
      if (size === "2M") value |= PteBit.size2M;
      if (size === "1G") value |= PteBit.size1G;
      scan.cells[scan.base + slot.at] = value;
      return from + all.length;
    },
    print: (cells, base) => pteText(cellAt(cells, base + slot.at)),
  };
}

function flags(slot: Slot): Piece {
  return {
    scan: (scan, from) => {
      const blank = scan.text.indexOf(" ", from);
      const end = blank < 0 ? scan.text.length : blank;
      const list = scan.text.slice(from, end);
      let value = 0;
      for (const name of list === "-" ? [] : list.split("|")) {
        const bit = (PAGE_FLAGS as readonly string[]).indexOf(name);
        if (bit < 0) return fail(scan, from);
        value |= 1 << bit;
      }
      scan.cells[scan.base + slot.at] = value;
      return end;
    },
    print: (cells, base) => {
      const value = cellAt(cells, base + slot.at);
      const names = PAGE_FLAGS.filter((_, bit) => (value & (1 << bit)) !== 0);
      return names.length === 0 ? "-" : names.join("|");
    },
  };
}

type PageSlots = Readonly<
  Record<"hva" | "pte" | "vma" | "pfn" | "ref" | "raw" | "map" | "order" | "flags", Slot>
>;

function pageShapes(f: PageSlots): readonly (readonly Piece[])[] {
  const counts = line`pfn=0x${hex(f.pfn)} ref=${dec(f.ref)} raw=${dec(f.raw)} map=${dec(
    f.map,
  )} order=${dec(f.order)} flags=${flags(f.flags)}`;
  return [
    line`hva=0x${hex(f.hva)} pte=${pte(f.pte)} vma=${oneOf(f.vma, ["no", "yes"])}`,
    line`hva=0x${hex(f.hva)} pte=${pte(f.pte)} pfn=0x${hex(f.pfn)} nopage`,
    [...line`hva=0x${hex(f.hva)} pte=${pte(f.pte)} `, ...counts],
    [...line`old `, ...counts],
  ];
}

/** Shapes of a changed table entry. */
export const EntryForm = {
  /** `count` neighbours gone */
  goneRun: 0,
  gone: 1,
  /** `count` neighbours, values `step` apart */
  run: 2,
  value: 3,
} as const;

export const labEvents = {
  labStep: mark("labStep", {
    id: 64,
    letter: "G",
    meaning: "A step of the plan begins; what follows belongs to it.",
    firstWord: "STEP",
    fields: { n: "int", plan: "text" },
    body: (f) => line`STEP ${dec(f.n)} ${rest(f.plan)}`,
  }),
  labResult: mark("labResult", {
    id: 65,
    letter: "X",
    meaning: "How the step ended.",
    firstWord: "RESULT",
    fields: { form: "int", a: "u64", b: "u64", c: "u64", d: "u64", list: "text" },
    body: (f) => line`RESULT ${variants(f.form, f.list, resultShapes(f))}`,
  }),
  labMmio: mark("labMmio", {
    id: 66,
    letter: "X",
    meaning: "KVM_RUN returned for an access to nothing; the VMM answers and enters again.",
    firstWord: "MMIO",
    fields: { write: "int", gpa: "wide", len: "int", data: "u64" },
    body: (f) =>
      line`MMIO ${variants(f.write, f.data, [
        line`read gpa=0x${hex(f.gpa)} len=${dec(f.len)}`,
        line`write gpa=0x${hex(f.gpa)} len=${dec(f.len)} data=0x${hex(f.data)}`,
      ])}`,
  }),
  labPage: mark("labPage", {
    id: 67,
    letter: "R",
    meaning: "The state of a tracked host page after the step.",
    firstWord: "PAGE",
    fields: {
      name: "text",
      form: "int",
      hva: "wide",
      pte: "int",
      vma: "int",
      pfn: "wide",
      ref: "int",
      raw: "int",
      map: "int",
      order: "int",
      flags: "int",
    },
    identities: { pfn: "pfn" },
    body: (f) => line`PAGE ${word(f.name)} ${variants(f.form, f.flags, pageShapes(f))}`,
  }),
  labRoot: mark("labRoot", {
    id: 68,
    letter: "S",
    meaning: "The vCPU now runs on this root; earlier entries of it are forgotten.",
    firstWord: "SPTE",
    fields: { vcpu: "int", root: "wide", level: "int" },
    identities: { root: "physical" },
    body: (f) => line`SPTE r${dec(f.vcpu)} root ${hex(f.root)} level ${dec(f.level)}`,
  }),
  labSpte: mark("labSpte", {
    id: 69,
    letter: "S",
    meaning: "An entry of the tables the vCPU runs on has changed during the step.",
    firstWord: "SPTE",
    fields: {
      vcpu: "int",
      level: "int",
      page: "wide",
      form: "int",
      count: "int",
      spte: "u64",
      step: "u64",
    },
    identities: { spte: "entry" },
    body: (f) =>
      line`SPTE r${dec(f.vcpu)} l${dec(f.level)} g=${hex(f.page)}${variants(f.form, f.step, [
        line`+${dec(f.count)} none`,
        line` none`,
        line`+${dec(f.count)} ${hex(f.spte)} step ${hex(f.step)}`,
        line` ${hex(f.spte)}`,
      ])}`,
  }),
  labWatch: mark("labWatch", {
    id: 70,
    letter: "R",
    meaning: "A watchpoint on the page's reference count was set.",
    firstWord: "WATCH",
    fields: { pfn: "wide", slot: "int", ret: "int" },
    identities: { pfn: "pfn" },
    body: (f) => line`WATCH pfn=0x${hex(f.pfn)} slot=${dec(f.slot)} ret=${dec(f.ret)}`,
  }),
  labNote: mark("labNote", {
    id: 71,
    letter: "!",
    meaning: "The lab says something in words.",
    firstWord: "NOTE",
    fields: { text: "text" },
    body: (f) => line`NOTE ${rest(f.text)}`,
  }),
  labRace: mark("labRace", {
    id: 72,
    letter: "N",
    meaning: "The armed invalidation begins or ends here.",
    firstWord: "lab_race:",
    fields: { begins: "int", start: "wide", end: "wide" },
    body: (f) =>
      line`lab_race: ${variants(f.begins, f.end, [
        line`end`,
        line`start 0x${hex(f.start)} -- 0x${hex(f.end)}`,
      ])}`,
  }),
  labRef: mark("labRef", {
    id: 73,
    letter: "R",
    meaning: "A watched page's reference count changed, in the first function named.",
    firstWord: "lab_ref:",
    fields: { pfn: "wide", before: "int", after: "int", callers: "text" },
    identities: { pfn: "pfn" },
    body: (f) =>
      line`lab_ref: pfn=0x${hex(f.pfn)} ${dec(f.before)}->${dec(f.after)} ${rest(f.callers)}`,
  }),
} as const;
