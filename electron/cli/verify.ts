// `faultline verify`: real traces against the model, step by step, to the first difference.
// A folder stands for all .trace files below it; the folders above a file tell kernel and mode.
// Exit code 1: a trace differs, or could not be run; the first difference is shown in full.
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { Simulator } from "#shared/model/simulate";
import { differenceText, verdictLine } from "#shared/verify/difference-text";
import { verifyText, type Verification, type VerifyAxes } from "#shared/verify/verify-text";
import { BadInput, badPlace, EXIT, textOf, type Command, type Invocation } from "./command.ts";
import { checkWholeTrace, MAX_TRACE_BYTES, readText } from "./input-file.ts";
import { progressLine } from "./progress-line.ts";

const MAX_FILES = 100_000;

export const verifyCommand: Command = {
  name: "verify",
  usage: "FILE|FOLDER…",
  summary: "compare real traces with the model",
  about: [
    "Runs the plan of each trace on the simulated kernel it was recorded on and",
    "compares results, events in order, KVM's tables and tracked pages. Kernel,",
    "mode and lookup are told by the folders (…/6.12/tdp/), or by options.",
  ].join("\n"),
  options: {
    kernel: { type: "string" },
    mode: { type: "string" },
    lookup: { type: "string" },
  },
  optionHelp: [
    ["--kernel K", "the kernel that printed the traces"],
    ["--mode M", "the mode it ran in"],
    ["--lookup L", "the lookup that was built into it"],
  ],
  arity: [1, 10_000],
  run: runVerify,
};

/** A file that cannot be read is no row: it ends the command as bad input. */
type Result = Exclude<Verification, { kind: "problems" }>;

interface Row {
  file: string;
  result: Result;
}

const SHOWN_PROBLEMS = 3;

async function runVerify(invocation: Invocation): Promise<number> {
  const { args, io, common, signal } = invocation;
  const axes = {
    kernel: textOf(invocation, "kernel"),
    mode: textOf(invocation, "mode"),
    lookup: textOf(invocation, "lookup"),
  };
  const files = (await Promise.all(args.map(tracesIn))).flat();
  const progress = progressLine(invocation);
  const rows: Row[] = [];
  const simulator = new Simulator();
  for (const file of files) {
    if (signal.aborted) break;
    progress.show({ ...AT_WORK, done: rows.length, of: files.length });
    const text = await readText(file, MAX_TRACE_BYTES);
    rows.push({ file, result: verifyFile(simulator, file, text, axes) });
  }
  progress.end();
  if (common.json) io.out(`${JSON.stringify(rows, null, 2)}\n`);
  else io.out(tableText(rows, common.quiet));
  if (signal.aborted) return EXIT.interrupted;
  return rows.every(isEqual) ? EXIT.asExpected : EXIT.finding;
}

const AT_WORK = { doing: "verify", unit: "traces", perSecond: 0, secondsLeft: null };

const isEqual = ({ result }: Row): boolean => result.kind === "compared" && result.verdict.equal;

function verifyFile(sim: Simulator, file: string, text: string, axes: VerifyAxes): Result {
  const result = verifyText(sim, text, file, axes);
  if (result.kind === "problems") {
    const lines = result.problems.slice(0, SHOWN_PROBLEMS).map(({ line, column, message }) => {
      // Line 0 is the whole file; editors begin at 1.
      return `${file}:${Math.max(1, line)}:${Math.max(1, column)}: ${message}`;
    });
    throw new BadInput(lines.join("\n"));
  }
  if (!/\bSTEP \d+ /.test(text)) {
    throw badPlace(file, 1, 1, "The file has no STEP line. Give a trace of the lab.");
  }
  checkWholeTrace(file, text);
  return result;
}

async function tracesIn(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => null);
  if (found === null || !found.isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(".trace"))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  if (files.length === 0) throw new BadInput(`${path}: There is no .trace file in this folder.`);
  if (files.length > MAX_FILES) throw new BadInput(`${path}: More than ${MAX_FILES} traces.`);
  return files;
}

function tableText(rows: readonly Row[], isQuiet: boolean): string {
  const lines = rows.flatMap((row) => (isQuiet && isEqual(row) ? [] : [rowText(row)]));
  const equal = rows.filter(isEqual).length;
  return [...lines, `${equal} of ${rows.length} equal`, ""].join("\n");
}

function rowText({ file, result }: Row): string {
  if (result.kind !== "compared") {
    const place = result.line > 0 ? `:${result.line}:1` : "";
    return `${file}${place}: not simulated: ${result.message}`;
  }
  return result.verdict.equal
    ? verdictLine(file, result.verdict)
    : differenceText(file, result.verdict);
}
