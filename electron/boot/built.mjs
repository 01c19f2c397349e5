// Builds out/ when a source differs from what it was built from, and only then.
// The stamp is a digest over names and contents of everything that can reach the build.
// Contents, not times: a fresh clone and a branch switch tell the truth.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { withLock } from "./lock.mjs";
import { inProject, PROJECT, run, say, Stop } from "./project.mjs";

const OUT = inProject("out");
/** A build that fails leaves the last good one in place. At the same depth: source maps hold. */
const NEXT = inProject("out.next");
const STAMP_NAME = ".stamp";
const FOLDERS = ["electron", "renderer", "shared"];
const FILES = ["electron.vite.config.ts", "package.json", "package-lock.json"];
/** What stands beside the sources but is in no bundle. */
const NOT_BUILT = /\.(test|bench)\.ts$|\.md$|^(electron.boot|renderer.e2e|renderer.bench)\b/;

/** @param {{ node: string, env: NodeJS.ProcessEnv }} tools */
export async function ensureBuilt({ node, env }) {
  if ((await stampNow()) === (await wantedStamp())) return;
  await withLock("build", async () => {
    const wanted = await wantedStamp();
    if ((await stampNow()) === wanted) return;
    say("Building …");
    const vite = inProject("node_modules", "electron-vite", "dist", "cli.js");
    const args = [vite, "build", "--logLevel", "warn", "--outDir", NEXT];
    const code = await run(node, args, { env, stdio: ["ignore", 2, 2] });
    if (code !== 0) throw new Stop("The build failed; its message is above.");
    await writeFile(join(NEXT, STAMP_NAME), wanted);
    await rm(OUT, { recursive: true, force: true });
    await rename(NEXT, OUT);
  });
}

const stampNow = () => readFile(join(OUT, STAMP_NAME), "utf8").catch(() => "");

async function wantedStamp() {
  const hash = createHash("sha256");
  for (const file of await sources()) {
    hash.update(`${relative(PROJECT, file)}\0`).update(await readFile(file));
  }
  return hash.digest("hex");
}

async function sources() {
  const found = FILES.map((file) => inProject(file));
  for (const folder of FOLDERS.map((name) => inProject(name)).filter(existsSync)) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      // Node 18 names the folder `path`, later ones `parentPath`.
      const file = join(entry.parentPath ?? entry.path, entry.name);
      if (entry.isFile() && !NOT_BUILT.test(relative(PROJECT, file))) found.push(file);
    }
  }
  return found.sort();
}
