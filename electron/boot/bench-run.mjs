// Runs one bench file in a process of its own and hands its figures to the table's maker.
// A bench exports `bench(report, cpuMs)`: report({ name, value, unit, limit? }); cpuMs() is the
// processor time that this process has used, which neighbours disturb far less than wall time.
import { writeSync } from "node:fs";
import { pathToFileURL } from "node:url";

const FIGURES = 3;

const { bench } = await import(pathToFileURL(process.argv[2]).href);
const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
await bench((figure) => writeSync(FIGURES, `${JSON.stringify(figure)}\n`), cpuMs);
