// The walker against the manuals' rules, written as tables in the manuals' order and in booleans:
// translation, access rights, protection keys, the page fault's code, accessed and dirty flags.
// Every combination of entries, registers and accesses is put to both. The tables share nothing
// with the walker but the names of the three accesses.
// From: Intel SDM volume 3A, chapter "Paging"; AMD APM volume 2, chapter 5.
import { describe, expect, test } from "vitest";
import {
  ACCESS_FETCH as FETCH,
  ACCESS_READ as READ,
  ACCESS_WRITE as WRITE,
  controlsOf,
  walkPages,
  Walked,
  type Cpu,
  type Walk,
} from "./paging.ts";

/** Registers, and who does what. */
interface Asked {
  wp: boolean;
  nxe: boolean;
  smep: boolean;
  smap: boolean;
  ac: boolean;
  pke: boolean;
  pks: boolean;
  /** Rights of user pages' and of supervisor pages' keys: no access, no write. */
  userAd: boolean;
  userWd: boolean;
  supervisorAd: boolean;
  supervisorWd: boolean;
  cpl: 0 | 3;
  implicit: boolean;
  kind: number;
}

interface Entry {
  present: boolean;
  writable: boolean;
  user: boolean;
  noExecute: boolean;
  /** A bit is set that no register allows. */
  reserved: boolean;
  accessed: boolean;
  dirty: boolean;
}

/** Entries from the root down; the last is the page's. */
type Entries = readonly Entry[];

/** What the entries make of an address, as the chapter's access rights speak of it. */
interface Address {
  /** How many entries the translation uses; fewer than there are when one of them ends it. */
  used: number;
  ends: "" | "absent" | "reserved";
  user: boolean;
  writable: boolean;
  executeDisable: boolean;
}

// Translation: an entry that is used ends it if its P is 0, else if it has a reserved bit.
const ENDS: readonly { why: Address["ends"]; when: (entry: Entry, nxe: boolean) => boolean }[] = [
  { why: "absent", when: ({ present }) => !present },
  { why: "reserved", when: ({ reserved }) => reserved },
  { why: "reserved", when: ({ noExecute }, nxe) => noExecute && !nxe },
];

function addressOf(entries: Entries, nxe: boolean): Address {
  const endsAt = entries.findIndex((entry) => ENDS.some(({ when }) => when(entry, nxe)));
  const ending = endsAt < 0 ? undefined : entries[endsAt];
  return {
    used: endsAt < 0 ? entries.length : endsAt,
    ends: ending ? (ENDS.find(({ when }) => when(ending, nxe))?.why ?? "") : "",
    user: entries.every(({ user }) => user),
    writable: entries.every(({ writable }) => writable),
    executeDisable: entries.some(({ noExecute }) => noExecute),
  };
}

// Access rights: who, what, on which address; whether it is allowed, keys left aside.
type Right = (asked: Asked, address: Address) => boolean;
const always: Right = () => true;
const never: Right = () => false;
const passesSmap: Right = ({ smap, ac, implicit }) => !smap || (ac && !implicit);
const passesWp: Right = ({ wp }, { writable }) => !wp || writable;
const passesXd: Right = ({ nxe }, { executeDisable }) => !nxe || !executeDisable;
const RIGHTS: readonly (readonly ["supervisor" | "user", number, "supervisor" | "user", Right])[] =
  [
    ["supervisor", READ, "supervisor", always],
    ["supervisor", READ, "user", passesSmap],
    ["supervisor", WRITE, "supervisor", passesWp],
    ["supervisor", WRITE, "user", (a, on) => passesWp(a, on) && passesSmap(a, on)],
    ["supervisor", FETCH, "supervisor", passesXd],
    ["supervisor", FETCH, "user", (a, on) => !a.smep && passesXd(a, on)],
    ["user", READ, "user", always],
    ["user", WRITE, "user", (_, { writable }) => writable],
    ["user", FETCH, "user", passesXd],
    ["user", READ, "supervisor", never],
    ["user", WRITE, "supervisor", never],
    ["user", FETCH, "supervisor", never],
  ];

const isUserMode = ({ cpl, implicit }: Asked): boolean => cpl === 3 && !implicit;
const placeOf = (user: boolean, kind: number, userAddress: boolean): number =>
  kind * 4 + (user ? 2 : 0) + (userAddress ? 1 : 0);
const RIGHT_AT: Right[] = [];
for (const [mode, kind, address, right] of RIGHTS)
  RIGHT_AT[placeOf(mode === "user", kind, address === "user")] = right;

// Protection keys: each row alone refuses.
const isData = ({ kind }: Asked): boolean => kind !== FETCH;
const isBoundWrite = (asked: Asked): boolean =>
  asked.kind === WRITE && (isUserMode(asked) || asked.wp);
