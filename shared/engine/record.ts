// A run's record in memory: whole columns, and the questions asked of them. Rows are never objects
// in bulk. `MemorySink` collects a run's chunks; `RunRecord` reads them. Index of an event = its
// number among events; a row of kind CONTINUED belongs to the event before it and is not counted.
import { CONTINUED, type Tick } from "./machine.ts";
import { STREAMS, type ChunkSink, type StreamName } from "./recorder.ts";
import { SpanReader } from "./spans.ts";

/** Fields per event row. */
const ROW_FIELDS = 6;

export interface EventRow {
  readonly index: number;
  readonly tick: Tick;
  readonly event: number;
  readonly thread: number;
  readonly spanAt: number;
  /** As many as its rows hold: cut them to the event's arity. */
  readonly fields: readonly number[];
}

export interface TickRow {
  readonly thread: number;
  readonly row: number;
  readonly writeAt: number;
  readonly spanAt: number;
}

export type Columns = Readonly<Record<StreamName, readonly Int32Array[]>>;

/** A column that grows by doubling: a slice a chunk would be ten thousand arrays to collect. */
class Column {
  private cells = new Int32Array(FIRST_ROWS);
  private count = 0;

  append(part: Int32Array): void {
    const end = this.count + part.length;
    if (end > this.cells.length) {
      const grown = new Int32Array(Math.max(end, this.cells.length * 2));
      grown.set(this.cells.subarray(0, this.count));
      this.cells = grown;
    }
    this.cells.set(part, this.count);
    this.count = end;
  }

  all(): Int32Array {
    return this.cells.subarray(0, this.count);
  }
}

const FIRST_ROWS = 1_024;

/** Collects chunks, in the order of their rows. */
export class MemorySink implements ChunkSink {
  private readonly streams: Record<StreamName, readonly Column[]> = {
    ticks: STREAMS.ticks.map(() => new Column()),
    writes: STREAMS.writes.map(() => new Column()),
    events: STREAMS.events.map(() => new Column()),
    spans: STREAMS.spans.map(() => new Column()),
    choices: STREAMS.choices.map(() => new Column()),
  };

  take(stream: StreamName, _firstRow: number, _rows: number, columns: readonly Int32Array[]): void {
    for (const [i, column] of this.streams[stream].entries()) {
      column.append(columns[i] ?? NO_COLUMN);
    }
  }

  record(): RunRecord {
    const { ticks, writes, events, spans, choices } = this.streams;
    const all = (columns: readonly Column[]): Int32Array[] => columns.map((column) => column.all());
    return new RunRecord({
      ticks: all(ticks),
      writes: all(writes),
      events: all(events),
      spans: all(spans),
      choices: all(choices),
    });
  }
}

const NO_COLUMN = new Int32Array(0);

export class RunRecord {
  readonly columns: Columns;
  readonly ticks: number;
  readonly writes: number;
  readonly events: number;
  readonly spans: SpanReader;
  /** Row of each event; absent where every row is an event. */
  private readonly starts: Int32Array | null;

  constructor(columns: Columns) {
    this.columns = columns;
    this.ticks = columns.ticks[0]?.length ?? 0;
    this.writes = columns.writes[0]?.length ?? 0;
    const kinds = columns.events[1] ?? NO_COLUMN;
    this.starts = startsOf(kinds);
    this.events = this.starts?.length ?? kinds.length;
    this.spans = new SpanReader(columns.spans[0] ?? NO_COLUMN);
  }

  /** The event with this index. */
  event(index: number): EventRow {
    const row = this.eventRow(index);
    const next = this.eventRow(index + 1);
    const columns = this.columns.events;
    const kind = columns[1]?.[row] ?? 0;
    const fields: number[] = [];
    for (let at = row; at < next; at++) {
      for (let i = 0; i < ROW_FIELDS; i++) fields.push(columns[3 + i]?.[at] ?? 0);
    }
    return {
      index,
      fields,
      tick: (columns[0]?.[row] ?? 0) as Tick,
      event: kind & 0xff,
      thread: kind >>> 8,
      spanAt: columns[2]?.[row] ?? 0,
    };
  }

  /** Goes through all events in order, without an object for each. */
  eachEvent(visit: (index: number, event: number, thread: number, tick: number) => void): void {
    const [ticks = NO_COLUMN, kinds = NO_COLUMN] = this.columns.events;
    let index = 0;
    for (let row = 0; row < kinds.length; row++) {
      const kind = kinds[row] as number;
      if ((kind & 0xff) === CONTINUED) continue;
      visit(index++, kind & 0xff, kind >>> 8, ticks[row] as number);
    }
  }

  /** Functions the event was emitted in, outermost first. */
  stackOf(event: EventRow): number[] {
    return this.spans.stackAt(event.spanAt, event.thread);
  }

  /** Index of the first event at or after the tick. */
  eventAt(tick: number): number {
    const ticks = this.columns.events[0] ?? NO_COLUMN;
    let low = 0;
    let high = this.events;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ticks[this.eventRow(middle)] ?? 0) < tick) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Who acted in the tick, and where the streams stood before it. At the end of the run: thread and
   * row are -1.
   */
  tick(tick: number): TickRow {
    const [who, writeAt, spanAt] = this.columns.ticks;
    const by = who?.[tick];
    return {
      thread: by === undefined ? -1 : by >>> 24,
      row: by === undefined ? -1 : by & 0xffffff,
      writeAt: writeAt?.[tick] ?? this.writes,
      spanAt: spanAt?.[tick] ?? this.spans.count,
    };
  }

  /** The tick in which a write row was made. */
  tickOfWrite(row: number): number {
    const at = this.columns.ticks[1] ?? NO_COLUMN;
    let low = 0;
    let high = at.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((at[middle] ?? 0) <= row) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Functions a thread is in after the ticks before `tick`. */
  stackAt(tick: number, thread: number): number[] {
    return this.spans.stackAt(this.tick(tick).spanAt, thread);
  }

  private eventRow(index: number): number {
    if (this.starts === null) return index;
    return this.starts[index] ?? this.columns.events[0]?.length ?? 0;
  }
}

function startsOf(kinds: Int32Array): Int32Array | null {
  let continued = 0;
  for (const kind of kinds) if ((kind & 0xff) === CONTINUED) continued++;
  if (continued === 0) return null;
  const starts = new Int32Array(kinds.length - continued);
  let at = 0;
  for (let row = 0; row < kinds.length; row++) {
    if (((kinds[row] as number) & 0xff) !== CONTINUED) starts[at++] = row;
  }
  return starts;
}
