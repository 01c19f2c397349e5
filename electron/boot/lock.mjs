// One start at a time may install or build: a file that only its maker holds.
// Two `npm start` in two terminals would otherwise empty each other's node_modules.
// A lock whose maker is gone (killed, power lost) is taken over.
import { createHash } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { PROJECT, say, Stop } from "./project.mjs";

const POLL_MS = 200;
const PATIENCE_MS = 15 * 60 * 1000;

/**
 * @template T
 * @param {string} name what is done under the lock
 * @param {() => Promise<T>} work
 * @param {string} [folder] where lock files live
 * @returns {Promise<T>}
 */
export async function withLock(name, work, folder = tmpdir()) {
  const place = createHash("sha256").update(PROJECT).digest("hex").slice(0, 12);
  const file = join(folder, `faultline-${name}-${place}.lock`);
  await acquire(file, name);
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

async function acquire(file, name) {
  const end = Date.now() + PATIENCE_MS;
  let told = false;
  while (!(await tryAcquire(file))) {
    if (Date.now() > end) throw new Stop(`Another start holds ${file}. Delete it if none runs.`);
    if (!told) say(`Another start does the ${name}; waiting for it.`);
    told = true;
    await pause(POLL_MS);
  }
}

async function tryAcquire(file) {
  try {
    await writeFile(file, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  const owner = Number(await readFile(file, "utf8").catch(() => "0"));
  // An empty file has just been made by a start that has not written its number yet.
  if (owner > 0 && !isAlive(owner)) await rm(file, { force: true });
  return false;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
