// `npm test`: everything that must hold, from an untouched clone, in one command.
// Stops at the first stage that fails and shows that stage's output; ends with a table of stages
// and one line "N passed, M failed". Progress goes to stderr. Exit code 0: all of it holds.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureBuilt } from "./built.mjs";
import { findChromium } from "./chromium.mjs";
import { ready } from "./install.mjs";
import { PROJECT, say, script, Stop } from "./project.mjs";
import { STAGES } from "./stages.mjs";

await script(async () => {
  const started = performance.now();
  const tools = await ready();
  const folder = await mkdtemp(join(tmpdir(), "faultline-test-"));
  try {
    const rows = await runStages(tools, folder);
    process.stdout.write(`${table(rows, performance.now() - started)}\n`);
    return rows.some((row) => row.failed > 0) ? 1 : 0;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

async function runStages(tools, folder) {
  const rows = [];
  for (const stage of STAGES) {
    say(`${stage.name} …`);
    const started = performance.now();
    const result = await runStage(stage, tools, folder);
    const row = { name: stage.name, ms: performance.now() - started, ...result };
    rows.push(row);
    if (row.failed === 0) continue;
    process.stdout.write(`${row.output}\n`);
    break;
  }
  return rows;
}

async function runStage(stage, tools, folder) {
  if (stage.build) return runBuild(tools);
  const env = { ...tools.env };
  if (stage.browser) {
    const chromium = await findChromium();
    if ("advice" in chromium) return withoutBrowser(chromium.advice);
    env.FAULTLINE_CHROMIUM = chromium.program;
  }
  if (!stage.tests) return counted(await capture(tools.node, stage.args, env));
  const report = join(folder, "report.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const result = await capture(tools.node, [...stage.args, ...reporters], env);
  const counts = await readCounts(report);
  await rm(report, { force: true });
  if (counts === null || (result.code !== 0 && counts.failed === 0)) return counted(result);
  return { ...counts, output: result.output };
}

async function runBuild(tools) {
  try {
    await ensureBuilt(tools);
    return { passed: 1, failed: 0, output: "" };
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    return { passed: 0, failed: 1, output: error.message };
  }
}

/** Loud on a person's machine, an error where a machine judges. */
function withoutBrowser(advice) {
  say(`!! End-to-end tests were NOT run: there is no Chromium. ${advice}`);
  return { passed: 0, failed: process.env.CI ? 1 : 0, output: advice, note: "not run" };
}

function counted({ code, output }) {
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, output };
}

async function readCounts(file) {
  const text = await readFile(file, "utf8").catch(() => null);
  if (text === null) return null;
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(text);
  // A file that fails before its first test has no failed test, but it is a failure.
  const brokenFiles = testResults.filter(
    (one) => one.status === "failed" && one.assertionResults.every((t) => t.status !== "failed"),
  );
  return { passed: numPassedTests, failed: numFailedTests + brokenFiles.length };
}

function capture(node, args, env) {
  return new Promise((done, fail) => {
    const child = spawn(node, args, { cwd: PROJECT, env, stdio: ["ignore", "pipe", "pipe"] });
    const stop = (signal) => {
      child.kill(signal);
      process.exitCode = 130;
    };
    for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, stop);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => (output += String(chunk)));
    }
    child.on("error", fail);
    child.on("close", (code) => {
      for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, stop);
      done({ code: code ?? 1, output });
    });
  });
}

function table(rows, totalMs) {
  const seconds = (ms) => `${(ms / 1000).toFixed(1).padStart(7)} s`;
  const state = (row) => row.note ?? (row.failed === 0 ? "ok" : "FAILED");
  const lines = rows.map((row) => {
    const passed = String(row.passed).padStart(7);
    return `${row.name.padEnd(32)}${seconds(row.ms)}${passed}  ${state(row)}`;
  });
  const sum = (key) => rows.reduce((total, row) => total + row[key], 0);
  const last = `${sum("passed")} passed, ${sum("failed")} failed`;
  return ["", ...lines, `${"all".padEnd(32)}${seconds(totalMs)}`, "", last].join("\n");
}
