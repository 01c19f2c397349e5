// Files of traces through the workers, for the commands that need every one of them checked.
// Reads each file here, so that a bad one is told by its place; shows progress; ends by Ctrl-C.
// Promises: one trial a file in the order of the list; on an interruption those that are done.
import { checkTraces } from "../services/trace-checks.ts";
import type { Verification, VerifyAxes } from "#shared/verify/verify-text";
import type { Checked } from "#shared/verify/verify-result";
import { BadInput, badPlace, textOf, wholeNumberOf, type Invocation } from "./command.ts";
import { checkWholeTrace, MAX_TRACE_BYTES, readText } from "./input-file.ts";
import { progressLine } from "./progress-line.ts";

export interface CheckedFile {
  readonly file: string;
  readonly checked: Checked;
  readonly called: readonly string[];
}

/** The options of the commands that check traces, and their help. */
export const AXES_OPTIONS = {
  kernel: { type: "string" },
  mode: { type: "string" },
  lookup: { type: "string" },
  jobs: { type: "string" },
} as const;
export const AXES_HELP = [
  ["--kernel K", "the kernel that printed the traces"],
  ["--mode M", "the mode it ran in"],
  ["--lookup L", "the lookup that was built into it"],
  ["--jobs N", "at most N at a time; without it, one a core"],
] as const;

const MAX_JOBS = 1024;
const SHOWN_PROBLEMS = 3;

export const axesFrom = (invocation: Invocation): VerifyAxes => ({
  kernel: textOf(invocation, "kernel"),
  mode: textOf(invocation, "mode"),
  lookup: textOf(invocation, "lookup"),
});

export async function checkFiles(
  invocation: Invocation,
  files: readonly string[],
  withCalls: boolean,
): Promise<CheckedFile[]> {
  const { signal, workers } = invocation;
  const axes = axesFrom(invocation);
  const jobs = wholeNumberOf(invocation, "jobs", [1, MAX_JOBS], MAX_JOBS);
  const progress = progressLine(invocation);
  try {
    const found = await checkTraces({
      workers,
      jobs,
      count: files.length,
      signal,
      onProgress: progress.show,
      async each(index, ask): Promise<CheckedFile> {
        const file = files[index] ?? "";
        const text = await readText(file, MAX_TRACE_BYTES);
        const { verification, called } = await ask({ name: file, text, axes, withCalls });
        return { file, called, checked: readable(file, text, verification) };
      },
    });
    return found.filter((one) => one !== undefined);
  } finally {
    progress.end();
  }
}

function readable(file: string, text: string, found: Verification): Checked {
  if (found.kind === "problems") {
    const lines = found.problems.slice(0, SHOWN_PROBLEMS).map(({ line, column, message }) => {
      // Line 0 is the whole file; editors begin at 1.
      return `${file}:${Math.max(1, line)}:${Math.max(1, column)}: ${message}`;
    });
    throw new BadInput(lines.join("\n"));
  }
  if (!/\bSTEP \d+ /.test(text)) {
    throw badPlace(file, 1, 1, "The file has no STEP line. Give a trace of the lab.");
  }
  checkWholeTrace(file, text);
  return found;
}
