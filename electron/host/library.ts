// Where the library file is: the user's data folder, unless the user says otherwise.
// Order: --library, then FAULTLINE_LIBRARY, then the system's own place for a program's data.
// From: XDG base directory specification; the customs of macOS and Windows.
import { join, resolve } from "node:path";

interface Surroundings {
  platform: NodeJS.Platform;
  env: Readonly<Record<string, string | undefined>>;
  home: string;
}

/** The library's path; `given` is the command line's --library, or undefined. */
export function libraryPath(given: string | undefined, { platform, env, home }: Surroundings) {
  const chosen = given ?? nonEmpty(env["FAULTLINE_LIBRARY"]);
  if (chosen !== undefined) return resolve(chosen);
  return join(dataFolder(platform, env, home), "faultline", "library.db");
}

function dataFolder(platform: NodeJS.Platform, env: Surroundings["env"], home: string): string {
  if (platform === "darwin") return join(home, "Library", "Application Support");
  if (platform === "win32") return nonEmpty(env["APPDATA"]) ?? join(home, "AppData", "Roaming");
  return nonEmpty(env["XDG_DATA_HOME"]) ?? join(home, ".local", "share");
}

const nonEmpty = (text: string | undefined) => (text === "" ? undefined : text);
