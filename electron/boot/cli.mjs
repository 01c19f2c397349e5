// `npm run faultline -- …`: the command line from a clone, installed and built on first use.
// Everything after the script's name goes to the command unchanged; its exit code comes back.
// Paths are taken relative to the folder in which the user called npm.
import { ensureBuilt } from "./built.mjs";
import { ready } from "./install.mjs";
import { inProject, run, script } from "./project.mjs";

await script(async () => {
  const tools = await ready();
  await ensureBuilt(tools);
  const args = ["--enable-source-maps", inProject("out", "main", "cli.js")];
  const cwd = process.env.INIT_CWD ?? process.cwd();
  return run(tools.node, [...args, ...process.argv.slice(2)], { env: tools.env, cwd });
});
