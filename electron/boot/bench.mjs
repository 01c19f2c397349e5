// `npm run bench`: every *.bench.ts, one process each, and a table of what they report.
// Figures are this machine's; a ratio has a limit and misses it on every machine alike.
// `npm run bench -- store` runs the files whose path has the word. Exit code 1: a limit missed.
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { cpus } from "node:os";
import { figureTable, isMissed } from "./bench-table.mjs";
import { ensureBuilt } from "./built.mjs";
import { findChromium } from "./chromium.mjs";
import { ready } from "./install.mjs";
import { inProject, PROJECT, say, script, Stop } from "./project.mjs";

await script(async () => {
  const tools = await ready();
  const [wanted = ""] = process.argv.slice(2);
  const files = benchFiles().filter((file) => file.includes(wanted));
  if (files.some((file) => file.startsWith("renderer/"))) await readyForBrowser(tools);
  const figures = [];
  let failed = 0;
  for (const file of files) {
    say(`${file} …`);
    const result = await measure(tools, file);
    figures.push(...result.figures.map((figure) => ({ file, ...figure })));
    if (result.code !== 0) failed += 1;
  }
  process.stdout.write(`${table(figures)}\n`);
  return failed > 0 || figures.some(isMissed) ? 1 : 0;
});

async function readyForBrowser(tools) {
  await ensureBuilt(tools);
  const chromium = await findChromium();
  if ("advice" in chromium) throw new Stop(`The window's bench needs Chromium. ${chromium.advice}`);
  tools.env.FAULTLINE_CHROMIUM = chromium.program;
}

function benchFiles() {
  return ["electron", "renderer", "shared"]
    .filter((folder) => existsSync(inProject(folder)))
    .flatMap((folder) =>
      readdirSync(inProject(folder), { recursive: true, encoding: "utf8" }).map(
        (name) => `${folder}/${name}`,
      ),
    )
    .filter((file) => file.endsWith(".bench.ts"))
    .sort();
}

/** The child writes one JSON line a figure to its fourth stream; its words pass through. */
function measure({ node, env }, file) {
  return new Promise((done, fail) => {
    const runner = inProject("electron", "boot", "bench-run.mjs");
    const child = spawn(node, ["--expose-gc", runner, inProject(file)], {
      cwd: PROJECT,
      env,
      stdio: ["ignore", 2, 2, "pipe"],
    });
    let text = "";
    child.stdio[3].on("data", (chunk) => (text += String(chunk)));
    child.on("error", fail);
    child.on("close", (code) => {
      const lines = text.split("\n").filter((line) => line !== "");
      done({ code: code ?? 1, figures: lines.map((line) => JSON.parse(line)) });
    });
  });
}

function table(figures) {
  const [cpu] = cpus();
  const machine = `${cpu?.model ?? "unknown processor"}, ${cpus().length} cores`;
  return `Measured on ${machine}\n\n${figureTable(figures)}`;
}
