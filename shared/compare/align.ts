// Alignment of two sequences of keys: which element of the one stands beside which of the other, in
// order.
// Promises: pairs rise in both sequences; work is bounded by a constant a key, whatever the
// sequences are.
// From: patience differencing (unique keys first), longest common subsequence between what is left.

/** Largest product of lengths for the exact algorithm; beyond it a window is searched. */
const MOST_PRODUCT = 1_000_000;
const WINDOW = 24;

export interface Keys {
  readonly a: Int32Array;
  readonly b: Int32Array;
}

interface Segment {
  readonly aFrom: number;
  readonly aTo: number;
  readonly bFrom: number;
  readonly bTo: number;
}

/**
 * For each element of a: the index of its partner in b, or -1. `anchors` are pairs that must hold.
 */
export function alignKeys(
  keys: Keys,
  anchors: readonly (readonly [number, number])[] = [],
): Int32Array {
  const partner = new Int32Array(keys.a.length).fill(-1);
  const work: Segment[] = [];
  let aFrom = 0;
  let bFrom = 0;
  for (const [a, b] of anchors) {
    work.push({ aFrom, aTo: a, bFrom, bTo: b });
    partner[a] = b;
    aFrom = a + 1;
    bFrom = b + 1;
  }
  work.push({ aFrom, aTo: keys.a.length, bFrom, bTo: keys.b.length });
  for (let segment = work.pop(); segment !== undefined; segment = work.pop()) {
    const inner = trim(keys, segment, partner);
    if (inner !== null) divide(keys, inner, partner, work);
  }
  return partner;
}

/** Pairs the equal beginning and end; null when nothing is left on one side. */
function trim({ a, b }: Keys, segment: Segment, partner: Int32Array): Segment | null {
  let { aFrom, aTo, bFrom, bTo } = segment;
  while (aFrom < aTo && bFrom < bTo && a[aFrom] === b[bFrom]) partner[aFrom++] = bFrom++;
  while (aFrom < aTo && bFrom < bTo && a[aTo - 1] === b[bTo - 1]) partner[--aTo] = --bTo;
  return aFrom === aTo || bFrom === bTo ? null : { aFrom, aTo, bFrom, bTo };
}

function divide(keys: Keys, segment: Segment, partner: Int32Array, work: Segment[]): void {
  const unique = uniquePairs(keys, segment);
  if (unique.length === 0) {
    leaf(keys, segment, partner);
    return;
  }
  let { aFrom, bFrom } = segment;
  for (const [a, b] of unique) {
    if (a > aFrom && b > bFrom) work.push({ aFrom, aTo: a, bFrom, bTo: b });
    partner[a] = b;
    aFrom = a + 1;
    bFrom = b + 1;
  }
  if (aFrom < segment.aTo && bFrom < segment.bTo) {
    work.push({ aFrom, aTo: segment.aTo, bFrom, bTo: segment.bTo });
  }
}

/** Keys that occur once on each side, as the longest run of pairs that rises on both. */
function uniquePairs(
  { a, b }: Keys,
  { aFrom, aTo, bFrom, bTo }: Segment,
): (readonly [number, number])[] {
  const placeB = places(b, bFrom, bTo);
  const placeA = places(a, aFrom, aTo);
  const pairs: [number, number][] = [];
  for (let i = aFrom; i < aTo; i++) {
    const key = a[i] ?? 0;
    const at = placeB.get(key);
    if (at !== undefined && at >= 0 && placeA.get(key) === i) pairs.push([i, at]);
  }
  return longestRising(pairs);
}

const TWICE = -1;

function places(keys: Int32Array, from: number, to: number): Map<number, number> {
  const place = new Map<number, number>();
  for (let i = from; i < to; i++) {
    const key = keys[i] ?? 0;
    place.set(key, place.has(key) ? TWICE : i);
  }
  return place;
}

/** Longest subsequence of pairs, already rising in the first, that rises in the second too. */
export function longestRising(
  pairs: readonly (readonly [number, number])[],
): (readonly [number, number])[] {
  const tails: number[] = [];
  const before = new Int32Array(pairs.length).fill(-1);
  pairs.forEach(([, b], i) => {
    let low = 0;
    let high = tails.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((pairs[tails[middle] ?? 0]?.[1] ?? 0) < b) low = middle + 1;
      else high = middle;
    }
    before[i] = tails[low - 1] ?? -1;
    tails[low] = i;
  });
  const rising: (readonly [number, number])[] = [];
  for (let i = tails.at(-1) ?? -1; i >= 0; i = before[i] ?? -1) {
    const pair = pairs[i];
    if (pair !== undefined) rising.push(pair);
  }
  return rising.reverse();
}

function leaf(keys: Keys, segment: Segment, partner: Int32Array): void {
  const product = (segment.aTo - segment.aFrom) * (segment.bTo - segment.bFrom);
  if (product <= MOST_PRODUCT) exact(keys, segment, partner);
  else greedy(keys, segment, partner);
}

/** Longest common subsequence by the table of lengths from the end. */
function exact({ a, b }: Keys, { aFrom, aTo, bFrom, bTo }: Segment, partner: Int32Array): void {
  const rows = aTo - aFrom;
  const width = bTo - bFrom + 1;
  const length = new Uint16Array((rows + 1) * width);
  for (let i = rows - 1; i >= 0; i--) {
    for (let j = width - 2; j >= 0; j--) {
      const at = i * width + j;
      length[at] =
        a[aFrom + i] === b[bFrom + j]
          ? (length[at + width + 1] ?? 0) + 1
          : Math.max(length[at + width] ?? 0, length[at + 1] ?? 0);
    }
  }
  for (let i = 0, j = 0; i < rows && j < width - 1;) {
    if (a[aFrom + i] === b[bFrom + j]) partner[aFrom + i++] = bFrom + j++;
    else if ((length[(i + 1) * width + j] ?? 0) >= (length[i * width + j + 1] ?? 0)) i++;
    else j++;
  }
}

/** Goes to the nearest equal pair, counting the elements left out on both sides. */
function greedy({ a, b }: Keys, segment: Segment, partner: Int32Array): void {
  const { aTo, bTo } = segment;
  let i = segment.aFrom;
  let j = segment.bFrom;
  while (i < aTo && j < bTo) {
    const found = nearestPair({ a, b }, { aFrom: i, aTo, bFrom: j, bTo });
    if (found !== null) {
      [i, j] = found;
      partner[i] = j;
    }
    i++;
    j++;
  }
}

function nearestPair({ a, b }: Keys, { aFrom, aTo, bFrom, bTo }: Segment): [number, number] | null {
  for (let left = 0; left < WINDOW; left++) {
    for (let skip = 0; skip <= left; skip++) {
      const i = aFrom + skip;
      const j = bFrom + left - skip;
      if (i < aTo && j < bTo && a[i] === b[j]) return [i, j];
    }
  }
  return null;
}
