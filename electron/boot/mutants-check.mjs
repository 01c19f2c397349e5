// The check itself, in the Node that everything runs on: reads the table, runs the mutants one a
// core, tells who survives. Results go to stdout in the table's order, progress to stderr.
// Ctrl-C ends the workers; there is nothing to put back, since no file is changed.
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { fateOf, reachOf, readTraces } from "./mutants-pool.mjs";
import { isEnough, placeText, progressOf, reportText, senseless } from "./mutants-report.mjs";
import { applyMutant, readMutants, sourceOf } from "./mutants-table.mjs";
import { inProject, say } from "./project.mjs";

const HELP = "npm run mutants -- [--list] [--only WORD] [--verbose]";
const OPTIONS = {
  list: { type: "boolean" },
  only: { type: "string" },
  verbose: { type: "boolean" },
  help: { type: "boolean" },
};
const EXIT = { enough: 0, tooFew: 1, badInput: 2, interrupted: 130 };
const MOST_WORKERS = 8;

function bad(lines) {
  say(lines.join("\n"));
  return EXIT.badInput;
}

async function main() {
  let values;
  try {
    ({ values } = parseArgs({ options: OPTIONS }));
  } catch (error) {
    return bad([error.message, HELP]);
  }
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    return EXIT.enough;
  }
  const { mutants, problems } = readMutants();
  const all = mutants.map((mutant) => ({ mutant, ...applyMutant(sourceOf(mutant), mutant) }));
  const wrong = [...problems, ...all.flatMap(({ problem }) => problem ?? [])];
  if (wrong.length > 0) return bad(wrong);
  const word = String(values.only ?? "");
  const chosen = all.filter(({ mutant }) => `${mutant.file}: ${mutant.means}`.includes(word));
  if (chosen.length === 0)
    return bad([`--only: no mutant's file or meaning has "${word}". --list prints them all.`]);
  const isVerbose = values.verbose === true;
  if (!values.list) return check(chosen, { isVerbose, isWhole: word === "" });
  process.stdout.write(chosen.map((one) => `${placeText(one)}\n`).join(""));
  return EXIT.enough;
}

async function check(chosen, { isVerbose, isWhole }) {
  const interrupt = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"]) process.once(name, () => interrupt.abort());
  const traces = readTraces();
  say(`Looking which of ${traces.length} traces come where …`);
  try {
    const places = chosen.map(({ mutant, start, end }) => ({
      file: inProject(mutant.file),
      start,
      end,
    }));
    const { kind, name, how, reach } = await reachOf(places, traces, interrupt.signal);
    if (kind !== "watched")
      return bad([`${name} differs without any mutant: ${how}. Mend that first.`]);
    const rows = await fatesOf(chosen, reach, traces, interrupt.signal);
    const slips = senseless(rows);
    if (slips.length > 0) return bad(slips);
    process.stdout.write(reportText(rows, traces.length, isVerbose));
    return isEnough(rows, isWhole) ? EXIT.enough : EXIT.tooFew;
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    return EXIT.interrupted;
  }
}

const NOWHERE = { kind: "survived", name: "", how: "no trace comes there" };

/** All of them, each core with one at a time; a mutant meets only traces that come to its place. */
async function fatesOf(chosen, reach, traces, signal) {
  const rows = [];
  const progress = progressOf(chosen.length);
  let next = 0;
  const work = async () => {
    while (next < chosen.length) {
      const index = next++;
      const { mutant, text, line } = chosen[index];
      const seen = reach[index] === "all" ? traces : reach[index].map((number) => traces[number]);
      const changed = { file: mutant.file, text };
      const fate = seen.length === 0 ? NOWHERE : await fateOf(changed, seen, signal);
      rows[index] = { mutant, line, fate };
      progress();
    }
  };
  const workers = Math.min(availableParallelism(), MOST_WORKERS);
  await Promise.all(Array.from({ length: workers }, work));
  return rows;
}

process.exitCode = await main();
