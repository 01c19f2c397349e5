// From live buffers to chunks: hands over full columns between ticks, to a sink that keeps, sends
// or drops them. A chunk has exactly the mark's rows (the last one fewer), so a row's chunk is a
// division and bytes do not depend on how often a run is asked to go on. Column views are valid
// during the call only; a sink that keeps them copies.
import { fail } from "./faults.ts";
import { EVENT_COLUMNS, type Machine } from "./machine.ts";

export const STREAMS = {
  ticks: ["who", "writeAt", "spanAt"],
  writes: ["cell", "old", "new"],
  events: ["tick", "kind", "spanAt", "a0", "a1", "a2", "a3", "a4", "a5"],
  spans: ["word"],
  choices: ["tick", "thread", "enabled", "outcome"],
} as const;

export type StreamName = keyof typeof STREAMS;
export const STREAM_NAMES = Object.keys(STREAMS) as readonly StreamName[];

/** Takes chunks in order of rows, stream by stream. */
export interface ChunkSink {
  take(stream: StreamName, firstRow: number, rows: number, columns: readonly Int32Array[]): void;
}

export const DROP: ChunkSink = { take: () => undefined };

/** Hands a machine's buffers over to a sink. */
export class Recorder {
  private readonly m: Machine;
  private readonly sink: ChunkSink;
  private tickBase = 0;
  private choiceBase = 0;
  private choiceCount = 0;
  private readonly choices: Int32Array[];

  constructor(m: Machine, sink: ChunkSink) {
    this.m = m;
    this.sink = sink;
    const { mark, reserve } = m.buffers.choices;
    this.choices = STREAMS.choices.map(() => new Int32Array(mark + reserve));
    m.overflow = () => this.drain(false);
  }

  /** Records which thread goes on, of which, and with which outcome of a choice. */
  choice(row: readonly [tick: number, thread: number, enabled: number, outcome: number]): void {
    this.choices.forEach((column, i) => {
      column[this.choiceCount] = row[i] ?? 0;
    });
    this.choiceCount++;
    if (this.choiceCount >= this.m.buffers.choices.mark) this.drain(false);
  }

  /** Hands over the rest: the run has ended. */
  finish(): void {
    this.drain(true);
  }

  private drain(all: boolean): void {
    const { m } = this;
    const { buffers } = m;
    const writes = [m.logCell, m.logOld, m.logNew];
    const ticks = [m.tickWho, m.tickWriteAt, m.tickSpanAt];
    const written = m.logCount;
    m.logCount = this.hand("writes", m.writeBase, written, writes, all ? 0 : buffers.writes.mark);
    m.writeBase += written - m.logCount;
    const spans = m.spanCount;
    m.spanCount = this.hand(
      "spans",
      m.spanBase,
      spans,
      [m.spanWords],
      all ? 0 : buffers.spans.mark,
    );
    m.spanBase += spans - m.spanCount;
    const events = m.eventCount;
    m.eventCount = this.hand(
      "events",
      m.eventBase,
      events,
      this.eventColumns(),
      all ? 0 : buffers.events.mark,
    );
    m.eventBase += events - m.eventCount;
    const made = m.tickCount;
    m.tickCount = this.hand("ticks", this.tickBase, made, ticks, all ? 0 : buffers.ticks.mark);
    this.tickBase += made - m.tickCount;
    const chosen = this.choiceCount;
    this.choiceCount = this.hand(
      "choices",
      this.choiceBase,
      chosen,
      this.choices,
      all ? 0 : buffers.choices.mark,
    );
    this.choiceBase += chosen - this.choiceCount;
  }

  /**
   * Hands over chunks of `mark` rows while there are that many (all when 0); gives the rows left,
   * moved to the front.
   */
  private hand(
    stream: StreamName,
    base: number,
    count: number,
    columns: readonly Int32Array[],
    mark: number,
  ): number {
    const capacity = columns[0]?.length ?? 0;
    if (count > capacity) fail("act-too-large", stream);
    const size = mark === 0 ? this.m.buffers[stream].mark : mark;
    let from = 0;
    while (count - from >= size || (mark === 0 && from < count)) {
      const end = Math.min(count, from + size);
      this.sink.take(
        stream,
        base + from,
        end - from,
        columns.map((column) => column.subarray(from, end)),
      );
      from = end;
    }
    if (from > 0) for (const column of columns) column.copyWithin(0, from, count);
    return count - from;
  }

  private eventColumns(): Int32Array[] {
    const { eventRows, eventCapacity } = this.m;
    return Array.from({ length: EVENT_COLUMNS }, (_, i) =>
      eventRows.subarray(i * eventCapacity, (i + 1) * eventCapacity),
    );
  }
}
