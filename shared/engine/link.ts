// Words to rows: compiles every routine reachable from those given, once per machine, and checks
// the result. Sequences are compiled from their end, so that each word knows the row after it and
// jumps vanish. Checked here: labels, locals, no waiting inside an atomic section, a tick in every
// cycle (check-rows.ts).
import { checkTicks } from "./check-rows.ts";
import { guarded } from "./checked.ts";
import { fail } from "./faults.ts";
import type { Lock } from "./locks.ts";
import type { Machine } from "./machine.ts";
import { localsOf, numberOf, placeOf, storeOf, type Locals } from "./own.ts";
import { FRAME_HEAD, OP, type CallSite, type Program, type Target } from "./program.ts";
import type { SpineRoutine } from "./routine.ts";
import { wide } from "./struct.ts";
import type { CallWord, TickWord, Value, Word } from "./words.ts";

const LABEL = /^[A-Za-z0-9_.]{1,12}$/;
const MAX_ROWS = 1 << 24;
/** Most outcomes of one choice: a search keeps them in three bits. */
export const MAX_OUTCOMES = 8;

interface Row {
  op: number;
  next: number;
  other: number;
  routine: number;
  size: number;
  effect: () => unknown;
  guard: () => unknown;
  count: () => number;
  outcome: (outcome: number) => unknown;
  call: CallWord | null;
  label: string;
  lock: (() => Lock) | null;
}

/** What a word's compilation must know of its surroundings. */
interface Scope {
  readonly locals: Locals;
  readonly routineId: number;
  readonly labels: Set<string>;
  readonly inside: boolean;
  readonly leave: number;
  readonly again: number;
}

const nothing = (): number => 0;
const always = (): boolean => true;

class Linker {
  readonly m: Machine;
  readonly rows: Row[] = [];
  readonly calls: (CallSite | null)[] = [];
  private readonly locals = new Map<SpineRoutine, Locals>();
  /**
   * Entry rows; a routine called from an atomic section is compiled a second time, without ticks.
   */
  readonly entries = [new Map<SpineRoutine, number>(), new Map<SpineRoutine, number>()] as const;
  private readonly waiting: { routine: SpineRoutine; inside: boolean; head: number }[] = [];

  constructor(m: Machine) {
    this.m = m;
    this.row(OP.END, 0, { routineId: -1, locals: { size: 0 } });
  }

  /** Entry row of a routine; its words are compiled later. */
  entry(routine: SpineRoutine, inside: boolean): number {
    const known = this.entries[inside ? 1 : 0].get(routine);
    if (known !== undefined) return known;
    const head = this.row(OP.JUMP, 0, { routineId: routine.id, locals: this.localsOf(routine) });
    this.entries[inside ? 1 : 0].set(routine, head);
    this.waiting.push({ routine, inside, head });
    return head;
  }

  localsOf(routine: SpineRoutine): Locals {
    const known = this.locals.get(routine);
    if (known !== undefined) return known;
    const locals = localsOf(this.m, routine);
    this.locals.set(routine, locals);
    return locals;
  }

  compileAll(): void {
    for (let next = this.waiting.pop(); next !== undefined; next = this.waiting.pop()) {
      const { routine, inside, head } = next;
      const locals = this.localsOf(routine);
      const scope: Scope = {
        locals,
        routineId: routine.id,
        labels: new Set(),
        inside,
        leave: -1,
        again: -1,
      };
      const end = this.row(OP.RETURN, 0, scope);
      // The locals' accessors are exactly Own<L>: both come from the routine's table of locals.
      const words = routine.build(locals.own as never, this.m);
      this.at(head).next = this.sequence(words, end, scope);
    }
  }

  private at(row: number): Row {
    return this.rows[row] ?? fail("bad-word", `row ${row}`);
  }

  private row(
    op: number,
    next: number,
    scope: { routineId: number; locals: { size: number } },
  ): number {
    if (this.rows.length >= MAX_ROWS) fail("bad-word", "too many rows");
    this.calls.push(null);
    return (
      this.rows.push({
        op,
        next,
        other: -1,
        routine: scope.routineId,
        size: scope.locals.size,
        effect: nothing,
        guard: always,
        count: nothing,
        outcome: nothing,
        call: null,
        label: "",
        lock: null,
      }) - 1
    );
  }

