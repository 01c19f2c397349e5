// The mix of one (cell, value) for the two lanes of a state's digest. A digest is the sum of the
// mixes over all cells, relative to the start: independent of the order of writes. Cell and value
// are mixed together; a xor of two separate hashes would cancel for equal values in two cells.

/** Two int32 lanes; equal states have equal lanes. */
export interface Digest {
  readonly d0: number;
  readonly d1: number;
}

const K0 = 0x9e3779b1;
const K1 = 0x85ebca6b;
const K2 = 0x2c1b3c6d;
const K3 = 0x297a2d39;

/** The cell's own term; `salt` gives other constants for a confirming search. */
export const cellTerm = (cell: number, salt: number): number => Math.imul(cell + salt, K0);

/** Lane 0 of a value in the cell with this term. */
export function mix0(term: number, value: number): number {
  let h = Math.imul(value + term, K1);
  h ^= h >>> 15;
  h = Math.imul(h ^ term, K2);
  h ^= h >>> 13;
  return Math.imul(h, K3) ^ (h >>> 16);
}

/** Lane 1, made from lane 0's mix and the cell's term once more. */
export function mix1(term: number, lane0: number): number {
  let h = Math.imul(lane0 ^ (term >>> 7), K1);
  h ^= h >>> 14;
  h = Math.imul(h + term, K2);
  return h ^ (h >>> 15);
}

export const digestText = (d: Digest): string =>
  (d.d0 >>> 0).toString(16).padStart(8, "0") + (d.d1 >>> 0).toString(16).padStart(8, "0");
