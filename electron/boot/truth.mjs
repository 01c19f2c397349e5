// `npm run verify:truth`: the whole set of real traces against the model, where it is at hand.
// The set is too large for the repository: FAULTLINE_TRUTH names its folder, else ../shared/truth/
// traces beside the project. Without it the command says so and ends with 0.
// Exit code 1: a trace differs. Words after `--` go to `faultline verify`, such as --shard 1/4.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { ensureBuilt } from "./built.mjs";
import { ready } from "./install.mjs";
import { inProject, run, say, script } from "./project.mjs";
import { truthRuns } from "./truth-runs.mjs";

await script(async () => {
  const folder = resolve(
    process.env.FAULTLINE_TRUTH ?? inProject("..", "shared", "truth", "traces"),
  );
  const runs = existsSync(folder) ? truthRuns(folder) : [];
  if (runs.length === 0) {
    const advice = "Nothing was checked. FAULTLINE_TRUTH names the folder that holds 6.12/tdp.";
    say(`There are no real traces in ${folder}. ${advice}`);
    return 0;
  }
  const tools = await ready();
  await ensureBuilt(tools);
  const cli = ["--enable-source-maps", inProject("out", "main", "cli.js"), "verify"];
  let worst = 0;
  for (const { title, args } of runs) {
    process.stdout.write(`${title}\n`);
    const words = [...cli, ...args, ...process.argv.slice(2)];
    worst = Math.max(worst, await run(tools.node, words, { env: tools.env, cwd: folder }));
    if (worst > 1) break;
    process.stdout.write("\n");
  }
  return worst;
});
