// Writes the file that -o names. An existing file is replaced only with --force.
// `refuseExisting` says so before long work begins, the writing itself says so
// again.
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { BadInput, isOn, textOf, type Invocation } from "./command.ts";

/** The options of the commands that write a result, and their help. */
export const OUTPUT_OPTIONS = {
  output: { type: "string", short: "o" },
  force: { type: "boolean" },
} as const;
export const OUTPUT_HELP = [
  ["-o, --output FILE", "write the result there as JSON"],
  ["--force", "replace FILE if it exists"],
] as const;

const EXISTS = "The file exists; --force replaces it.";

export function refuseExisting(invocation: Invocation): void {
  const file = textOf(invocation, "output");
  if (file === "" || isOn(invocation, "force") || !existsSync(file)) return;
  throw new BadInput(`${file}: It cannot be written. ${EXISTS}`);
}

export async function saveOutput(
  file: string,
  content: string,
  mayReplace: boolean,
): Promise<void> {
  try {
    await writeFile(file, content, { flag: mayReplace ? "w" : "wx" });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const what = code === "EEXIST" ? EXISTS : `(${code})`;
    throw new BadInput(`${file}: It cannot be written. ${what}`, { cause: error });
  }
}