const KEYS: readonly { name: string; refuses: Right }[] = [
  { name: "PKRU, no access", refuses: (a, { user }) => user && a.pke && isData(a) && a.userAd },
  {
    name: "PKRU, no write",
    refuses: (a, { user }) => user && a.pke && a.userWd && isBoundWrite(a),
  },
  {
    name: "PKRS, no access",
    refuses: (a, { user }) => !user && a.pks && isData(a) && a.supervisorAd,
  },
  {
    name: "PKRS, no write",
    refuses: (a, { user }) => !user && a.pks && a.supervisorWd && isBoundWrite(a),
  },
];

// The code of a page fault, bit by bit.
const CODE: readonly { bit: number; name: string; when: Right }[] = [
  { bit: 0, name: "P", when: (_, { ends }) => ends !== "absent" },
  { bit: 1, name: "W/R", when: ({ kind }) => kind === WRITE },
  { bit: 2, name: "U/S", when: isUserMode },
  { bit: 3, name: "RSVD", when: (_, { ends }) => ends === "reserved" },
  { bit: 4, name: "I/D", when: ({ kind, nxe, smep }) => kind === FETCH && (nxe || smep) },
  {
    bit: 5,
    name: "PK",
    when: (asked, address) => address.ends === "" && isKeyed(asked, address),
  },
];

function isKeyed(asked: Asked, address: Address): boolean {
  for (const { refuses } of KEYS) if (refuses(asked, address)) return true;
  return false;
}

/** The code of the fault, or -1 for none. */
function faultOf(asked: Asked, address: Address): number {
  const right = RIGHT_AT[placeOf(isUserMode(asked), asked.kind, address.user)] ?? never;
  const allowed = address.ends === "" && right(asked, address) && !isKeyed(asked, address);
  if (allowed) return -1;
  let code = 0;
  for (const { bit, when } of CODE) if (when(asked, address)) code += 2 ** bit;
  return code;
}

// Accessed and dirty flags: of entries above a page, when the translation used them; of the page,
// when the access was made.
const isAccessedAfter = (
  entries: Entries,
  at: number,
  address: Address,
  fault: number,
): boolean => {
  const isPage = at === entries.length - 1;
  return (entries[at]?.accessed ?? false) || (isPage ? fault < 0 : at < address.used);
};
const isDirtyAfter = (entries: Entries, at: number, asked: Asked, fault: number): boolean =>
  (entries[at]?.dirty ?? false) || (at === entries.length - 1 && asked.kind === WRITE && fault < 0);

// How a case is put to the walker.

const FRAME = 0x12340;
const KEY = 11;
const cpuOf = (physicalBits: number, asked: Asked): Cpu => ({
  physicalBits,
  hasGigabytePages: true,
  reservesGlobal: true,
  pkru: keyRights(asked.userAd, asked.userWd),
  pkrs: keyRights(asked.supervisorAd, asked.supervisorWd),
});
/** All other keys allow what this one forbids, and forbid what it allows. */
const keyRights = (ad: boolean, wd: boolean): number => {
  const own = Number(ad) + 2 * Number(wd);
  return (((3 - own) * 0x55555555) & ~(3 << (2 * KEY))) | (own << (2 * KEY));
};

/** A walk through entries in a row, whatever tables and indexes are asked for. */
class Row implements Walk {
  readonly root = 1;
  lo = 0;
  hi = 0;
  frame = -1;
  level = -1;
  rights = -1;
  code = -1;
  at = -1;
  lows: number[] = [];
  private readonly before: number[];
  private readonly highs: number[];

  constructor(entries: Entries, levels: number, physicalBits: number) {
    const isLarge = entries.length < levels;
    const last = entries.length - 1;
    this.before = entries.map((entry, at) => lowOf(entry, isLarge && at === last));
    this.highs = entries.map((entry) => highOf(entry, physicalBits));
  }
  restart(): void {
    for (let at = 0; at < this.before.length; at++) this.lows[at] = this.before[at] ?? 0;
    this.at = -1;
  }
  load(): boolean {
    this.at++;
    this.lo = this.lows[this.at] ?? 0;
    this.hi = this.highs[this.at] ?? 0;
    return true;
  }
  store(lo: number): void {
    this.lows[this.at] = lo;
  }
  reach(): boolean {
    return true;
  }
  isBefore(at: number, lowBits: number): boolean {
    return this.lows[at] === ((this.before[at] ?? 0) | lowBits);
  }
}

const bit = (n: number, isSet: boolean): number => (isSet ? 1 << n : 0);

