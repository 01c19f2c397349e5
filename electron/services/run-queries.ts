// What views ask of a run's record and machine: answered by the workers that hold runs live. One
// lane serves the run on screen, another what looks at several runs, so that neither waits for the
// other. Promises: nothing is computed here; a view's cancel reaches the worker.
import type { Input, Item, Method, Output } from "#shared/contract/methods";
import type { CallContext, Handlers } from "#shared/contract/server";
import type { Progress } from "#shared/contract/values";
import type { Services } from "./context.ts";

/** Lanes of the seek pool. */
const VIEW = 0;
const EVIDENCE = 1;

const LANES = {
  "runs.events": VIEW,
  "runs.locate": VIEW,
  "runs.timeline": VIEW,
  "state.walk": VIEW,
  "state.table": VIEW,
  "state.decode": VIEW,
  "state.page": VIEW,
  "state.machine": VIEW,
  "state.why": VIEW,
  "profile.tree": VIEW,
  "profile.difference": EVIDENCE,
  "profile.export": EVIDENCE,
  "compare.runs": EVIDENCE,
  "compare.rows": EVIDENCE,
  "compare.tables": EVIDENCE,
  "compare.text": EVIDENCE,
  "report.make": EVIDENCE,
} as const satisfies Partial<Record<Method, number>>;

export type RunQuery = keyof typeof LANES;

export function runQueryHandlers({ seek }: Services): Pick<Handlers, RunQuery> {
  function forward<M extends RunQuery>(method: M) {
    return (input: Input<M>, context: CallContext<Item<M>>): Promise<Output<M>> =>
      seek.run<Output<M>>(method, input, {
        signal: context.signal,
        lane: LANES[method],
        // Methods with a stream have progress as its items; the others are given none.
        onProgress: (progress: Progress) => context.emit(progress as Item<M>),
      });
  }

  const methods = Object.keys(LANES) as RunQuery[]; // the table's own keys
  const handlers = Object.fromEntries(methods.map((method) => [method, forward(method)]));
  return handlers as Pick<Handlers, RunQuery>;
}
