// Routines: what stands for a function of the kernel. Plain ones are functions with a span; spine
// ones hold words. Declared once at module level; a machine links the spine routines it runs
// (link.ts). Function ids follow the order of declaration; one name is one function, however often
// it is declared.
import { generate } from "./generate.ts";
import type { Machine } from "./machine.ts";
import type { Fields, Values } from "./struct.ts";
import type { Word } from "./words.ts";

/** One entry of a run's function table; its index is the id in span words. */
export interface FunctionInfo {
  readonly name: string;
  /** The kernel's compiler inlines it: its span is kept, profiles hide it by default. */
  readonly inlined: boolean;
}

export interface RoutineOptions {
  readonly inlined?: boolean;
}

/** The locals of the running thread's top frame; all 0 at entry. */
export type Own<L extends Fields> = Values<L>;

/** A kernel function with points where another thread may run. */
export interface SpineRoutine<L extends Fields = Fields> {
  readonly name: string;
  readonly id: number;
  readonly locals: L;
  /**
   * Runs once per machine, at link; reads no switch of kernel or lookup (conditions do, at run
   * time).
   */
  build(own: Own<L>, m: Machine): readonly Word[];
}

const table: FunctionInfo[] = [];
const ids = new Map<string, number>();

/** Names by id of all routines declared so far: stored with a run. */
export const functionTable = (): readonly FunctionInfo[] => table.slice();

function declare(name: string, options: RoutineOptions): number {
  const known = ids.get(name);
  if (known !== undefined) return known;
  ids.set(name, table.length);
  return table.push({ name, inlined: options.inlined ?? false }) - 1;
}

type Plain = (m: never, ...rest: never[]) => unknown;

/** Plain: `routine(name, (m, …) => value)` is a function of the same type, with a span. */
export function routine<F extends Plain>(name: string, run: F, options?: RoutineOptions): F;
/** Spine: `routine(name, locals, (own, m) => words)` is a value for `call`. */
export function routine<L extends Fields, M extends Machine = Machine>(
  name: string,
  locals: L,
  build: (own: Own<L>, m: M) => readonly Word[],
  options?: RoutineOptions,
): SpineRoutine<L>;
export function routine(
  name: string,
  first: Plain | Fields,
  second?: unknown,
  options: RoutineOptions = {},
): unknown {
  if (typeof first === "function") {
    const id = declare(name, (second as RoutineOptions | undefined) ?? {});
    return withSpan(id, first as unknown as SpanFunction);
  }
  return { name, id: declare(name, options), locals: first, build: second };
}

type SpanFunction = (m: Machine, ...rest: unknown[]) => unknown;

/** The wrapper has the arity of the function: optional and rest parameters would not reach it. */
function withSpan(id: number, run: SpanFunction): SpanFunction {
  const parameters = [
    "m",
    ...Array.from({ length: Math.max(0, run.length - 1) }, (_, i) => `a${i}`),
  ];
  const list = parameters.join(", ");
  const made = generate(
    { run, word: (id << 2) | 1 },
    `return (${list}) => {
    if (m.spansOn !== 0) m.spanWords[m.spanCount++] = word;
    const result = run(${list});
    if (m.spansOn !== 0) {
      const bits = typeof result === "number" ? result : result === true ? 1 : 0;
      m.spanWords[m.spanCount++] = (bits << 2) | 2;
    }
    return result;
  };`,
  );
  return made === null ? closureSpan(id, run) : (made as SpanFunction);
}

function closureSpan(id: number, run: SpanFunction): SpanFunction {
  return (m, ...rest) => {
    if (m.spansOn === 0) return run(m, ...rest);
    m.enter(id);
    const result = run(m, ...rest);
    m.leave(result);
    return result;
  };
}