  private sequence(words: readonly Word[], next: number, scope: Scope): number {
    let entry = next;
    for (const word of words.toReversed()) entry = this.word(word, entry, scope);
    return entry;
  }

  private word(word: Word, next: number, scope: Scope): number {
    switch (word.kind) {
      case "act":
      case "until":
      case "choose":
        return this.tick(word, next, -1, scope);
      case "when":
        return this.branch(word, next, scope);
      case "call":
        return this.callRow(word, next, scope);
      case "loop":
        return this.loop(word.body, next, scope);
      case "leave":
      case "again":
        return this.jump(word.kind, scope);
      case "set":
        return this.assign(word.local, word.value, next, scope);
      case "done":
        return this.giveBack(word.value, scope);
      case "atomic":
        return this.section(word.body, next, scope);
    }
  }

  private tick(word: TickWord, next: number, other: number, scope: Scope): number {
    const { label } = word;
    if (!LABEL.test(label) || scope.labels.has(label)) {
      fail("bad-label", `${scope.locals.routine} ${label}`);
    }
    scope.labels.add(label);
    if (scope.inside && word.kind !== "act") {
      fail("bad-word", `${label} waits inside an atomic section`);
    }
    const row = this.at(this.row(OP.ACT, next, scope));
    row.label = label;
    row.other = other;
    if (word.kind === "choose") {
      row.op = OP.CHOOSE;
      row.count = word.count;
      row.outcome = word.effect;
    } else if (word.kind === "until") {
      row.op = OP.GUARD;
      row.guard = this.checked(word.guard, false);
      row.lock = word.lock;
      row.effect = word.effect ?? always;
    } else {
      const plain = other < 0;
      if (scope.inside) row.op = plain ? OP.INSIDE : OP.INSIDE_BRANCH;
      else row.op = plain ? OP.ACT : OP.BRANCH;
      row.effect = word.effect;
    }
    return this.rows.length - 1;
  }

  private branch(word: Word & { kind: "when" }, next: number, scope: Scope): number {
    const { test } = word;
    const yes = this.sequence(word.yes, next, scope);
    const no = this.sequence(word.no, next, scope);
    if (typeof test === "function") {
      const row = this.row(OP.TEST, yes, scope);
      this.at(row).other = no;
      this.at(row).effect = this.checked(test, true);
      return row;
    }
    if (test.kind !== "call") return this.tick(test, yes, no, scope);
    const result = this.row(OP.RESULT, yes, scope);
    this.at(result).other = no;
    return this.callRow(test, result, scope);
  }

  private loop(body: readonly Word[], next: number, scope: Scope): number {
    const head = this.row(OP.JUMP, 0, scope);
    this.at(head).next = this.sequence(body, head, { ...scope, leave: next, again: head });
    return head;
  }

  private jump(kind: "leave" | "again", scope: Scope): number {
    const to = kind === "leave" ? scope.leave : scope.again;
    return to >= 0 ? to : fail("bad-word", `${scope.locals.routine}: ${kind} outside a loop`);
  }

  private assign(local: string, value: Value, next: number, scope: Scope): number {
    const store = storeOf(this.m, scope.locals, value, placeOf(scope.locals, local));
    const row = this.row(OP.SET, next, scope);
    this.at(row).effect = () => store(this.m.fp);
    return row;
  }

  private giveBack(value: Value, scope: Scope): number {
    const place = typeof value === "string" ? placeOf(scope.locals, value) : null;
    if (place?.size === 1) {
      const give = this.row(OP.GIVE, 0, scope);
      this.at(give).other = place.offset;
      return give;
    }
    const row = this.row(OP.RETURN, 0, scope);
    this.at(row).effect = numberOf(this.m, scope.locals, value);
    return row;
  }

