// Call paths of many events in one walk over the span words.
// Owns nothing; a run without spans gives empty paths.
// From: the engine's span words and an event's place among them.
import { SPAN_LEAVE, SPAN_THREAD, spanKind, spanValue } from "#shared/engine/spans";
import type { SimRun } from "#shared/model/sim-run";

export interface PathQuestion {
  readonly spanAt: number;
  readonly thread: number;
}

/** Names of the functions around each place, outermost first, in the order of the questions. */
export function callPaths(run: SimRun, questions: readonly PathQuestion[]): readonly string[][] {
  const order = questions.map((question, index) => ({ question, index }));
  order.sort((a, b) => a.question.spanAt - b.question.spanAt);
  const answers: string[][] = questions.map(() => []);
  const { words } = run.record.spans;
  const stacks = new Map<number, number[]>();
  let at = 0;
  let thread = 0;
  for (const { question, index } of order) {
    const end = Math.min(question.spanAt, words.length);
    for (; at < end; at++) {
      const word = words[at] ?? 0;
      const kind = spanKind(word);
      if (kind === SPAN_THREAD) thread = spanValue(word);
      else if (kind === SPAN_LEAVE) stacks.get(thread)?.pop();
      else push(stacks, thread, spanValue(word));
    }
    const stack = stacks.get(question.thread) ?? [];
    answers[index] = stack.map((id) => nameOf(run, id));
  }
  return answers;
}

/** Without what tells variants of one kernel function apart after a dot. */
const nameOf = (run: SimRun, id: number): string =>
  run.functions[id]?.name.split(".")[0] ?? `function ${id}`;

function push(stacks: Map<number, number[]>, thread: number, functionId: number): void {
  const stack = stacks.get(thread);
  if (stack === undefined) stacks.set(thread, [functionId]);
  else stack.push(functionId);
}
