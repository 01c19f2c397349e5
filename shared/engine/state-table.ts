// The states a search has met: digest lanes, parent, choice and depth in columns, found by open
// addressing. A state's number is its order of discovery, which is also the queue. At most half of
// the slots are taken. 8 bytes of digest, 4 parent, 1 choice, 2 depth, two slots of 4: 23 bytes a
// state.

/** Most steps from the start that the depth column holds. */
export const MAX_DEPTH = 65_535;
const FIRST_CAPACITY = 1024;
export const BYTES_PER_STATE = 23;

export class StateTable {
  count = 0;
  d0 = new Int32Array(FIRST_CAPACITY);
  d1 = new Int32Array(FIRST_CAPACITY);
  parent = new Int32Array(FIRST_CAPACITY);
  /** Thread in 5 bits, outcome in 3. */
  choice = new Uint8Array(FIRST_CAPACITY);
  depth = new Uint16Array(FIRST_CAPACITY);
  private slots = new Int32Array(FIRST_CAPACITY * 2);
  private mask = FIRST_CAPACITY * 2 - 1;

  /** Bytes held when one more state is added. */
  get bytes(): number {
    return this.d0.length * BYTES_PER_STATE;
  }

  /** Number of the state with this digest if it is new (it is then entered), else -1. */
  add(d0: number, d1: number, parent: number, choice: number): number {
    const { slots, mask } = this;
    let at = (d0 ^ (d1 << 7)) & mask;
    for (let state = slots[at] as number; state !== 0; state = slots[at] as number) {
      if (this.d0[state - 1] === d0 && this.d1[state - 1] === d1) return -1;
      at = (at + 1) & mask;
    }
    const state = this.count++;
    slots[at] = state + 1;
    this.d0[state] = d0;
    this.d1[state] = d1;
    this.parent[state] = parent;
    this.choice[state] = choice;
    this.depth[state] = parent < 0 ? 0 : (this.depth[parent] as number) + 1;
    if (this.count === this.d0.length) this.grow();
    return state;
  }

  private grow(): void {
    const size = this.d0.length * 2;
    this.d0 = enlarged(this.d0, new Int32Array(size));
    this.d1 = enlarged(this.d1, new Int32Array(size));
    this.parent = enlarged(this.parent, new Int32Array(size));
    this.choice = enlarged(this.choice, new Uint8Array(size));
    this.depth = enlarged(this.depth, new Uint16Array(size));
    this.slots = new Int32Array(size * 2);
    this.mask = size * 2 - 1;
    for (let state = 0; state < this.count; state++) this.seat(state);
  }

  private seat(state: number): void {
    let at = ((this.d0[state] as number) ^ ((this.d1[state] as number) << 7)) & this.mask;
    while (this.slots[at] !== 0) at = (at + 1) & this.mask;
    this.slots[at] = state + 1;
  }
}

function enlarged<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from);
  return to;
}
