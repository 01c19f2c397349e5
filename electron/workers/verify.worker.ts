// Holds real traces against the model: a trace's text in, what the comparison says out.
// One simulator a worker; the trace's file was read by who asks, so that bad input is told there.
// Promises: the answer depends on the text, its name and the axes alone, not on earlier tasks.
import { calledFunctions } from "#shared/profile/called";
import { tryTrace } from "#shared/verify/verify-text";
import { serveTasks, type TaskContext } from "./serve-tasks.ts";
import { theSimulator } from "./simulation.ts";
import type { TraceTask, TraceTrial } from "./trace-types.ts";

function check({ name, text, axes, withCalls }: TraceTask, context: TaskContext): TraceTrial {
  const control = { goOn: () => !context.isCancelled() };
  const { verification, run } = tryTrace(theSimulator(), text, name, axes, control);
  const called = withCalls && run !== null ? calledFunctions(run) : [];
  return { verification, called };
}

serveTasks({ check });