function lowOf(entry: Entry, isLarge: boolean): number {
  const { present, writable, user, accessed, dirty } = entry;
  const flags = bit(0, present) | bit(1, writable) | bit(2, user) | bit(5, accessed);
  // Address bits below a large page's size must be zero.
  return (isLarge ? 0 : FRAME << 12) | flags | bit(6, dirty) | bit(7, isLarge);
}
const highOf = ({ noExecute, reserved }: Entry, physicalBits: number): number =>
  bit(31, noExecute) | (KEY << 27) | bit(physicalBits - 32, reserved);

const controlsFor = (asked: Asked, levels: number): number =>
  controlsOf(
    bit(16, asked.wp) | 0x80000001,
    bit(20, asked.smep) |
      bit(21, asked.smap) |
      bit(22, asked.pke) |
      bit(24, asked.pks) |
      bit(12, levels === 5) |
      0x20,
    bit(11, asked.nxe) | 0x500,
    bit(18, asked.ac) | 0x3002,
  );

const accessOf = ({ kind, cpl, implicit }: Asked) => ({
  lo: 0x5000,
  hi: 0,
  kind,
  isUser: cpl === 3,
  isImplicit: implicit,
});

const plainEntry: Entry = {
  present: true,
  writable: true,
  user: true,
  noExecute: false,
  reserved: false,
  accessed: false,
  dirty: false,
};
const plainAsked: Asked = {
  wp: true,
  nxe: true,
  smep: false,
  smap: false,
  ac: false,
  pke: false,
  pks: false,
  userAd: false,
  userWd: false,
  supervisorAd: false,
  supervisorWd: false,
  cpl: 0,
  implicit: false,
  kind: READ,
};

/** Entry `n` of 8 by its rights. */
const withRights = (n: number): Entry => ({
  ...plainEntry,
  writable: (n & 1) !== 0,
  user: (n & 2) !== 0,
  noExecute: (n & 4) !== 0,
});

const NUMBER_OF_ASKED = 2 ** 9 * 3;
/** Case `n` of the accesses and of the registers but NXE; keys of user pages alone. */
const askedOf = (n: number, nxe: boolean): Asked => {
  const flag = (place: number): boolean => ((Math.floor(n / 3) >> place) & 1) !== 0;
  return {
    nxe,
    kind: n % 3,
    cpl: flag(0) ? 3 : 0,
    implicit: flag(1),
    wp: flag(2),
    smep: flag(3),
    smap: flag(4),
    ac: flag(5),
    pke: flag(6),
    userAd: flag(7),
    userWd: flag(8),
    pks: false,
    supervisorAd: true,
    supervisorWd: true,
  };
};

/** A case of registers and access, as the rules and as the walker want it. */
interface Question {
  readonly asked: Asked;
  readonly cpu: Cpu;
  readonly controls: number;
  readonly access: ReturnType<typeof accessOf>;
}
const questionOf = (asked: Asked, levels: number, physicalBits: number): Question => ({
  asked,
  cpu: cpuOf(physicalBits, asked),
  controls: controlsFor(asked, levels),
  access: accessOf(asked),
});

/** Where walker and rules differ, the first few as text. */
type Differences = string[];
const MOST_SHOWN = 3;

/** One case for both. */
interface Case {
  readonly row: Row;
  readonly entries: Entries;
  readonly address: Address;
}

function compare(found: Differences, { row, entries, address }: Case, question: Question): void {
  const { asked, cpu, controls, access } = question;
  const code = faultOf(asked, address);
  row.restart();
  const walked = walkPages(cpu, controls, access, row);
  let isEqual =
    code < 0
      ? walked === Walked.translated && row.rights === rightsOf(address)
      : walked === Walked.pageFault && row.code === code;
  for (let at = 0; at < entries.length; at++) {
    const marks =
      bit(5, isAccessedAfter(entries, at, address, code)) |
      bit(6, isDirtyAfter(entries, at, asked, code));
    isEqual &&= row.isBefore(at, marks);
  }
  if (isEqual || found.length === MOST_SHOWN) return;
  const got = { walked, code: row.code, rights: row.rights, lows: row.lows };
  found.push(JSON.stringify({ code, address, got, asked, entries }));
}

const rightsOf = ({ user, writable, executeDisable }: Address): number =>
  (executeDisable ? 0 : 1) + (writable ? 2 : 0) + (user ? 4 : 0);

const SHAPES = [4, 5].flatMap((levels) => [1, 2, 3].map((leaf) => ({ levels, leaf })));
/** An entry above the page, the page's. */
const STATES: readonly (readonly [Partial<Entry>, Partial<Entry>])[] = [
  [{}, {}],
  [{}, { present: false }],
  [{}, { reserved: true }],
  [{ present: false }, {}],
  [{ reserved: true }, {}],
];

