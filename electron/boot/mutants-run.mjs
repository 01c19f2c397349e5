// The model against the traces, in a worker of its own: loaded with one module's text replaced,
// never written, or as it is and watched. Tells each trace that it begins, then the outcome.
// A run that comes to an end neither finished nor equal counts as different, as verify counts it.
import { registerHooks } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import { Cover } from "./mutants-cover.mjs";
import { inProject } from "./project.mjs";

/** Real traces need some thousands; verify's own bound would only be reached much later. */
const TICKS = 1_000_000;

/** `sources` by path, without types; `places` to watch, or null to stop at a difference. */
const { sources, traces, places } = workerData;

registerHooks({
  load(url, context, next) {
    const source = url.startsWith("file:") ? sources.get(fileURLToPath(url)) : undefined;
    return source === undefined
      ? next(url, context)
      : { format: "module", source, shortCircuit: true };
  },
});

/** @param {string} path */
const load = (path) => import(pathToFileURL(inProject(path)).href);

/** How a trace differs from its run, or null where it does not. */
async function makeCompare() {
  const { Simulator } = await load("shared/model/simulate.ts");
  const { verifyText } = await load("shared/verify/verify-text.ts");
  class Bounded extends Simulator {
    simulate(input) {
      return super.simulate({ ...input, plan: { ...input.plan, bounds: { ticks: TICKS } } });
    }
  }
  const simulator = new Bounded();
  return ({ name, text }) => {
    parentPort?.postMessage({ kind: "begun", name });
    const result = verifyText(simulator, text, name, { kernel: "", mode: "", lookup: "" });
    if (result.kind !== "compared") return result.message ?? JSON.stringify(result.problems);
    if (result.verdict.equal) return null;
    const { step, plan, kind, field } = result.verdict.first;
    return `step ${step} (${plan}): ${kind}, ${field}`;
  };
}

/** The first trace that differs. */
async function firstDifference() {
  const compare = await makeCompare();
  for (const trace of traces) {
    const how = compare(trace);
    if (how !== null) return { kind: "caught", name: trace.name, how };
  }
  return { kind: "survived", name: "", how: "" };
}

/** For each place the numbers of the traces that come there; "all" if loading does already. */
async function watch() {
  const cover = new Cover();
  const where = places.map(({ file, ...at }) => ({ ...at, url: pathToFileURL(file).href }));
  await cover.start();
  const compare = await makeCompare();
  const atLoad = await cover.take(where);
  const reach = atLoad.map((isRun) => (isRun ? "all" : []));
  for (const [number, trace] of traces.entries()) {
    const how = compare(trace);
    if (how !== null) return { kind: "caught", name: trace.name, how };
    for (const [index, isRun] of (await cover.take(where)).entries())
      if (isRun && reach[index] !== "all") reach[index].push(number);
  }
  cover.end();
  return { kind: "watched", reach };
}

try {
  parentPort?.postMessage(await (places === null ? firstDifference() : watch()));
} catch (error) {
  parentPort?.postMessage({
    kind: "caught",
    name: "",
    how: `it throws: ${error?.message ?? error}`,
  });
}
