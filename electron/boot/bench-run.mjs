// Runs one bench file in a process of its own and hands its figures to the table's maker.
// A bench exports `bench(report, cpuMs)`: report({ name, value, unit, limit? }); cpuMs() is the
// processor time that this process has used, which neighbours disturb far less than wall time.
// What is timed here is bundled first, as the app is: imports between modules are checked at each
// use, constants too (measured: 1.3 times as long). A bench of the window times another process.
import { writeSync } from "node:fs";
import { basename, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { inProject, PROJECT } from "./project.mjs";

const FIGURES = 3;
const OUT = inProject("out", "bench");

async function bundled(file) {
  const { build } = await import("vite");
  const name = `${basename(file, ".ts")}.mjs`;
  await build({
    configFile: false,
    root: PROJECT,
    logLevel: "error",
    build: {
      ssr: file,
      outDir: OUT,
      emptyOutDir: false,
      minify: false,
      // As electron.vite.config.ts has it.
      rolldownOptions: { output: { entryFileNames: name, topLevelVar: false } },
    },
  });
  return inProject("out", "bench", name);
}

const [, , given] = process.argv;
const isOfWindow = relative(PROJECT, given).startsWith("renderer");
const file = isOfWindow ? given : await bundled(given);
const { bench } = await import(pathToFileURL(file).href);
const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
await bench((figure) => writeSync(FIGURES, `${JSON.stringify(figure)}\n`), cpuMs);
