// One line of tracefs' `trace` file: who, where, when, which event, and where its body begins.
// Owns the columns only; bodies are print.ts. Accepts the kernel's padding and lines without it.
// From: Documentation/trace/ftrace.rst (output format), kernel/trace/trace_output.c.

export interface LineHead {
  readonly comm: string;
  readonly pid: number;
  readonly cpu: number;
  /** irqs-off, need-resched, irq context, preemption depth, migrate-disable depth */
  readonly flags: string;
  /** Microseconds since boot. */
  readonly micros: number;
  /** The event's name, or for a module's own print the function that printed. */
  readonly column: string;
  /** Where the body begins in the line. */
  readonly bodyAt: number;
}

export type HeadResult =
  | { readonly ok: true; readonly head: LineHead }
  | { readonly ok: false; readonly at: number; readonly missing: string };

const HEAD = /^\s*(\S.*?)-(\d+)\s+(?:\(\s*[-\d]+\)\s+)?\[(\d+)\]\s+(\S{4,8})\s+(\d+)\.(\d{6}): /;
const COLUMN = /(\w+):(?: |$)/y;

/** What is missing in a line that is no record, told by how far it goes on well. */
function missingPart(line: string): { at: number; missing: string } {
  const parts = [
    [/^\s*\S.*?-\d+\s+/, "the task's name and pid"],
    [/^\s*\S.*?-\d+\s+(\(\s*[-\d]+\)\s+)?\[\d+\]\s+/, "the CPU number in brackets"],
    [/^\s*\S.*?-\d+\s+(\(\s*[-\d]+\)\s+)?\[\d+\]\s+\S{4,8}\s+/, "the five flags"],
  ] as const;
  let at = 0;
  for (const [shape, missing] of parts) {
    const found = shape.exec(line);
    if (found === null) return { at, missing };
    at = found[0].length;
  }
  return { at, missing: "the time stamp" };
}

const BLANK = 32;
const COLON = 58;

function skipBlanks(line: string, from: number): number {
  let at = from;
  while (line.charCodeAt(at) === BLANK) at += 1;
  return at;
}

/** A number that ends with the character `end`; -1 when something else stands there. */
function numberUntil(line: string, from: number, end: number): number {
  let value = 0;
  for (let at = from; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code === end && at > from) return value;
    if (code < 48 || code > 57) return -1;
    value = value * 10 + code - 48;
  }
  return -1;
}

/** The usual shape read by hand, faster than the expression. Null: ask the expression. */
function parseUsual(line: string): LineHead | null {
  const bracket = line.indexOf("[");
  const close = line.indexOf("] ", bracket);
  const dash = line.lastIndexOf("-", bracket);
  if (bracket < 0 || close < 0 || dash < 0) return null;
  const pid = numberUntil(line, dash + 1, BLANK);
  const cpu = numberUntil(line, bracket + 1, 93);
  const flagsAt = skipBlanks(line, close + 1);
  const flagsEnd = line.indexOf(" ", flagsAt);
  if (pid < 0 || cpu < 0 || flagsEnd < 0) return null;
  if (skipBlanks(line, line.indexOf(" ", dash)) !== bracket) return null;
  const timeAt = skipBlanks(line, flagsEnd);
  const dot = line.indexOf(".", timeAt);
  const seconds = numberUntil(line, timeAt, 46);
  const micros = numberUntil(line, dot + 1, COLON);
  const nameAt = dot + 9;
  const nameEnd = line.indexOf(":", nameAt);
  const isWhole =
    seconds >= 0 &&
    micros >= 0 &&
    line.charCodeAt(dot + 7) === COLON &&
    nameEnd > nameAt &&
    line.charCodeAt(nameEnd + 1) === BLANK;
  const flagCount = flagsEnd - flagsAt;
  if (!isWhole || flagCount < 4 || flagCount > 8) return null;
  const column = line.slice(nameAt, nameEnd);
  if (column.includes(" ")) return null;
  return {
    comm: line.slice(skipBlanks(line, 0), dash),
    pid,
    cpu,
    flags: line.slice(flagsAt, flagsEnd),
    micros: seconds * 1_000_000 + micros,
    column,
    bodyAt: nameEnd + 2,
  };
}

/** Splits a line into its columns, or says where it stops being one. */
export function parseHead(line: string): HeadResult {
  const usual = parseUsual(line);
  return usual === null ? parseAny(line) : { ok: true, head: usual };
}

function parseAny(line: string): HeadResult {
  const found = HEAD.exec(line);
  if (found === null) return { ok: false, ...missingPart(line) };
  const [all, comm, pid, cpu, flags, seconds, micros] = found;
  COLUMN.lastIndex = all.length;
  const name = COLUMN.exec(line);
  if (name === null) return { ok: false, at: all.length, missing: "the event's name" };
  return {
    ok: true,
    head: {
      comm: comm ?? "",
      pid: Number(pid),
      cpu: Number(cpu),
      flags: flags ?? "",
      micros: Number(seconds) * 1_000_000 + Number(micros),
      column: name[1] ?? "",
      bodyAt: COLUMN.lastIndex,
    },
  };
}

/** The columns of a line up to its body, without padding. */
export function printHead(head: LineHead): string {
  const seconds = Math.floor(head.micros / 1_000_000);
  const rest = String(head.micros % 1_000_000).padStart(6, "0");
  const cpu = String(head.cpu).padStart(3, "0");
  return `${head.comm}-${head.pid} [${cpu}] ${head.flags} ${seconds}.${rest}: ${head.column}: `;
}
