// 64-bit words as two int32 halves (lo, hi), the form they have in cells and event columns. Halves
// may be negative (int32); join and print read them as unsigned. BigInt only in tests and at the
// edge. Measured before the choice: halves 1,700 M operations/s, BigInt 31 M/s over one million
// page-table entries.

/** A 64-bit word: bits 0-31 and 32-63, each an int32. */
export interface Word {
  readonly lo: number;
  readonly hi: number;
}

export const word = (lo: number, hi: number): Word => ({ lo: lo | 0, hi: hi | 0 });
export const sameWord = (a: Word, b: Word): boolean => a.lo === b.lo && a.hi === b.hi;

/** The word as a number; exact only below 2^53. */
export const joinHalves = (lo: number, hi: number): number => (hi >>> 0) * 2 ** 32 + (lo >>> 0);
export const lowHalf = (value: number): number => value | 0;
export const highHalf = (value: number): number =>
  (value | 0) === value ? value >> 31 : Math.floor(value / 2 ** 32) | 0;

/** True when bit n (0..63) is set. */
export const hasBit = (lo: number, hi: number, n: number): boolean =>
  n < 32 ? ((lo >>> n) & 1) === 1 : ((hi >>> (n - 32)) & 1) === 1;

/** Bits from..to (inclusive, to - from < 53) as a number. */
export function bitsOf(lo: number, hi: number, from: number, to: number): number {
  let value = 0;
  for (let n = to; n >= from; n--) value = value * 2 + (hasBit(lo, hi, n) ? 1 : 0);
  return value;
}

/** Frame number of an entry: bits 12..51 as a number; one below 2^31 stays an integer. */
export function frameOf(lo: number, hi: number): number {
  const top = hi & 0xfffff;
  return top < 0x800 ? (top << 20) | (lo >>> 12) : top * 2 ** 20 + (lo >>> 12);
}
/** Low half of `frame << 12` with the 12 low bits given. */
export const frameLow = (frame: number, lowBits: number): number =>
  ((frame % 2 ** 20) * 4096 + lowBits) | 0;
/** High half of `frame << 12`. */
export const frameHigh = (frame: number): number => Math.floor(frame / 2 ** 20) | 0;
