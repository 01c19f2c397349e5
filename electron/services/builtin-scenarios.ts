// The scenarios that come with the program: files beside it, read once when first asked for.
// A name is a file's name without its ending; a file that cannot be read is left out, not a fault.
// Promises: never writes; the texts are those of the files, byte for byte.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../store/failure.ts";

const ENDING = ".yaml";
const MAX_FILES = 1000;

export function readBuiltins(fixturesDir: string): ReadonlyMap<string, string> {
  const folder = join(fixturesDir, "scenarios");
  const texts = new Map<string, string>();
  for (const file of filesOf(folder)) {
    texts.set(file.slice(0, -ENDING.length), readFileSync(join(folder, file), "utf8"));
  }
  return texts;
}

function filesOf(folder: string): string[] {
  try {
    const files = readdirSync(folder).filter((file) => file.endsWith(ENDING));
    return files.toSorted().slice(0, MAX_FILES);
  } catch (error) {
    if (codeOf(error) === "") throw error;
    return [];
  }
}
