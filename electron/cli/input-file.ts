// Reads what the user names: a text file within a size, as UTF-8, or BadInput with the place.
// A scenario is read to its plan; all its errors are told at once, each with line and column.
// From: the limits of the scenario language; editors jump to file:line:column.
import { readFile, stat } from "node:fs/promises";
import type { Diagnostic } from "#shared/scenario/diagnostics";
import { MAX_TEXT } from "#shared/scenario/limits";
import { parseScenario } from "#shared/scenario/parse";
import type { Plan } from "#shared/scenario/plan";
import { BadInput, badPlace } from "./command.ts";

/** Traces of the lab are below 1 MiB; a day of a busy host fits. */
export const MAX_TRACE_BYTES = 512 * 1024 * 1024;
const SHOWN_ERRORS = 20;

export async function readText(file: string, limit = MAX_TEXT): Promise<string> {
  const bytes = await readBytes(file, limit);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    const message = "The file is not UTF-8 text. Give a text file.";
    throw new BadInput(`${file}:1:1: ${message}`, { cause: error });
  }
}

async function readBytes(file: string, limit: number): Promise<Buffer> {
  try {
    const { size } = await stat(file);
    if (size <= limit) return await readFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const what = code === "ENOENT" ? "There is no such file." : `It cannot be read (${code}).`;
    throw new BadInput(`${file}: ${what} Give the path of a file.`, { cause: error });
  }
  const mebibytes = Math.floor(limit / 1024 / 1024);
  throw badPlace(file, 1, 1, `The file is larger than ${mebibytes} MiB. Give a smaller one.`);
}

/** The plan of a scenario's text; errors name `file`, warnings go to `warn`. */
export function planOf(file: string, text: string, warn: (line: string) => void): Plan {
  const { plan, diagnostics } = parseScenario(text);
  const isShown = plan === null ? "error" : "warning";
  const shown = diagnostics.filter(({ severity }) => severity === isShown);
  const lines = shown.slice(0, SHOWN_ERRORS).map((one) => diagnosticLine(file, one));
  const more = shown.length - lines.length;
  if (more > 0) lines.push(`${file}: ${more} more.`);
  if (plan === null) throw new BadInput(lines.join("\n"));
  for (const line of lines) warn(line);
  return plan;
}

/** The kernel ends every record by a newline: a last line without one has been cut. */
export function checkWholeTrace(file: string, text: string): void {
  if (text.endsWith("\n")) return;
  const lines = text.split("\n");
  const column = (lines.at(-1)?.length ?? 0) + 1;
  const message = "The trace ends in the middle of a line. Copy it again, up to its last newline.";
  throw badPlace(file, lines.length, column, message);
}

function diagnosticLine(file: string, diagnostic: Diagnostic): string {
  const { severity, line, column, message, expected, nearest } = diagnostic;
  // A near word already stands in the message; otherwise a few examples say what would be right.
  const isShort = nearest === undefined && expected.length > 0;
  const advice = isShort ? ` Right would be: ${expected.slice(0, 8).join(", ")}.` : "";
  const word = severity === "warning" ? "warning: " : "";
  return `${file}:${line}:${column}: ${word}${message}${advice}`;
}
