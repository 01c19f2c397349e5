// Spans of plain routines: the wrapper keeps arguments and result, and writes the same words
// with and without generated code. A leave carries the result where it is a number or a truth
// value.
import { afterEach, expect, test, vi } from "vitest";
import { createMachine } from "./checked.ts";
import { RECORD_FULL, RECORD_NOTHING, SMALL_BUFFERS, type Machine } from "./machine.ts";
import { functionTable, routine } from "./routine.ts";
import { spanKind, spanValue, SPAN_ENTER } from "./spans.ts";

afterEach(() => vi.unstubAllGlobals());

const machine = (): Machine => createMachine({ objects: [], stack: 16, buffers: SMALL_BUFFERS });

/** Span words as text: +name, -result. */
function spansOf(m: Machine): string[] {
  const names = functionTable().map((info) => info.name);
  return Array.from(m.spanWords.slice(0, m.spanCount), (word) =>
    spanKind(word) === SPAN_ENTER ? `+${names[spanValue(word)]}` : `-${spanValue(word)}`,
  );
}

test.each(["generated", "closures"])("%s wrappers keep arguments, results and nesting", (how) => {
  if (how === "closures") {
    vi.stubGlobal("Function", () => {
      throw new Error("generated code is forbidden");
    });
  }
  const inner = routine("span_inner", (_m: Machine, a: number, b: string) => b.length + a);
  const outer = routine("span_outer", (m: Machine, a: number) => inner(m, a, "four") === 5);
  const nothing = routine("span_nothing", (_m: Machine) => ({ not: "a number" }));
  const negative = routine("span_errno", (_m: Machine) => -14);
  const m = machine();
  m.setRecord(RECORD_FULL);
  expect(outer(m, 1)).toBe(true);
  expect(nothing(m)).toEqual({ not: "a number" });
  expect(negative(m)).toBe(-14);
  expect(spansOf(m)).toEqual([
    "+span_outer",
    "+span_inner",
    "-5",
    "-1",
    "+span_nothing",
    "-0",
    "+span_errno",
    "--14",
  ]);
  m.setRecord(RECORD_NOTHING);
  expect(outer(m, 0)).toBe(false);
  expect(m.spanCount).toBe(8);
});
