// One access translated by a CPU in long mode: the walk over 4 or 5 levels, which entries it
// refuses, who may do what with a page, what a #PF reports, which accessed and dirty bits it sets.
// Stands alone: entries come from, and go back to, tables that the caller gives.
// From: Intel SDM volume 3A, chapter "Paging" (entry formats, access rights, protection keys, page
// faults, accessed and dirty flags) and what its chapter on exceptions says of #PF; AMD APM volume
// 2, chapter 5 (long-mode translation, page protection). `Cpu` has where the two differ.
import { pagesPerLevel } from "#shared/units/address";
import { frameOf } from "#shared/units/halves";

/** Bits of CR0, CR4, EFER and EFLAGS that rule a walk: no two have the same place. */
export const CR0_WP = 0x10000;
export const CR4_LA57 = 1 << 12;
export const CR4_SMEP = 1 << 20;
export const CR4_SMAP = 1 << 21;
export const CR4_PKE = 1 << 22;
export const CR4_PKS = 1 << 24;
export const EFER_NX = 0x800;
export const EFLAGS_AC = 1 << 18;

/** Bits of an entry's low half. */
export const P = 1;
export const W = 2;
export const U = 4;
export const A = 0x20;
export const D = 0x40;
export const PS = 0x80;
const G = 0x100;
/** In its high half. */
export const NX_HIGH = 0x80000000 | 0;

/** Bits of a #PF's code; P, W and U are those of an entry. */
export const RSVD = 8;
export const FETCH = 16;
export const PK = 32;

/** Right to execute, beside W and U: no entry of the walk has NX. */
export const X = 1;

export const ACCESS_READ = 0;
export const ACCESS_WRITE = 1;
export const ACCESS_FETCH = 2;

/** An access to translate: halves of the address, what is done, by whom. */
export interface Access {
  readonly lo: number;
  readonly hi: number;
  readonly kind: number;
  /** At CPL 3. */
  readonly isUser: boolean;
  /** To a descriptor table or the TSS, for the CPU's own use: supervisor's at any CPL. */
  readonly isImplicit: boolean;
}

/** What a CPU is, as CPUID tells, and its registers of key rights. */
export interface Cpu {
  /** MAXPHYADDR: 32 to 52. */
  readonly physicalBits: number;
  readonly hasGigabytePages: boolean;
  /** Bit 8 of entries of level 4 and 5: reserved by AMD, ignored by Intel. */
  readonly reservesGlobal: boolean;
  /** Two bits a key, no data access and no write: for user pages, for supervisor pages. */
  readonly pkru: number;
  readonly pkrs: number;
}

/** The tables of one walk, and where it has come to. */
export interface Walk {
  /** Frame of the root table. */
  readonly root: number;
  /** Halves of the entry loaded last. */
  readonly lo: number;
  readonly hi: number;
  /** Reads an entry of the table in a frame. False: it cannot be had, the walk stops. */
  load(table: number, index: number): boolean;
  /** Sets the low half of the entry loaded last, which has got a bit. */
  store(lo: number): void;
  /** Asked when the page's own bits are set. False: the page cannot be had, the walk stops. */
  reach(frame: number): boolean;

  /** Set for a translation: the page's frame for this very address, level, rights as X, W, U. */
  frame: number;
  level: number;
  rights: number;
  /** Set for a fault: the code that the CPU pushes. */
  code: number;
}

/** stopped: by load() or reach(). notCanonical: #GP, or #SS of a stack access; no table is read. */
export const Walked = { translated: 0, stopped: 1, pageFault: 2, notCanonical: 3 } as const;

/** Key bits: no data access, no write. */
const AD = 1;
const WD = 2;
const FOUR_LEVELS = 4;
const FIVE_LEVELS = 5;

/** What rules a walk beside the tables, in one word. */
export const controlsOf = (cr0: number, cr4: number, efer: number, eflags: number): number =>
  (cr0 & CR0_WP) |
  (cr4 & (CR4_LA57 | CR4_SMEP | CR4_SMAP | CR4_PKE | CR4_PKS)) |
  (efer & EFER_NX) |
  (eflags & EFLAGS_AC);

/** 9 bits of the address for a level, from its halves. */
export function indexAt(lo: number, hi: number, level: number): number {
  if (level === 1) return (lo >>> 12) & 511;
  if (level === 2) return (lo >>> 21) & 511;
  if (level === 3) return ((hi & 0x7f) << 2) | (lo >>> 30);
  return (hi >>> (level === FOUR_LEVELS ? 7 : 16)) & 511;
}

/** Whether all bits above those translated equal the highest of these. */
function isCanonical(hi: number, levels: number): boolean {
  const sign = hi >> (levels === FOUR_LEVELS ? 15 : 24);
  return sign === 0 || sign === -1;
}

const isUserMode = ({ isUser, isImplicit }: Access): boolean => isUser && !isImplicit;

/** Bits of an entry's high half that are beyond the CPU's addresses, thus reserved. */
export const beyondAddress = (cpu: Cpu): number => (0xfffff << (cpu.physicalBits - 32)) & 0xfffff;

