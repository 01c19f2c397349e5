// `faultline run`: one scenario on one kernel, mode and lookup; its steps, findings and verdict.
// FILE is a scenario file, or the name of a built-in or saved scenario when there is no such file.
// Without --save the run is made in a library of its own and forgotten.
// Exit code 1: an expectation is not met; or, when the scenario expects nothing, a rule is broken.
import { existsSync } from "node:fs";
import { basename } from "node:path";
import type { Client } from "#shared/contract/methods";
import type { RunDetail } from "#shared/contract/runs";
import { SEVERITY } from "#shared/compare/severity";
import { lookupId, modeId, type Verdict } from "#shared/contract/values";
import {
  BadInput,
  choiceOf,
  EXIT,
  isOn,
  textOf,
  warnerOf,
  type Command,
  type Invocation,
} from "./command.ts";
import { planOf, readText } from "./input-file.ts";
import { progressLine } from "./progress-line.ts";
import { runText } from "./run-text.ts";

export const runCommand: Command = {
  name: "run",
  usage: "FILE",
  summary: "run a scenario and tell what becomes of it",
  about: [
    "FILE is a scenario file, or the name of a scenario of the library such as",
    "lab-tail. Prints each step with its result, what the rules found, which",
    "expectations are met, and the verdict.",
  ].join("\n"),
  options: {
    kernel: { type: "string" },
    mode: { type: "string" },
    lookup: { type: "string" },
    schedule: { type: "string" },
    save: { type: "boolean" },
  },
  optionHelp: [
    ["--kernel K", "kernel profile, such as 6.12 (the default) or 7.2"],
    ["--mode M", "tdp (the default), tdp0 or npt0"],
    ["--lookup L", "V0, V1, V2, V2b or V3; without it the kernel's own"],
    ["--schedule TEXT", "which thread goes when, as printed by a run"],
    ["--save", "keep the run in the library"],
  ],
  arity: [1, 1],
  run: runRun,
};

async function runRun(invocation: Invocation): Promise<number> {
  const { args, io, common } = invocation;
  const [file = ""] = args;
  const kernel = textOf(invocation, "kernel", "6.12");
  const axes = {
    kernel,
    mode: choiceOf(invocation, "mode", modeId.options, "tdp"),
    lookup: choiceOf(invocation, "lookup", lookupId.options, ownLookup(kernel)),
  };
  const given = existsSync(file) ? await readText(file) : null;
  if (given !== null) planOf(file, given, warnerOf(invocation));
  const client = await invocation.open(isOn(invocation, "save") ? "user" : "fresh");
  await checkKernel(client, kernel);
  const text = given ?? (await storedText(client, file));
  const progress = progressLine(invocation);
  const started = await client.call(
    "runs.start",
    {
      ...axes,
      text,
      scenario: basename(file).slice(0, 200),
      schedule: textOf(invocation, "schedule"),
      spans: true,
    },
    { onItem: progress.show, signal: invocation.signal },
  );
  progress.end();
  const run = await client.call("runs.get", { id: started.run.id });
  if (common.json) io.out(`${JSON.stringify(run, null, 2)}\n`);
  else io.out(runText(run, io.hasColor));
  return exitCode(run);
}

/** What each kernel did before and after the series was merged. */
const ownLookup = (kernel: string) => (Number(kernel.split(".")[0]) >= 7 ? "V3" : "V0");

async function checkKernel(client: Client, kernel: string): Promise<void> {
  const { kernels } = await client.call("host.info", {});
  const known = kernels.map(({ id }) => id);
  if (known.includes(kernel)) return;
  throw new BadInput(`--kernel: "${kernel}" is not known. Known: ${known.join(", ")}.`);
}

async function storedText(client: Client, name: string): Promise<string> {
  const { rows } = await client.call("scenario.list", {});
  if (!rows.some((row) => row.name === name)) {
    const names = rows.map((row) => row.name).join(", ");
    throw new BadInput(`${name}: there is no such file, nor a scenario. Scenarios: ${names}.`);
  }
  return (await client.call("scenario.read", { name })).text;
}

/** Verdicts that mean a broken rule or worse: those above "refuses" in the severity order. */
const BROKEN = new Set<Verdict>(SEVERITY.slice(0, SEVERITY.indexOf("refuses")));

function exitCode({ expectations, findings }: RunDetail): number {
  const judged = expectations.filter(({ met }) => met !== null);
  if (judged.some(({ met }) => met === false)) return EXIT.finding;
  if (judged.length > 0) return EXIT.asExpected;
  const isBroken = findings.some(({ verdict }) => verdict !== null && BROKEN.has(verdict));
  return isBroken ? EXIT.finding : EXIT.asExpected;
}
