// Which host shows the app: Electron's window, or the browser host with the reason why.
// Chromium refuses root unless its sandbox is given up, and the sandbox is not given up.
// The decision is a pure function of what is found, so that a test can go through all cases.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inProject, say } from "./project.mjs";

const DOWNLOAD_LIMIT_MS = 180_000;

/**
 * Why Electron cannot be used here, before its program is looked for; "" when it can.
 * @param {{ env: Record<string, string | undefined>, platform: string, uid: number }} here
 */
export function reasonForBrowser({ env, platform, uid }) {
  if (env.FAULTLINE_HOST === "browser") return "FAULTLINE_HOST=browser asks for it";
  if (platform === "linux" && !env.DISPLAY && !env.WAYLAND_DISPLAY) return "there is no display";
  if (uid === 0) return "Electron's sandbox does not run as root";
  return "";
}

/**
 * Electron's program, or the reason why the browser host is used instead.
 * @param {string} node
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<{ program: string } | { reason: string }>}
 */
export async function chooseHost(node, env) {
  const uid = process.getuid?.() ?? 1;
  const reason = reasonForBrowser({ env, platform: process.platform, uid });
  if (reason !== "") return { reason };
  const present = electronProgram(env);
  if (present !== null) return { program: present };
  say("Fetching Electron's program (once) …");
  const failure = await download(node, env);
  const fetched = electronProgram(env);
  if (fetched !== null) return { program: fetched };
  return { reason: `Electron's program could not be fetched${failure}` };
}

function electronProgram(env) {
  const folder = inProject("node_modules", "electron");
  const name = join(folder, "path.txt");
  if (!existsSync(name)) return null;
  const dist = env.ELECTRON_OVERRIDE_DIST_PATH || join(folder, "dist");
  const program = join(dist, readFileSync(name, "utf8").trim());
  return existsSync(program) ? program : null;
}

function download(node, env) {
  return new Promise((done) => {
    const script = inProject("node_modules", "electron", "install.js");
    const child = spawn(node, [script], { env, stdio: "ignore", timeout: DOWNLOAD_LIMIT_MS });
    child.on("error", () => done(""));
    child.on("close", (code, signal) => {
      if (signal !== null) done(` within ${DOWNLOAD_LIMIT_MS / 1000} seconds`);
      else done(code === 0 ? "" : " (no network?)");
    });
  });
}
