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

interface Snapshot {
  readonly at: number;
  readonly thread: number;
  readonly stacks: ReadonlyMap<number, readonly number[]>;
}

export class SpanReader {
  readonly words: Int32Array;
  readonly count: number;
  private readonly snapshots: Snapshot[] = [{ at: 0, thread: 0, stacks: new Map() }];

  constructor(words: Int32Array) {
    this.words = words;
    this.count = words.length;
  }

  /** Functions a thread is in before the word at `at`, outermost first. */
  stackAt(at: number, thread: number): number[] {
    const end = Math.min(at, this.count);
    const wanted = Math.floor(end / SNAPSHOT_EVERY);
    while (this.snapshots.length <= wanted) {
      this.snapshots.push(this.scan(this.last(), SNAPSHOT_EVERY));
    }
    const from = this.snapshots[wanted] ?? this.last();
    return [...(this.scan(from, end - from.at).stacks.get(thread) ?? [])];
  }

  private last(): Snapshot {
    return this.snapshots.at(-1) ?? { at: 0, thread: 0, stacks: new Map() };
  }

  private scan(from: Snapshot, words: number): Snapshot {
    const stacks = new Map([...from.stacks].map(([thread, stack]) => [thread, [...stack]]));
    let { thread } = from;
    for (let i = from.at; i < from.at + words; i++) {
      const word = this.words[i] ?? 0;
      if (spanKind(word) === SPAN_THREAD) thread = spanValue(word);
      else if (spanKind(word) === SPAN_LEAVE) stacks.get(thread)?.pop();
      else {
        const stack = stacks.get(thread) ?? [];
        stack.push(spanValue(word));
        stacks.set(thread, stack);
      }
    }
    return { at: from.at + words, thread, stacks };
  }
}
