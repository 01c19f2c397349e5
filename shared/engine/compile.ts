// Rows to code, for simulated runs: each routine becomes one function that goes on at a place and
// runs its rows straight through, calls included, so that the compiler meets every act at a call
// site of its own. All state stays in cells: a function may be left at any tick row and entered
// there again. Where the platform forbids generated code there is none, and loop.ts steps.
import { highHalf } from "../units/halves.ts";
import { fail } from "./faults.ts";
import { generate, isName } from "./generate.ts";
import type { Machine } from "./machine.ts";
import {
  FRAME_HEAD,
  LAST_TICK_OP,
  OP,
  type CallSite,
  type Program,
  type Target,
} from "./program.ts";
import { functionTable } from "./routine.ts";

/**
 * Goes on at a place of its routine until the tick `until`. Gives the place where the routine's
 * caller goes on; or, negative, ~row where the thread stands now.
 */
type Unit = (place: number, until: number, outcome: number) => number;

export interface Compiled {
  /** Place of a tick row; -1 of all others. */
  readonly placeOf: Int32Array;
  /** The function that has a place. */
  readonly unitOf: readonly Unit[];
}

/** Runs a thread from a tick row until the tick `until`; gives the row where it stands then. */
export function runCompiled(code: Compiled, row: number, until: number, outcome: number): number {
  let at = row === 0 ? -1 : (code.placeOf[row] as number);
  while (at >= 0) at = (code.unitOf[at] as Unit)(at, until, outcome);
  return ~at;
}

const noRoom = (m: Machine): never => fail("stack-overflow", m.threads[m.thread]?.name ?? "");
/** Zeroes a frame too large to be zeroed cell by cell in the text. */
function clear(mem: Int32Array, from: number, end: number): void {
  for (let i = from; i < end; i++) mem[i] = 0;
}
const noTarget = (): never => fail("bad-pick", "");

/** Compiles a linked program; null where the platform forbids generated code. */
export function compile(m: Machine, p: Program): Compiled | null {
  const writer = new Writer(p);
  const { landings, placeOf, used } = writer;
  const text = writer.text();
  const engine = { m, landings, clear, highHalf, noRoom, noTarget };
  const made = generate({ ...engine, ...used }, text) as readonly Unit[] | null;
  return made === null ? null : { placeOf, unitOf: writer.unitOf.map((n) => made[n] as Unit) };
}

const isTick = (p: Program, row: number): boolean => (p.op[row] as number) <= LAST_TICK_OP;

/** Rows that control goes to from a row in the same routine. */
function successors(p: Program, row: number): number[] {
  const op = p.op[row] as number;
  const other = p.other[row] as number;
  if (op === OP.END || op === OP.RETURN || op === OP.GIVE) return [];
  return other >= 0 ? [p.next[row] as number, other] : [p.next[row] as number];
}

/** Rows of the routines that threads and calls enter, with how many rows lead to each. */
function reachable(p: Program): Map<number, number> {
  const ways = new Map<number, number>();
  const waiting: number[] = [];
  const reach = (row: number, by: number): void => {
    if (!ways.has(row)) waiting.push(row);
    ways.set(row, (ways.get(row) ?? 0) + by);
  };
  // An entry is a place, whatever else leads to it.
  for (const row of p.entries.values()) reach(row, 2);
  for (let row = waiting.pop(); row !== undefined; row = waiting.pop()) {
    for (const next of successors(p, row)) reach(next, 1);
    for (const { entry } of p.calls[row]?.targets ?? []) reach(entry, 2);
  }
  return ways;
}

/** Where a function can be entered: at a row, or behind the call that a row makes. */
interface Head {
  readonly place: number;
  readonly row: number;
  readonly isLanding: boolean;
}

/** The routine's name, for stack traces and profiles; its id makes it unique. */
function unitName(routine: number): string {
  const name = functionTable()[routine]?.name ?? "";
  return `${isName(name) ? name : "routine"}$${routine}`;
}

// In the text itself: calls to be inlined would use up what the compiler allows a function, and
// leave less for the acts.
const recordTick = (row: number): string => `if (m.ticksOn !== 0) {
  to = m.tickCount++;
  m.tickWho[to] = m.thread << 24 | ${row};
  m.tickWriteAt[to] = m.writeBase + m.logCount;
  m.tickSpanAt[to] = m.spanBase + m.spanCount; }`;