/** Whether the present entry loaded last has a bit that must be zero. */
function hasReserved(cpu: Cpu, controls: number, level: number, lo: number, hi: number): boolean {
  if ((hi & beyondAddress(cpu)) !== 0) return true;
  if ((hi & NX_HIGH) !== 0 && (controls & EFER_NX) === 0) return true;
  if (level >= FOUR_LEVELS) return (lo & (cpu.reservesGlobal ? PS | G : PS)) !== 0;
  if (level === 1 || (lo & PS) === 0) return false;
  // Between the address of a large page and bit 12, which says its memory type.
  return level === 2 ? (lo & 0x1fe000) !== 0 : !cpu.hasGigabytePages || (lo & 0x3fffe000) !== 0;
}

/** Whether the rights, gathered over all levels, let the access through. */
function isAllowed(controls: number, access: Access, rights: number): boolean {
  const isUser = isUserMode(access);
  const isUserPage = (rights & U) !== 0;
  if (isUser && !isUserPage) return false;
  if (access.kind === ACCESS_FETCH)
    return (rights & X) !== 0 && (isUser || !isUserPage || (controls & CR4_SMEP) === 0);
  const isTrespass = !isUser && isUserPage && (controls & CR4_SMAP) !== 0;
  if (isTrespass && ((controls & EFLAGS_AC) === 0 || access.isImplicit)) return false;
  const isFreeToWrite = (rights & W) !== 0 || (!isUser && (controls & CR0_WP) === 0);
  return access.kind !== ACCESS_WRITE || isFreeToWrite;
}

/** Whether the page's protection key refuses the access. Keys say nothing of fetches. */
function isKeyRefused(cpu: Cpu, controls: number, access: Access, { rights, hi }: Walk): boolean {
  const isUserPage = (rights & U) !== 0;
  if ((controls & (isUserPage ? CR4_PKE : CR4_PKS)) === 0) return false;
  if (access.kind === ACCESS_FETCH) return false;
  const key = (hi >>> 27) & 15;
  const bits = (isUserPage ? cpu.pkru : cpu.pkrs) >>> (2 * key);
  if ((bits & AD) !== 0) return true;
  const isBound = isUserMode(access) || (controls & CR0_WP) !== 0;
  return (bits & WD) !== 0 && access.kind === ACCESS_WRITE && isBound;
}

function pageFault(controls: number, access: Access, walk: Walk, why: number): number {
  const tellsFetch = (controls & (EFER_NX | CR4_SMEP)) !== 0;
  walk.code =
    why |
    (access.kind === ACCESS_WRITE ? W : 0) |
    (isUserMode(access) ? U : 0) |
    (access.kind === ACCESS_FETCH && tellsFetch ? FETCH : 0);
  return Walked.pageFault;
}

/** Behind the last entry: rights, the page, its accessed and dirty bits. */
function reachPage(cpu: Cpu, controls: number, access: Access, walk: Walk): number {
  // The code tells of a key that refuses also when rights refuse as well.
  if (isKeyRefused(cpu, controls, access, walk)) return pageFault(controls, access, walk, P | PK);
  if (!isAllowed(controls, access, walk.rights)) return pageFault(controls, access, walk, P);
  const { lo } = walk;
  // Bits of the address that count pages inside a large one; there an entry has its memory type.
  const inside = (pagesPerLevel(walk.level) - 1) << 12;
  walk.frame = frameOf((lo & ~inside) | (access.lo & inside), walk.hi);
  // Before the page is reached, as the emulated CPU does: a nested fault finds the entry marked.
  const marked = lo | A | (access.kind === ACCESS_WRITE ? D : 0);
  if (marked !== lo) walk.store(marked);
  return walk.reach(walk.frame) ? Walked.translated : Walked.stopped;
}

/**
 * Translates one access. The entries above a page get their accessed bit as the walk passes them,
 * thus also when the page's rights then refuse; the entry at which a walk faults gets none.
 * MODEL: without shadow stacks, LASS and HLAT, which no guest of the lab has.
 */
export function walkPages(cpu: Cpu, controls: number, access: Access, walk: Walk): number {
  const levels = (controls & CR4_LA57) === 0 ? FOUR_LEVELS : FIVE_LEVELS;
  if (!isCanonical(access.hi, levels)) return Walked.notCanonical;
  let table = walk.root;
  let rights = X | W | U;
  for (let level = levels; ; level--) {
    if (!walk.load(table, indexAt(access.lo, access.hi, level))) return Walked.stopped;
    const { lo, hi } = walk;
    if ((lo & P) === 0) return pageFault(controls, access, walk, 0);
    if (hasReserved(cpu, controls, level, lo, hi))
      return pageFault(controls, access, walk, P | RSVD);
    rights &= (lo & (W | U)) | (~hi >>> 31);
    if (level === 1 || (lo & PS) !== 0) {
      walk.level = level;
      walk.rights = rights;
      return reachPage(cpu, controls, access, walk);
    }
    if ((lo & A) === 0) walk.store(lo | A);
    table = frameOf(lo, hi);
  }
}