const questionsFor = (levels: number, physicalBits: number): Question[][] =>
  [false, true].map((nxe) =>
    Array.from({ length: NUMBER_OF_ASKED }, (_, n) =>
      questionOf(askedOf(n, nxe), levels, physicalBits),
    ),
  );

/** Puts every case of registers and access to entries. */
function compareAll(
  found: Differences,
  entries: Entries,
  levels: number,
  questions: readonly Question[][],
): void {
  const first = questions[0]?.[0];
  const row = new Row(entries, levels, first?.cpu.physicalBits ?? 0);
  for (const some of questions) {
    const one = { row, entries, address: addressOf(entries, some[0]?.asked.nxe ?? false) };
    for (const question of some) compare(found, one, question);
  }
}

/** Puts one case to entries. */
function compareOne(found: Differences, entries: Entries, asked: Asked): void {
  const levels = entries.length;
  const row = new Row(entries, levels, 40);
  const address = addressOf(entries, asked.nxe);
  compare(found, { row, entries, address }, questionOf(asked, levels, 40));
}

const goodEntries = (count: number): Entry[] => Array.from({ length: count }, () => plainEntry);

describe("the walker does as the manuals' rules say", () => {
  test.each(SHAPES)("rights above and of a page: $levels levels, page at $leaf", (shape) => {
    const found: Differences = [];
    const { levels, leaf } = shape;
    const questions = questionsFor(levels, levels === 4 ? 40 : 46);
    const count = levels - leaf + 1;
    for (let n = 0; n < 64 * STATES.length; n++) {
      const [above, page] = STATES[n % STATES.length] ?? [{}, {}];
      const rights = Math.floor(n / STATES.length);
      const entries = goodEntries(count);
      entries[n % (count - 1)] = { ...withRights(rights & 7), ...above };
      entries[count - 1] = { ...withRights(rights >> 3), ...page };
      compareAll(found, entries, levels, questions);
    }
    expect(found).toEqual([]);
  });

  test.each(SHAPES)("rights lack at any one level: $levels levels, page at $leaf", (shape) => {
    const found: Differences = [];
    const { levels, leaf } = shape;
    const questions = questionsFor(levels, 52);
    for (let n = 0; n < (levels - leaf + 1) * 8; n++) {
      const entries = goodEntries(levels - leaf + 1);
      entries[n >> 3] = withRights(n & 7);
      compareAll(found, entries, levels, questions);
    }
    expect(found).toEqual([]);
  });

  test("the entry nearest the root ends the walk, whatever is wrong below", () => {
    const found: Differences = [];
    const states = [
      {},
      { present: false },
      { reserved: true },
      { present: false, reserved: true },
      { noExecute: true },
    ];
    for (const levels of [4, 5]) {
      for (let n = 0; n < states.length ** levels * 6; n++) {
        const asked = { ...plainAsked, nxe: n % 2 === 1, kind: n % 3 };
        const entries = goodEntries(levels).map((entry, at) => ({
          ...entry,
          ...states[Math.floor(n / 6 / states.length ** at) % states.length],
        }));
        compareOne(found, entries, asked);
      }
    }
    expect(found).toEqual([]);
  });

  test("keys of user pages and of supervisor pages are kept apart", () => {
    const found: Differences = [];
    for (let n = 0; n < 2 ** 11 * 3; n++) {
      const flag = (place: number): boolean => ((Math.floor(n / 3) >> place) & 1) !== 0;
      const asked: Asked = {
        ...plainAsked,
        kind: n % 3,
        pke: flag(0),
        pks: flag(1),
        userAd: flag(2),
        userWd: flag(3),
        supervisorAd: flag(4),
        supervisorWd: flag(5),
        cpl: flag(6) ? 3 : 0,
        implicit: flag(7),
        wp: flag(8),
      };
      const page = { ...plainEntry, user: flag(9), writable: flag(10) };
      const entries = [plainEntry, plainEntry, plainEntry, page];
      compareOne(found, entries, asked);
    }
    expect(found).toEqual([]);
  });

  test("accessed and dirty bits are added where they are missing, and no others", () => {
    const found: Differences = [];
    for (let n = 0; n < 2 ** 7 * 3; n++) {
      const flag = (place: number): boolean => ((Math.floor(n / 3) >> place) & 1) !== 0;
      // A dirty bit above the page means nothing and stays.
      const entries = [0, 1, 2, 3].map((at) => ({
        ...plainEntry,
        accessed: flag(at),
        dirty: flag(at === 3 ? 4 : 5),
        writable: at < 3 || flag(6),
      }));
      const asked = { ...plainAsked, kind: n % 3 };
      compareOne(found, entries, asked);
    }
    expect(found).toEqual([]);
  });
});
