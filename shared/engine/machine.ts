// The machine: all state in one Int32Array of cells, changed by put() alone, which logs what it
// changes. Undo, digest, provenance and pictures are readings of that log. Owns cells, live record
// buffers, objects, threads. Cells: 0 is "no object", 1..63 are reserved, then threads (control
// cells), then objects in the layout's order. `as number` on typed arrays: the index is in bounds
// by the layout; a checked machine asserts it (checked.ts).
import type { Brand } from "../units/brand.ts";
import { Arena, type Layout, type ObjectKind } from "./arena.ts";
import type { Compiled } from "./compile.ts";
import { cellTerm, mix0, mix1, type Digest } from "./digest.ts";
import { fail } from "./faults.ts";
import type { Program } from "./program.ts";
import type { SpineRoutine } from "./routine.ts";

/** Index into mem; 0 = no object. */
export type Cell = Brand<number, "Cell">;
/** Number of acts executed before this point; 0 = start. */
export type Tick = Brand<number, "Tick">;
/** 0..30, so that a set of threads is one int32. */
export type ThreadId = Brand<number, "ThreadId">;
/** Index into the table of events handed in by the model. */
export type EventId = number;
/** Bit set of threads. */
export type ThreadSet = number;

export const MAX_THREADS = 31;
/** Cells of a thread before its stack: pc, fp. */
export const THREAD_HEAD = 2;
export const THREADS_AT = 64;
/** Columns of an event row: tick, kind | thread << 8, spanAt, six fields. */
export const EVENT_COLUMNS = 9;
/** Kind of a row that continues the row before with six more fields. */
export const CONTINUED = 255;

const COLUMN_GAP = 40;

/** What a run records; set before it starts. */
export interface RecordSwitches {
  readonly writes: boolean;
  readonly events: boolean;
  readonly spans: boolean;
  readonly ticks: boolean;
  readonly choices: boolean;
  /** Program counters, frames and locals are logged like data: searches only. */
  readonly control: boolean;
  /** A reading of the write log: only with `writes`. */
  readonly digest: boolean;
}

const SILENT: RecordSwitches = {
  writes: false,
  events: false,
  spans: false,
  ticks: false,
  choices: false,
  control: false,
  digest: false,
};
export const RECORD_NOTHING: RecordSwitches = SILENT;
/** Events and choices: writes, spans and ticks are made again by re-execution. */
export const RECORD_BULK: RecordSwitches = { ...SILENT, events: true, choices: true };
/** All streams of a normal run. */
export const RECORD_FULL: RecordSwitches = {
  ...RECORD_BULK,
  writes: true,
  spans: true,
  ticks: true,
};
/** What an explorer needs: every write undoable and digested. */
export const RECORD_SEARCH: RecordSwitches = {
  ...SILENT,
  writes: true,
  control: true,
  digest: true,
};

/** The table of events as far as the engine must know it. */
export interface EventTable {
  /** Number of int32 fields per event; the event's id is the index. At most 24. */
  readonly arity: readonly number[];
}

/** Rows a buffer holds before it is handed over, and how far one act may overrun that mark. */
export interface BufferRows {
  readonly mark: number;
  readonly reserve: number;
}

export interface MachineConfig {
  readonly objects: readonly Layout[];
  /** Upper bound of cells, reserved but not resident. Default: what the layout needs. */
  readonly capacity?: number;
  /** Cells of each thread's stack. Default 256. */
  readonly stack?: number;
  readonly events?: EventTable;
  readonly buffers?: Partial<Buffers>;
  /**
   * Asserts each put and each condition (tests): a live object, pure guards, control reads its own
   * only.
   */
  readonly checks?: boolean;
}

export interface Buffers {
  readonly ticks: BufferRows;
  readonly writes: BufferRows;
  readonly events: BufferRows;
  readonly spans: BufferRows;
  readonly choices: BufferRows;
}

/** Ticks that a run makes between two looks at its buffers. */
export const BATCH_TICKS = 256;

/**
 * Reserves hold the rows of a batch of ticks, and of the largest act: a kernel that tears down a
 * table of tables without a pause.
 */