/** Truth of a result: nearly all are true or false, which one comparison tells. */
const TRUTHY = "is === true || (is !== false && is)";

const LONGEST_CLEARED_HERE = 8;

/** Gives a result back: zeroes the frame, the caller's is the running one again. */
function leave(size: number, result: string): string {
  const cells = Array.from({ length: size + FRAME_HEAD }, (_, i) => i - FRAME_HEAD);
  const zeroes =
    size <= LONGEST_CLEARED_HERE
      ? cells.map((i) => `mem[fp + ${i}] = 0;`).join(" ")
      : `clear(mem, fp - ${FRAME_HEAD}, fp + ${size});`;
  return `is = ${result}; back = mem[fp - 2]; m.fp = mem[fp - 1]; ${zeroes}
    m.result = is; if (m.spansOn !== 0) m.spanWords[m.spanCount++] = is << 2 | 2;
    return landings[back];`;
}

class Writer {
  /** Acts, conditions and arguments that the text names. */
  readonly used: Record<string, unknown> = {};
  readonly placeOf: Int32Array;
  readonly landings: Int32Array;
  /** Number of the function that has a place. */
  readonly unitOf: number[] = [];
  private readonly p: Program;
  private readonly heads = new Map<number, Head[]>();
  private readonly atRow = new Map<number, Head>();
  private readonly behind = new Map<number, Head>();
  private readonly written = new Set<Head>();
  /** The place that the text written last runs on into. */
  private runsInto: Head | null = null;
  private places = 0;

  constructor(p: Program) {
    this.p = p;
    this.placeOf = new Int32Array(p.op.length).fill(-1);
    this.landings = new Int32Array(p.op.length).fill(-1);
    const ways = [...reachable(p)].toSorted(([a], [b]) => a - b);
    // Routine by routine, so that the places of a function are dense. Row 0 belongs to none.
    const routines = new Set(ways.map(([row]) => p.routine[row] as number));
    routines.delete(p.routine[0] as number);
    for (const routine of routines) {
      const rows = ways.filter(([row]) => p.routine[row] === routine);
      const heads = rows.flatMap(([row, count]) => this.headsAt(row, count));
      this.heads.set(routine, heads);
    }
  }

  text(): string {
    const units = [...this.heads].map(([routine, heads], n) => {
      for (const { place } of heads) this.unitOf[place] = n;
      return this.unit(routine, heads);
    });
    const names = [...this.heads.keys()].map(unitName);
    return `${units.join("\n")}\nreturn [${names.join(", ")}];`;
  }

  private headsAt(row: number, ways: number): Head[] {
    const heads: Head[] = [];
    if (isTick(this.p, row) || ways > 1) {
      const head = { place: this.places++, row, isLanding: false };
      if (isTick(this.p, row)) this.placeOf[row] = head.place;
      this.atRow.set(row, head);
      heads.push(head);
    }
    if (this.p.op[row] === OP.CALL) {
      const head = { place: this.places++, row, isLanding: true };
      this.landings[row] = head.place;
      this.behind.set(row, head);
      heads.push(head);
    }
    return heads;
  }

  private unit(routine: number, heads: readonly Head[]): string {
    const cases: string[] = [];
    // Words are compiled from their end, so the entry has the last row.
    for (const start of heads.toReversed()) {
      let head: Head | null = start;
      while (head !== null && !this.written.has(head)) {
        this.written.add(head);
        this.runsInto = null;
        cases.push(`case ${head.place}: ${this.body(head)}`);
        head = this.runsInto;
      }
    }
    return `function ${unitName(routine)}(at, until, outcome) {
      const { mem, fp } = m; let is; let to; let back;
      for (;;) switch (at) {\n${cases.join("\n")}\ndefault: return noTarget(); } }`;
  }

  private body({ row, isLanding }: Head): string {
    if (isLanding) return this.landing(row);
    return isTick(this.p, row) ? this.tick(row) : this.control(row, false);
  }

  /** Names something of the program in the text. */
  private use(kind: string, row: number, value: unknown): string {
    const name = `${kind}${row}`;
    this.used[name] = value;
    return name;
  }

  private effect = (row: number): string => `${this.use("e", row, this.p.effect[row])}()`;

