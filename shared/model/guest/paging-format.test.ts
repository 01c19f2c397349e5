// What a walk reads and where it ends, bit by bit: which bits of which entry are reserved, how the
// address leads through the tables to a frame, which addresses are canonical, and what is left
// behind when the tables cannot be had. Held against 64-bit arithmetic on BigInt.
// From: Intel SDM volume 3A, chapter "Paging" (formats of entries); AMD APM volume 2, chapter 5.
import fc from "fast-check";
import { expect, test } from "vitest";
import { ACCESS_READ, ACCESS_WRITE, controlsOf, walkPages, Walked, type Walk } from "./paging.ts";

const P = 1n;
const PS = 1n << 7n;
const FLAGS = 0x7n; // present, writable, user
const NX = 1n << 63n;
const ACCESSED = 1n << 5n;
const DIRTY = 1n << 6n;

const lowOf = (word: bigint): number => Number(BigInt.asIntN(32, word));
const highOf = (word: bigint): number => Number(BigInt.asIntN(32, word >> 32n));

/** Tables in memory: entries by their place, frame * 512 + index. Absent ones are zero. */
class Memory implements Walk {
  readonly root: number;
  lo = 0;
  hi = 0;
  frame = -1;
  level = -1;
  rights = -1;
  code = -1;
  readonly entries = new Map<number, bigint>();
  /** Loads that succeed, and whether the page is there. */
  loadable = 9;
  isReachable = true;
  loads = 0;
  private place = 0;

  constructor(root: number) {
    this.root = root;
  }
  load(table: number, index: number): boolean {
    if (this.loads++ === this.loadable) return false;
    this.place = table * 512 + index;
    const entry = this.entries.get(this.place) ?? 0n;
    this.lo = lowOf(entry);
    this.hi = highOf(entry);
    return true;
  }
  store(lo: number): void {
    const above = BigInt.asUintN(32, BigInt(this.hi)) << 32n;
    this.entries.set(this.place, above | BigInt.asUintN(32, BigInt(lo)));
  }
  reach(): boolean {
    return this.isReachable;
  }
}

interface Kind {
  readonly physicalBits: number;
  readonly hasGigabytePages: boolean;
  readonly reservesGlobal: boolean;
}
const AMD: Kind = { physicalBits: 40, hasGigabytePages: true, reservesGlobal: true };

interface Access {
  readonly gva: bigint;
  readonly levels: number;
  readonly nxe?: boolean;
  readonly kind?: number;
}

function walk(memory: Memory, cpu: Kind, { gva, levels, nxe = true, kind = 0 }: Access): number {
  const controls = controlsOf(0x80010033 | 0, levels === 5 ? 0x1020 : 0x20, nxe ? 0xd00 : 0x500, 2);
  memory.loads = 0;
  const access = { lo: lowOf(gva), hi: highOf(gva), kind, isUser: false, isImplicit: false };
  return walkPages({ ...cpu, pkru: 0, pkrs: 0 }, controls, access, memory);
}

/** Tables for an address, by shifts of the manuals: table frames 100, 101 … from the root down. */
function tablesFor(gva: bigint, levels: number, leaf: number, page: bigint): Memory {
  const memory = new Memory(100);
  for (let level = levels; level >= leaf; level--) {
    const index = Number((gva >> BigInt(12 + 9 * (level - 1))) & 511n);
    const table = 100 + levels - level;
    const isPage = level === leaf;
    const next = isPage ? page : BigInt(table + 1) << 12n;
    const large = isPage && leaf > 1 ? PS : 0n;
    memory.entries.set(table * 512 + index, next | FLAGS | large);
  }
  return memory;
}

const CANONICAL: readonly (readonly [number, bigint, boolean])[] = [
  [4, 0x0000_7fff_ffff_ffffn, true],
  [4, 0x0000_8000_0000_0000n, false],
  [4, 0xffff_7fff_ffff_ffffn, false],
  [4, 0xffff_8000_0000_0000n, true],
  [4, 0x0100_0000_0000_0000n, false],
  [5, 0x0000_8000_0000_0000n, true],
  [5, 0x00ff_ffff_ffff_ffffn, true],
  [5, 0x0100_0000_0000_0000n, false],
  [5, 0xfeff_ffff_ffff_ffffn, false],
  [5, 0xff00_0000_0000_0000n, true],
];

test.each(CANONICAL)("%i levels: %i is canonical: %s", (levels, gva, isCanonical) => {
  const memory = tablesFor(gva, levels, 1, 0n);
  expect(walk(memory, AMD, { gva, levels })).toBe(
    isCanonical ? Walked.translated : Walked.notCanonical,
  );
  expect(memory.loads).toBe(isCanonical ? levels : 0);
});

test("an address leads to the frame that its bits say, through tables of any level", () => {
  const any = fc.record({
    levels: fc.constantFrom(4, 5),
    leaf: fc.constantFrom(1, 2, 3),
    word: fc.bigInt(0n, 2n ** 64n - 1n),
    frame: fc.bigInt(0n, 2n ** 28n - 1n),
    memoryType: fc.boolean(),
  });
  fc.assert(
    fc.property(any, ({ levels, leaf, word, frame, memoryType }) => {
      const gva = BigInt.asIntN(levels === 4 ? 48 : 57, word);
      const pages = 512n ** BigInt(leaf - 1);
      const base = (frame / pages) * pages;
      // Bit 12 of a large page is no address.
      const page = (base << 12n) | (memoryType && leaf > 1 ? 1n << 12n : 0n);
      const memory = tablesFor(gva, levels, leaf, page);
      expect(walk(memory, AMD, { gva, levels })).toBe(Walked.translated);
      const inside = BigInt.asUintN(64, gva) / 4096n;
      expect(memory.frame).toBe(Number(base + (inside % pages)));
      expect(memory.level).toBe(leaf);
    }),
    { numRuns: 2_000 },
  );
});