const RUN_BUFFERS: Buffers = {
  ticks: { mark: 16_384, reserve: BATCH_TICKS },
  writes: { mark: 16_384, reserve: 2_097_152 },
  events: { mark: 4_096, reserve: 1_048_576 },
  spans: { mark: 65_536, reserve: 4_194_304 },
  choices: { mark: 4_096, reserve: 64 },
};

/** Small buffers for machines made in great number by tests and protocols. */
export const SMALL_BUFFERS: Buffers = {
  ticks: { mark: 512, reserve: BATCH_TICKS },
  writes: { mark: 1_024, reserve: 16_384 },
  events: { mark: 256, reserve: 4_096 },
  spans: { mark: 1_024, reserve: 32_768 },
  choices: { mark: 128, reserve: 16 },
};

/** A place in the write log, with the digest there. */
export interface Mark {
  readonly log: number;
  readonly d0: number;
  readonly d1: number;
}

export interface ThreadInfo {
  readonly name: string;
  readonly routine: SpineRoutine;
  /** Its program counter before the first act. */
  readonly restRow: number;
}

/** Called between two ticks, after the rows reached a buffer's mark. */
export type Overflow = (m: Machine) => void;

/**
 * Fields that the constructor sets are declared only: a field set once is a constant to the
 * compiler, one that is first undefined is not (measured: 1.05 times as long).
 */
export class Machine {
  declare mem: Int32Array;
  thread = 0 as ThreadId;
  tick = 0 as Tick;
  /** Frame pointer of the running thread. */
  fp = 0;
  /** End of the running thread's stack. */
  stackEnd = 0;
  record: RecordSwitches = RECORD_NOTHING;
  declare readonly config: MachineConfig;
  declare readonly stack: number;
  /** Cells below are control: threads' program counters, frames and locals. */
  declare readonly controlEnd: number;
  /** By kind id; the layout's kinds only. */
  readonly arenas: (Arena | undefined)[] = [];
  threads: ThreadInfo[] = [];
  program: Program | null = null;
  /** The program as code: made by the first run, null where it cannot be. */
  compiled: Compiled | null | undefined = undefined;
  /** What the frame left last gave back. */
  result = 0;

  // Live buffers. Public for the loop and the recorder; model code uses the methods.
  declare readonly buffers: Buffers;
  declare logCell: Int32Array;
  declare logOld: Int32Array;
  declare logNew: Int32Array;
  logCount = 0;
  writeBase = 0;
  declare spanWords: Int32Array;
  spanCount = 0;
  spanBase = 0;
  declare eventRows: Int32Array;
  declare readonly eventCapacity: number;
  declare private readonly arity: readonly number[];
  eventCount = 0;
  eventBase = 0;
  declare tickWho: Int32Array;
  declare tickWriteAt: Int32Array;
  declare tickSpanAt: Int32Array;
  tickCount = 0;
  declare logMark: number;
  declare readonly spanMark: number;
  declare readonly eventMark: number;
  declare readonly tickMark: number;
  overflow: Overflow = growLog;
  /** Cells from here on are logged and digested; the capacity when nothing is. */
  declare loggedFrom: number;
  // 0 or 1, not false or true: the compiler tests a small number in one instruction, and these are
  // tested some two hundred times a fault.
  digesting = 0;
  spansOn = 0;
  eventsOn = 0;
  ticksOn = 0;
  /** Some stream is on, so that buffers fill. */
  recording = false;
  d0 = 0;
  d1 = 0;
  salt = 0;
  private spanThread = -1;