  private section(body: readonly Word[], next: number, scope: Scope): number {
    const [first, ...rest] = body;
    if (first === undefined || scope.inside) return this.sequence(body, next, scope);
    const inside = { ...scope, inside: true };
    const after = this.sequence(rest, next, inside);
    if (first.kind === "act" || first.kind === "until" || first.kind === "choose") {
      return this.tick(first, after, -1, scope);
    }
    if (first.kind === "when" && typeof first.test === "object" && first.test.kind !== "call") {
      const yes = this.sequence(first.yes, after, inside);
      return this.tick(first.test, yes, this.sequence(first.no, after, inside), scope);
    }
    return fail("bad-word", `${scope.locals.routine}: an atomic section must begin with an act`);
  }

  private callRow(word: CallWord, next: number, scope: Scope): number {
    const row = this.row(OP.CALL, next, scope);
    const place = word.into === null ? null : placeOf(scope.locals, word.into);
    const isWide = word.into !== null && scope.locals.fields[word.into] === wide;
    if (place !== null && place.size !== 1 && !isWide) {
      fail("bad-local", `${scope.locals.routine}.${word.into}`);
    }
    this.calls[row] = {
      frame: scope.locals.size + FRAME_HEAD,
      next,
      pick: word.pick,
      into: place === null ? -1 : place.offset,
      intoWide: isWide,
      targets: word.targets.map((routine) => this.target(routine, word.args, scope)),
    };
    return row;
  }

  private target(routine: SpineRoutine, args: CallWord["args"], scope: Scope): Target {
    const callee = this.localsOf(routine);
    const copies: number[] = [];
    const fills: ((fp: number) => void)[] = [];
    for (const [name, value] of Object.entries(args)) {
      if (value === undefined) continue;
      const to = placeOf(callee, name);
      const from = typeof value === "string" ? placeOf(scope.locals, value) : null;
      if (from !== null && from.size === 1 && to.size === 1) copies.push(from.offset, to.offset);
      else fills.push(storeOf(this.m, scope.locals, value, to));
    }
    return {
      entry: this.entry(routine, scope.inside),
      functionId: routine.id,
      size: callee.size,
      copies,
      fills,
    };
  }

  /** In checked machines conditions are watched; else they run as they are. */
  private checked(condition: () => unknown, control: boolean): () => unknown {
    return this.m.config.checks === true ? guarded(this.m, condition, control) : condition;
  }

  /** Threads jump rows away. */
  thread(row: number): number {
    let to = row;
    for (let hops = 0; to >= 0 && this.at(to).op === OP.JUMP; hops++) {
      if (hops > this.rows.length) fail("control-spins", `row ${row}`);
      to = this.at(to).next;
    }
    return to;
  }
}

/** Compiles the routines and all they call into the machine's program. */
export function link(m: Machine, routines: readonly SpineRoutine[]): Program {
  const linker = new Linker(m);
  for (const routine of routines) linker.entry(routine, false);
  linker.compileAll();
  const { rows } = linker;
  const threaded = (row: number): number => linker.thread(row);
  const program: Program = {
    op: Int8Array.from(rows, (row) => row.op),
    next: Int32Array.from(rows, (row) => threaded(row.next)),
    other: Int32Array.from(rows, (row) => (row.op === OP.GIVE ? row.other : threaded(row.other))),
    routine: Int32Array.from(rows, (row) => row.routine),
    size: Int32Array.from(rows, (row) => row.size),
    effect: rows.map((row) => row.effect),
    guard: rows.map((row) => row.guard),
    count: rows.map((row) => row.count),
    outcome: rows.map((row) => row.outcome),
    calls: linker.calls.map((site) =>
      site === null
        ? null
        : {
            ...site,
            next: threaded(site.next),
            targets: site.targets.map((target) => ({ ...target, entry: threaded(target.entry) })),
          },
    ),
    label: rows.map((row) => row.label),
    lock: rows.map((row) => row.lock),
    entries: new Map([...linker.entries[0]].map(([routine, row]) => [routine, threaded(row)])),
  };
  checkTicks(program);
  m.program = program;
  m.compiled = undefined;
  return program;
}
