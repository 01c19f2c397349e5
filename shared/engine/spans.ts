// Reading span words: one stream for all threads, one word per enter, leave or change of thread.
// Word: low bits 1 enter (function id), 2 leave (result, 30 bits), 3 the words that follow are this
// thread's. Stacks are found by scanning from the nearest snapshot; snapshots are made on demand,
// in order.
export const SPAN_ENTER = 1;
export const SPAN_LEAVE = 2;
export const SPAN_THREAD = 3;

export const spanKind = (word: number): number => word & 3;
/** Function id, result or thread, by kind. */
export const spanValue = (word: number): number => word >> 2;

const SNAPSHOT_EVERY = 65_536;

/** What is known before the word at `at`: the thread whose words these are, and all stacks. */
interface Place {
  at: number;
  thread: number;
  readonly stacks: Map<number, number[]>;
}

const copyOf = ({ at, thread, stacks }: Place): Place => ({
  at,
  thread,
  stacks: new Map([...stacks].map(([id, stack]) => [id, [...stack]])),
});

export class SpanReader {
  readonly words: Int32Array;
  readonly count: number;
  private readonly snapshots: Place[] = [{ at: 0, thread: 0, stacks: new Map() }];
  /** Where the last reader stood: the next one most often asks for a place just behind. */
  private cursor: Place = { at: 0, thread: 0, stacks: new Map() };

  constructor(words: Int32Array) {
    this.words = words;
    this.count = words.length;
  }

  /** Functions a thread is in before the word at `at`, outermost first. */
  stackAt(at: number, thread: number): number[] {
    const end = Math.min(at, this.count);
    const nearest = this.snapshotBefore(end);
    if (this.cursor.at < nearest.at || this.cursor.at > end) this.cursor = copyOf(nearest);
    this.scanTo(this.cursor, end);
    return [...(this.cursor.stacks.get(thread) ?? [])];
  }

  private snapshotBefore(end: number): Place {
    let last = this.snapshots.at(-1) as Place;
    while (last.at + SNAPSHOT_EVERY <= end) {
      const next = copyOf(last);
      this.scanTo(next, last.at + SNAPSHOT_EVERY);
      this.snapshots.push(next);
      last = next;
    }
    return this.snapshots[Math.floor(end / SNAPSHOT_EVERY)] as Place;
  }

  private scanTo(place: Place, end: number): void {
    const { stacks } = place;
    for (let i = place.at; i < end; i++) {
      const word = this.words[i] ?? 0;
      if (spanKind(word) === SPAN_THREAD) place.thread = spanValue(word);
      else if (spanKind(word) === SPAN_LEAVE) stacks.get(place.thread)?.pop();
      else {
        const stack = stacks.get(place.thread) ?? [];
        stack.push(spanValue(word));
        stacks.set(place.thread, stack);
      }
    }
    place.at = end;
  }
}