  constructor(config: MachineConfig) {
    this.config = config;
    this.arity = config.events?.arity ?? [];
    this.stack = config.stack ?? 256;
    this.buffers = { ...RUN_BUFFERS, ...config.buffers };
    this.controlEnd = THREADS_AT + MAX_THREADS * (THREAD_HEAD + this.stack);
    let end = this.controlEnd;
    for (const layout of config.objects) {
      const arena = new Arena(layout, end);
      this.arenas[layout.kind.id] = arena;
      end = arena.end;
    }
    const capacity = Math.max(config.capacity ?? 0, end);
    if (config.capacity !== undefined && end > config.capacity) fail("machine-too-small", end);
    this.mem = new Int32Array(capacity);
    this.loggedFrom = capacity;
    const { ticks, writes, events, spans } = this.buffers;
    this.logMark = writes.mark;
    this.spanMark = spans.mark;
    this.eventMark = events.mark;
    this.tickMark = ticks.mark;
    this.logCell = new Int32Array(rows(writes));
    this.logOld = new Int32Array(rows(writes));
    this.logNew = new Int32Array(rows(writes));
    this.spanWords = new Int32Array(rows(spans));
    // Not a power of two: columns a multiple of 4 KiB apart would share few places of the cache.
    this.eventCapacity = rows(events) + COLUMN_GAP;
    this.eventRows = new Int32Array(this.eventCapacity * EVENT_COLUMNS);
    this.tickWho = new Int32Array(rows(ticks));
    this.tickWriteAt = new Int32Array(rows(ticks));
    this.tickSpanAt = new Int32Array(rows(ticks));
  }

  /** The only write. A write of the same value is none: it has no row and no author. */
  put(cell: number, value: number): void {
    const next = value | 0;
    const old = this.mem[cell] as number;
    if (old === next) return;
    if (cell >= this.loggedFrom) {
      const at = this.logCount++;
      this.logCell[at] = cell;
      this.logOld[at] = old;
      this.logNew[at] = next;
      if (this.digesting !== 0) this.shift(cell, old, next);
    }
    this.mem[cell] = next;
  }

  private shift(cell: number, old: number, next: number): void {
    const term = cellTerm(cell, this.salt);
    const before = mix0(term, old);
    const after = mix0(term, next);
    this.d0 = (this.d0 - before + after) | 0;
    this.d1 = (this.d1 - mix1(term, before) + mix1(term, after)) | 0;
  }

  /** Allocates the lowest free object of a kind; all its cells are 0. */
  alloc(kind: ObjectKind): Cell {
    return this.arena(kind).alloc(this);
  }

  /** Zeroes the object and returns it. */
  free(cell: Cell, kind: ObjectKind): void {
    this.arena(kind).free(this, cell);
  }

  arena(kind: ObjectKind): Arena {
    return this.arenas[kind.id] ?? fail("no-such-kind", kind.name);
  }

  /** Records an event of up to 12 fields; how many is fixed by the table of events. */
  emit(
    event: EventId,
    a0 = 0,
    a1 = 0,
    a2 = 0,
    a3 = 0,
    a4 = 0,
    a5 = 0,
    a6 = 0,
    a7 = 0,
    a8 = 0,
    a9 = 0,
    a10 = 0,
    a11 = 0,
  ): void {
    if (this.eventsOn === 0) return;
    this.eventRow(event, a0, a1, a2, a3, a4, a5);
    const arity = this.arityOf(event);
    if (arity > 6) this.eventRow(CONTINUED, a6, a7, a8, a9, a10, a11);
    if (arity > 12) fail("bad-event", event);
  }

  /** Records an event of any arity; the list has exactly as many fields as the table says. */
  emitList(event: EventId, fields: readonly number[]): void {
    if (this.eventsOn === 0) return;
    if (fields.length !== this.arityOf(event)) fail("bad-event", event);
    for (let i = 0; i === 0 || i < fields.length; i += 6) {
      const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = fields.slice(i, i + 6);
      this.eventRow(i === 0 ? event : CONTINUED, a, b, c, d, e, f);
    }
  }

  private arityOf(event: EventId): number {
    return this.arity[event] ?? fail("bad-event", event);
  }

  private eventRow(
    kind: number,
    a: number,
    b: number,
    c: number,
    d: number,
    e: number,
    f: number,
  ): void {
    const rowsOf = this.eventRows;
    const step = this.eventCapacity;
    let at = this.eventCount++;
    rowsOf[at] = this.tick;
    rowsOf[(at += step)] = kind | (this.thread << 8);
    rowsOf[(at += step)] = this.spanBase + this.spanCount;
    rowsOf[(at += step)] = a;
    rowsOf[(at += step)] = b;
    rowsOf[(at += step)] = c;
    rowsOf[(at += step)] = d;
    rowsOf[(at += step)] = e;
    rowsOf[at + step] = f;
  }

