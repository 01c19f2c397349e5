// `npm start`: from an untouched clone to the running app, in a window or in the browser.
// Installs and builds only what has changed; a second start takes a fraction of a second.
// FAULTLINE_HOST=browser or =electron chooses; the latter makes a missing Electron an error.
import { ensureBuilt } from "./built.mjs";
import { chooseHost } from "./choose-host.mjs";
import { ready } from "./install.mjs";
import { openWhenReady } from "./open-browser.mjs";
import { inProject, run, say, script, Stop } from "./project.mjs";

/** Electron's main ends with this when its self-check failed and the user chose the browser. */
const WANTS_BROWSER = 75;

await script(async () => {
  const tools = await ready();
  await ensureBuilt(tools);
  const { node, env } = tools;
  const args = process.argv.slice(2);
  const host = await chooseHost(node, env);
  if ("program" in host) {
    const fallback = { ...env, FAULTLINE_FALLBACK: "1" };
    const code = await run(host.program, [".", ...args], { env: fallback });
    if (code !== WANTS_BROWSER) return code;
    host.reason = "Electron's self-check failed";
  }
  if (env.FAULTLINE_HOST === "electron") throw new Stop(`No Electron here: ${host.reason}.`);
  say(`Using the browser host: ${host.reason}.`);
  const entry = inProject("out", "main", "host.js");
  const words = ["--enable-source-maps", entry, ...args];
  return run(node, words, { env, stdio: ["inherit", "pipe", "inherit"] }, openWhenReady);
});
