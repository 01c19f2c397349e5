// Starts the services for a host from its entry file's folder.
// The workers' folder is computed from the entry alone: shared code lies in a chunk elsewhere.
// In a packaged app workers and fixtures lie outside the archive, because threads cannot read it.
import { homedir } from "node:os";
import { join } from "node:path";
import { createServices } from "../services/index.ts";
import { libraryPath } from "./library.ts";

export interface HostStart {
  kind: "electron" | "browser" | "cli";
  /** `import.meta.dirname` of the built entry. */
  entryDir: string;
  /** The command line's --library. */
  library?: string | undefined;
  /** Where worker entries are, when they are not beside the entry. */
  workers?: Workers | undefined;
}

export interface Workers {
  dir: string;
  ext: ".js" | ".ts";
}

const unpackedDir = (entryDir: string): string =>
  entryDir.replace(/app\.asar(?!\.unpacked)/, "app.asar.unpacked");

export const workersBeside = (entryDir: string): Workers => ({
  dir: unpackedDir(entryDir),
  ext: ".js",
});

export function startServices({ kind, entryDir, library, workers }: HostStart) {
  const { dir, ext } = workers ?? workersBeside(entryDir);
  const surroundings = { platform: process.platform, env: process.env, home: homedir() };
  return createServices({
    kind,
    libraryPath: libraryPath(library, surroundings),
    workerDir: dir,
    workerExt: ext,
    fixturesDir: join(unpackedDir(entryDir), "..", "..", "fixtures"),
  });
}
