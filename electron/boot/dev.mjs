// `npm run dev`: the app that follows the sources.
// With Electron's program: electron-vite's own watch mode. Without it: build again and restart the
// browser host at each change; a build takes few seconds, so that is watch mode enough.
import { watch } from "node:fs";
import { ensureBuilt } from "./built.mjs";
import { chooseHost } from "./choose-host.mjs";
import { ready } from "./install.mjs";
import { inProject, run, say, script } from "./project.mjs";

/** An editor writes a file in several steps, and a branch switch writes many files. */
const QUIET_MS = 300;

await script(async () => {
  const tools = await ready();
  const host = await chooseHost(tools.node, tools.env);
  if ("program" in host) {
    const vite = inProject("node_modules", "electron-vite", "dist", "cli.js");
    return run(tools.node, [vite, "dev", "-w"], { env: tools.env });
  }
  say(`Using the browser host: ${host.reason}.`);
  return followSources(tools);
});

/** Builds and serves for ever; ends with the host when it ends by itself. */
async function followSources(tools) {
  let notify = () => {};
  const nextChange = () => new Promise((resolve) => (notify = () => resolve("changed")));
  let changed = nextChange();
  let timer;
  for (const folder of ["electron", "renderer", "shared"]) {
    watch(inProject(folder), { recursive: true }, () => {
      clearTimeout(timer);
      timer = setTimeout(() => notify(), QUIET_MS);
    });
  }
  for (;;) {
    const built = await ensureBuilt(tools).then(
      () => true,
      (error) => say(error.message),
    );
    let child;
    const entry = inProject("out", "main", "host.js");
    const args = ["--enable-source-maps", entry, ...process.argv.slice(2)];
    const onChild = (started) => (child = started);
    const host = () => run(tools.node, args, { env: tools.env }, onChild);
    const ended = built ? host() : new Promise(() => {});
    const first = await Promise.race([changed, ended]);
    if (first !== "changed") process.exit(first);
    changed = nextChange();
    child?.kill("SIGTERM");
    if (built) await ended;
  }
}