/**
 * Reserved bits by what an entry is, from the highest to the lowest; M: the CPU's address width.
 */
const M = -1;
const FORMATS: readonly {
  readonly level: number;
  readonly use: "table" | "page";
  readonly reserved: readonly (readonly [number, number])[];
}[] = [
  {
    level: 5,
    use: "table",
    reserved: [
      [51, M],
      [7, 7],
    ],
  },
  {
    level: 4,
    use: "table",
    reserved: [
      [51, M],
      [7, 7],
    ],
  },
  {
    level: 3,
    use: "page",
    reserved: [
      [51, M],
      [29, 13],
    ],
  },
  { level: 3, use: "table", reserved: [[51, M]] },
  {
    level: 2,
    use: "page",
    reserved: [
      [51, M],
      [20, 13],
    ],
  },
  { level: 2, use: "table", reserved: [[51, M]] },
  { level: 1, use: "page", reserved: [[51, M]] },
];

type Format = (typeof FORMATS)[number];

function isReserved({ level, use, reserved }: Format, n: number, cpu: Kind, nxe: boolean): boolean {
  // Without pages of 1 GiB, the bit that makes the entry one is reserved itself.
  if (level === 3 && use === "page" && !cpu.hasGigabytePages) return true;
  if (n === 63) return !nxe;
  if (level >= 4 && n === 8) return cpu.reservesGlobal;
  return reserved.some(([to, from]) => n <= to && n >= (from === M ? cpu.physicalBits : from));
}

const GVA = 0xffff_ffff_ffff_f000n;

/** The walk's code when bit `n` of a good entry is set as well; -1 when it goes through there. */
function codeWith({ level, use }: Format, n: number, cpu: Kind, nxe: boolean): number {
  const levels = level === 5 ? 5 : 4;
  const memory = tablesFor(GVA, levels, use === "page" ? level : 1, 0n);
  const place = (100 + levels - level) * 512 + 511;
  // Nothing below follows: a table whose address has changed is not there.
  const entry = (memory.entries.get(place) ?? 0n) | (1n << BigInt(n));
  memory.entries.set(place, entry);
  const result = walk(memory, cpu, { gva: GVA, levels, nxe });
  const isPassed = result === Walked.translated || memory.loads > levels - level + 1;
  if (isPassed) return -1;
  expect(memory.entries.get(place)).toBe(entry);
  return memory.code;
}

test.each(FORMATS)("reserved bits of an entry of level $level for a $use", (format) => {
  // Present already; and bit 7, where it makes a page of a table.
  const isFree = (n: number): boolean => n > 0 && (n !== 7 || ![2, 3].includes(format.level));
  const bits = Array.from({ length: 64 }, (_, n) => n).filter(isFree);
  for (let physicalBits = 32; physicalBits <= 52; physicalBits++) {
    for (let n = 0; n < 8; n++) {
      const cpu = { physicalBits, hasGigabytePages: (n & 1) !== 0, reservesGlobal: (n & 2) !== 0 };
      const nxe = (n & 4) !== 0;
      const got = bits.filter((bit) => codeWith(format, bit, cpu, nxe) === 9);
      const want = bits.filter((bit) => isReserved(format, bit, cpu, nxe));
      expect({ cpu, nxe, got }).toEqual({ cpu, nxe, got: want });
    }
  }
});

test("an entry that is not present has no reserved bits", () => {
  const memory = tablesFor(GVA, 4, 1, 0n);
  memory.entries.set(102 * 512 + 511, ~0n ^ P);
  expect(walk(memory, AMD, { gva: GVA, levels: 4, nxe: false })).toBe(Walked.pageFault);
  expect(memory.code).toBe(0);
});

test.each([0, 1, 2, 3])(
  "a table that cannot be had at load %i stops the walk there",
  (loadable) => {
    const memory = tablesFor(GVA, 4, 1, NX);
    memory.loadable = loadable;
    expect(walk(memory, AMD, { gva: GVA, levels: 4, kind: ACCESS_WRITE })).toBe(Walked.stopped);
    const marked = [100, 101, 102, 103].map((table) => marksOf(memory, table));
    expect(marked).toEqual([0, 1, 2, 3].map((at) => (at < loadable ? ACCESSED : 0n)));
  },
);

test.each([
  [ACCESS_READ, ACCESSED],
  [ACCESS_WRITE, ACCESSED | DIRTY],
])("a page that cannot be had has its bits already, by access %i", (kind, marks) => {
  const memory = tablesFor(GVA, 4, 1, 0n);
  memory.isReachable = false;
  const access = { gva: GVA, levels: 4, kind };
  expect(walk(memory, AMD, access)).toBe(Walked.stopped);
  expect(marksOf(memory, 103)).toBe(marks);
  memory.isReachable = true;
  expect(walk(memory, AMD, access)).toBe(Walked.translated);
  expect(marksOf(memory, 103)).toBe(marks);
});

const marksOf = (memory: Memory, table: number): bigint =>
  (memory.entries.get(table * 512 + 511) ?? 0n) & (ACCESSED | DIRTY);
