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

/** Collects chunks; `record()` joins them. */
export class MemorySink implements ChunkSink {
  private readonly parts: Record<StreamName, Int32Array[][]> = {
    ticks: [],
    writes: [],
    events: [],
    spans: [],
    choices: [],
  };

  take(stream: StreamName, _firstRow: number, _rows: number, columns: readonly Int32Array[]): void {
    this.parts[stream].push(columns.map((column) => column.slice()));
  }

  record(): RunRecord {
    return new RunRecord({
      ticks: this.join("ticks"),
      writes: this.join("writes"),
      events: this.join("events"),
      spans: this.join("spans"),
      choices: this.join("choices"),
    });
  }

  private join(stream: StreamName): Int32Array[] {
    const chunks = this.parts[stream];
    return STREAMS[stream].map((_, i) =>
      joined(chunks.map((chunk) => chunk[i] ?? new Int32Array(0))),
    );
  }
}

function joined(parts: readonly Int32Array[]): Int32Array {
  const whole = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
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
  kinds.forEach((kind, row) => {
    if ((kind & 0xff) !== CONTINUED) starts[at++] = row;
  });
  return starts;
}
