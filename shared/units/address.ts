// Guest and host addresses and frame numbers, as branded numbers below 2^53. Never use | & << >> on
// them: those are 32-bit. A gva's upper half does not fit a number: it is a pair (halves.ts).
// From: Documentation/virt/kvm/x86/mmu.rst (words), arch/x86/include/asm/page_types.h (PAGE_SHIFT).
import type { Brand } from "./brand.ts";

/** Guest frame number: guest physical address / 4096. Less than 2^40. */
export type Gfn = Brand<number, "Gfn">;
/** Host page frame number. Less than 2^40. */
export type Pfn = Brand<number, "Pfn">;
/** Guest physical address in bytes. Less than 2^52. */
export type Gpa = Brand<number, "Gpa">;
/** Host virtual address of user space in bytes. Less than 2^47. */
export type Hva = Brand<number, "Hva">;

export const PAGE_SIZE = 4096;
export const GPA_END = 2 ** 52;
export const HVA_END = 2 ** 47;
export const FRAME_END = 2 ** 40;

/** True of what shifts take as it is; asked this way, an integer need not become a double. */
const isInt = (value: number): boolean => (value | 0) === value;
const ADDRESS_SCALE = [0, 2 ** -12, 2 ** -21, 2 ** -30, 2 ** -39, 2 ** -48] as const;
const FRAME_SCALE = [0, 1, 2 ** -9, 2 ** -18, 2 ** -27, 2 ** -36] as const;

/**
 * Index of an address in a table of `level` (1 = 4 KiB entries … 5): 9 bits above 12 + 9 * (level -
 * 1). `&` takes the scaled address modulo 2^32 after cutting its fraction: exact below 2^53.
 */
export const tableIndex = (address: number, level: number): number =>
  (address * (ADDRESS_SCALE[level] ?? 0)) & 511;
/** The same for a frame number. */
export const frameIndex = (frame: number, level: number): number =>
  isInt(frame) && level < 5
    ? (frame >>> (9 * level - 9)) & 511
    : (frame * (FRAME_SCALE[level] ?? 0)) & 511;

/** Frame number that an address lies in. */
export const frameAt = (address: number): number =>
  isInt(address) ? address >>> 12 : Math.floor(address / PAGE_SIZE);

/** 4 KiB pages that one entry of `level` (1 to 5) maps: 1, 512, 262144 … */
export const pagesPerLevel = (level: number): number =>
  level < 5 ? 1 << (9 * level - 9) : 2 ** 36;

/**
 * Which of the 4 KiB pages of its entry of `level` a frame is: the frame modulo their number, which
 * is a power of 2. `&` takes the frame modulo 2^32 first: exact up to level 4.
 */
export const frameInside = (frame: number, level: number): number =>
  level < 5 ? frame & (pagesPerLevel(level) - 1) : frame % pagesPerLevel(level);

/** Which entry of `level` a frame lies in, of all from frame 0 on. */
export const entryNumber = (frame: number, level: number): number =>
  isInt(frame) && level < 5 ? frame >>> (9 * level - 9) : Math.floor(frame / pagesPerLevel(level));

/** First frame of the entry of `level` that a frame lies in: gfn_round_for_level(). */
export const roundFrame = (frame: number, level: number): number =>
  frame - frameInside(frame, level);