  /** On to a row: its own text where only this leads to it, else a jump to its place. */
  private go(row: number, isNested: boolean): string {
    const head = this.atRow.get(row);
    if (row === 0) return "return -1;";
    return head === undefined ? this.control(row, isNested) : this.jump(head, isNested);
  }

  /** What is written next at the top of a function needs no jump: the text before runs into it. */
  private jump(head: Head, isNested: boolean): string {
    if (isNested || this.written.has(head)) return `at = ${head.place}; continue;`;
    this.runsInto = head;
    return "";
  }

  private branch(test: string, row: number, isNested: boolean): string {
    const { next, other } = this.p;
    const yes = this.go(next[row] as number, true);
    return `if (${test}) { ${yes} } ${this.go(other[row] as number, isNested)}`;
  }

  /** The next act begins, if it can and may. */
  private tick(row: number): string {
    const { p } = this;
    const text = [`if (m.tick >= until) return ${~row};`];
    if (p.op[row] === OP.GUARD) {
      text.push(`if (!${this.use("g", row, p.guard[row])}()) return ${~row};`);
    }
    if (p.op[row] === OP.CHOOSE) {
      text.push(`if (${this.use("n", row, p.count[row])}() <= outcome) return ${~row};`);
    }
    text.push(recordTick(row));
    const act =
      p.op[row] === OP.CHOOSE ? `${this.use("o", row, p.outcome[row])}(outcome)` : this.effect(row);
    const branches = (p.other[row] as number) >= 0;
    text.push(branches ? `is = ${act};` : `${act};`, "m.tick++;");
    text.push(branches ? this.branch(TRUTHY, row, false) : this.go(p.next[row] as number, false));
    return text.join(" ");
  }

  /** A control row and those behind it. */
  private control(row: number, isNested: boolean): string {
    const { p } = this;
    const size = p.size[row] as number;
    switch (p.op[row]) {
      case OP.TEST:
      case OP.INSIDE_BRANCH:
        return `is = ${this.effect(row)}; ${this.branch(TRUTHY, row, isNested)}`;
      case OP.RESULT:
        return this.branch("m.result !== 0", row, isNested);
      case OP.CALL:
        return this.call(row, p.calls[row] as CallSite, isNested);
      case OP.GIVE:
        return leave(size, `mem[fp + ${p.other[row]}]`);
      case OP.RETURN:
        return leave(size, this.effect(row));
      default:
        return `${this.effect(row)}; ${this.go(p.next[row] as number, isNested)}`;
    }
  }

  private call(row: number, site: CallSite, isNested: boolean): string {
    const enter = site.targets.map((target, n) => this.enter(row, site, target, n));
    const cases = enter.map((text, n) => `case ${n}: ${text} break;`);
    const text =
      site.pick === null
        ? (enter[0] ?? "")
        : `switch (${this.use("p", row, site.pick)}()) {
          ${cases.join("\n")} default: return noTarget(); }`;
    const landing = this.behind.get(row) ?? fail("bad-word", `row ${row}`);
    return `${text} if (at !== ${landing.place}) return at; ${this.jump(landing, isNested)}`;
  }

  private enter(row: number, { frame }: CallSite, target: Target, n: number): string {
    const { entry, functionId, size, copies, fills } = target;
    const unit = unitName(this.p.routine[entry] as number);
    const place = this.atRow.get(entry)?.place;
    const copied = copies.map((from, i) =>
      i % 2 === 0 ? `mem[to + ${copies[i + 1]}] = mem[fp + ${from}];` : "",
    );
    const filled = fills.map((fill, i) => `${this.use(`f${row}_${n}_`, i, fill)}(to);`);
    return `to = fp + ${frame}; if (to + ${size} > m.stackEnd) noRoom(m);
      mem[to - 2] = ${row}; mem[to - 1] = fp; ${copied.join(" ")} ${filled.join(" ")}
      m.fp = to; if (m.spansOn !== 0) m.spanWords[m.spanCount++] = ${(functionId << 2) | 1};
      at = ${unit}(${place}, until, outcome);`;
  }

  /** Behind a call: its result goes where the caller wants it. */
  private landing(row: number): string {
    const { into, intoWide, next } = this.p.calls[row] as CallSite;
    const low = into < 0 ? "" : `mem[fp + ${into}] = m.result;`;
    const high = intoWide ? `mem[fp + ${into + 1}] = highHalf(m.result);` : "";
    return `${low} ${high} ${this.go(next, false)}`;
  }
}