  /** Span word: a function is entered. Called by wrappers and the loop while spansOn. */
  enter(functionId: number): void {
    this.spanWords[this.spanCount++] = (functionId << 2) | 1;
  }

  /** Span word: the innermost function is left; the result is cut to 30 bits. */
  leave(result: unknown): void {
    const bits = typeof result === "number" ? result : result === true ? 1 : 0;
    this.spanWords[this.spanCount++] = (bits << 2) | 2;
  }

  /** Span word: the words that follow are this thread's. Only where the thread changes. */
  markThread(): void {
    if (this.spanThread === this.thread) return;
    this.spanThread = this.thread;
    this.spanWords[this.spanCount++] = (this.thread << 2) | 3;
  }

  mark(): Mark {
    return { log: this.logCount, d0: this.d0, d1: this.d1 };
  }

  /**
   * Back to an earlier mark, digest included. Exact for control cells only where control is logged.
   */
  undo(to: Mark): void {
    this.undoTo(to.log, to.d0, to.d1);
  }

  undoTo(log: number, d0: number, d1: number): void {
    if (log > this.logCount || log < 0) fail("no-log", log);
    const { mem, logCell, logOld } = this;
    for (let i = this.logCount - 1; i >= log; i--) mem[logCell[i] as number] = logOld[i] as number;
    this.logCount = log;
    this.d0 = d0;
    this.d1 = d1;
  }

  digest(): Digest {
    return { d0: this.d0, d1: this.d1 };
  }

  /** Sets what is recorded from here on; the digest starts again at the present state. */
  setRecord(switches: RecordSwitches): void {
    this.record = switches;
    this.digesting = switches.digest ? 1 : 0;
    this.spansOn = switches.spans ? 1 : 0;
    this.eventsOn = switches.events ? 1 : 0;
    this.ticksOn = switches.ticks ? 1 : 0;
    this.recording = switches.writes || switches.spans || switches.events || switches.ticks;
    this.loggedFrom = !switches.writes ? this.mem.length : switches.control ? 0 : this.controlEnd;
    this.d0 = 0;
    this.d1 = 0;
  }

  /** Zeroes what the run before used, forgets its threads and record; program and layout stay. */
  reset(): void {
    this.mem.fill(0, 0, this.controlEnd);
    for (const layout of this.config.objects) this.arena(layout.kind).reset(this);
    this.threads = [];
    this.thread = 0 as ThreadId;
    this.tick = 0 as Tick;
    this.fp = 0;
    this.salt = 0;
    this.spanThread = -1;
    this.overflow = growLog;
    this.logCount = this.spanCount = this.eventCount = this.tickCount = 0;
    this.writeBase = this.spanBase = this.eventBase = 0;
    this.setRecord(RECORD_NOTHING);
  }

  /**
   * The objects (or their bitmaps) among which a cell lies; null for control and reserved cells.
   */
  arenaOf(cell: number): Arena | null {
    for (const layout of this.config.objects) {
      const arena = this.arena(layout.kind);
      if (cell >= arena.start && cell < arena.end) return arena;
    }
    return null;
  }
}

const rows = (buffer: BufferRows): number => buffer.mark + buffer.reserve;

/**
 * Without a recorder the write log grows instead of being handed over, the other streams start
 * again.
 */
function growLog(m: Machine): void {
  if (m.logCount > m.logCell.length) fail("act-too-large", "writes");
  m.spanBase += m.spanCount;
  m.eventBase += m.eventCount;
  m.spanCount = m.eventCount = m.tickCount = 0;
  if (m.logCount < m.logMark) return;
  const grown = (old: Int32Array): Int32Array => {
    const next = new Int32Array(old.length * 2);
    next.set(old);
    return next;
  };
  m.logCell = grown(m.logCell);
  m.logOld = grown(m.logOld);
  m.logNew = grown(m.logNew);
  m.logMark = m.logCell.length - m.buffers.writes.reserve;
}

/** True when a stream has reached its mark. */
export const isFull = (m: Machine): boolean =>
  m.logCount >= m.logMark ||
  m.spanCount >= m.spanMark ||
  m.eventCount >= m.eventMark ||
  m.tickCount >= m.tickMark;
