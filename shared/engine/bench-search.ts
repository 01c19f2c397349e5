// A hand-written breadth-first search of protocol A (check=both), states packed into two words: the
// bench's yardstick. It knows one protocol and nothing else; what the explorer costs beyond it is
// the price of generality. Fields: pc 3 bits, tlb 2, snap 2, pfn 2 per vCPU; n 4, seq 2, inprog 1,
// hpte 2, spte 2, freed 2.

const RUN = 0,
  SNAP = 1,
  LOOK = 2,
  LOCK = 3,
  CHECK = 4,
  MAP = 5,
  UNLOCK = 6;
const WRITER = 0b11100011110;

interface Packed {
  lo: number;
  hi: number;
}

/**
 * vCPU i's pc is at 3i of `lo`; its tlb, snap, pfn at 6i of `hi`; the host's fields above bit 12 of
 * `lo`.
 */
const field = (word: number, at: number, bits: number): number => (word >>> at) & ((1 << bits) - 1);
const withField = (word: number, at: number, bits: number, value: number): number =>
  (word & ~(((1 << bits) - 1) << at)) | (value << at);

const N = 12,
  SEQ = 16,
  INPROG = 18,
  HPTE = 19,
  SPTE = 21,
  FREED = 23;

/** Counts the states and edges reachable with `vcpus` (at most 4) and `rounds` (at most 2). */
export function handWrittenSearch(
  vcpus: number,
  rounds: number,
): { states: number; edges: number } {
  let capacity = 1 << 12;
  let los = new Int32Array(capacity);
  let his = new Int32Array(capacity);
  let slots = new Int32Array(capacity * 2);
  let states = 0;
  let edges = 0;
  const slotOf = (lo: number, hi: number): number => {
    let at = Math.imul(lo ^ Math.imul(hi, 0x9e3779b1), 0x85ebca6b);
    at = (at ^ (at >>> 15)) & (slots.length - 1);
    for (let s = slots[at] as number; s !== 0; s = slots[at] as number) {
      if (los[s - 1] === lo && his[s - 1] === hi) return -1;
      at = (at + 1) & (slots.length - 1);
    }
    return at;
  };
  const grow = (): void => {
    capacity *= 2;
    const wider = (old: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
      const next = new Int32Array(capacity);
      next.set(old);
      return next;
    };
    los = wider(los);
    his = wider(his);
    slots = new Int32Array(capacity * 2);
    for (let s = 0; s < states; s++) slots[slotOf(los[s] as number, his[s] as number)] = s + 1;
  };
  const add = (lo: number, hi: number): void => {
    const at = slotOf(lo, hi);
    if (at < 0) return;
    los[states] = lo;
    his[states] = hi;
    slots[at] = ++states;
    if (states === capacity) grow();
  };
  const step = (lo: number, hi: number): void => {
    edges++;
    add(lo, hi);
  };
  add(1 << HPTE, 0);
  for (let s = 0; s < states; s++) {
    const state: Packed = { lo: los[s] as number, hi: his[s] as number };
    for (let i = 0; i < vcpus; i++) vcpuStep(state, i, step);
    hostStep(state, vcpus, rounds, step);
  }
  return { states, edges };
}

type Step = (lo: number, hi: number) => void;

function vcpuStep({ lo, hi }: Packed, i: number, step: Step): void {
  const at = 6 * i;
  const spte = field(lo, SPTE, 2);
  const to = (pc: number): number => withField(lo, 3 * i, 3, pc);
  switch (field(lo, 3 * i, 3)) {
    case RUN:
      if (field(hi, at, 2) !== 0) return;
      if (spte !== 0) step(lo, withField(hi, at, 2, spte));
      else step(to(SNAP), hi);
      return;
    case SNAP:
      return step(to(LOOK), withField(hi, at + 2, 2, field(lo, SEQ, 2)));
    case LOOK:
      if (field(lo, HPTE, 2) !== 0) step(to(LOCK), withField(hi, at + 4, 2, field(lo, HPTE, 2)));
      return;
    case LOCK:
      if (((WRITER >>> field(lo, N, 4)) & 1) === 0) step(to(CHECK), hi);
      return;
    case CHECK: {
      const stale = field(lo, INPROG, 1) !== 0 || field(lo, SEQ, 2) !== field(hi, at + 2, 2);
      if (stale) return step(to(UNLOCK), withField(hi, at + 2, 4, 0));
      return step(to(MAP), withField(hi, at + 2, 2, 0));
    }
    case MAP: {
      const mapped = withField(to(UNLOCK), SPTE, 2, spte === 0 ? field(hi, at + 4, 2) : spte);
      return step(mapped, withField(hi, at + 4, 2, 0));
    }
    default:
      return step(to(RUN), hi);
  }
}

function hostStep({ lo, hi }: Packed, vcpus: number, rounds: number, step: Step): void {
  const n = field(lo, N, 4);
  const freed = field(lo, FREED, 2);
  const next = withField(lo, N, 4, n === 10 ? 0 : n + 1);
  let readers = false;
  let flushed = hi;
  for (let i = 0; i < vcpus; i++) {
    if (field(lo, 3 * i, 3) >= CHECK) readers = true;
    flushed = withField(flushed, 6 * i, 2, 0);
  }
  switch (n) {
    case 0:
      if (freed < rounds && !readers) step(next, hi);
      return;
    case 1:
      return step(withField(next, INPROG, 1, 1), hi);
    case 2:
      return step(withField(next, SPTE, 2, 0), hi);
    case 3:
      return step(next, flushed);
    case 5:
      return step(withField(next, HPTE, 2, 0), hi);
    case 6:
      return step(withField(withField(next, FREED, 2, freed + 1), HPTE, 2, freed + 2), hi);
    case 7:
      if (!readers) step(next, hi);
      return;
    case 8:
      return step(withField(next, SEQ, 2, field(lo, SEQ, 2) + 1), hi);
    case 9:
      return step(withField(next, INPROG, 1, 0), hi);
    default:
      return step(next, hi);
  }
}
