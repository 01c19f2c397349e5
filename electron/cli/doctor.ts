// `faultline doctor`: is this machine, this installation and this library in order?
// Each check is one line; a check that fails says what to do, and the exit code is 1.
// Promises: changes nothing; a check that throws is a failed check, not a crash.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { styleText } from "node:util";
import * as zlib from "node:zlib";
import { decodeFrame, encodeFrame } from "#shared/contract/frames";
import { EXIT, isOn, type Command, type Invocation } from "./command.ts";
import { printWitnesses } from "./doctor-witness.ts";

interface Check {
  name: string;
  isFine: boolean;
  /** What was found, or what to do. */
  text: string;
}

export const doctorCommand: Command = {
  name: "doctor",
  usage: "",
  summary: "check this machine, the installation and the library",
  about: [
    "Reads only. Exit code 1 when something is not in order. With --witness it",
    "checks nothing and lists the functions of the model instead.",
  ].join("\n"),
  options: { witness: { type: "boolean" } },
  optionHelp: [["--witness", "by how many real traces each function is reached"]],
  arity: [0, 0],
  run: runDoctor,
};

async function runDoctor(invocation: Invocation): Promise<number> {
  const { io, common, entryDir } = invocation;
  if (isOn(invocation, "witness")) {
    printWitnesses(invocation);
    return EXIT.asExpected;
  }
  const checks = [nodeCheck(), compressionCheck(), encodingCheck(), pageCheck(entryDir)];
  checks.push(...(await libraryChecks(invocation)));
  if (common.json) io.out(`${JSON.stringify(checks, null, 2)}\n`);
  else for (const check of checks) io.out(`${checkLine(check, io.hasColor)}\n`);
  return checks.every(({ isFine }) => isFine) ? EXIT.asExpected : EXIT.finding;
}

function nodeCheck(): Check {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const isFine = major > 22 || (major === 22 && minor >= 15);
  const text = isFine ? process.versions.node : `${process.versions.node}; use 22.15 or later`;
  return { name: "Node", isFine, text };
}

function compressionCheck(): Check {
  const isFine = typeof zlib.zstdCompressSync === "function";
  const text = isFine ? "zstd" : "no zstd; runs are stored by deflate, which is larger and slower";
  return { name: "compression", isFine, text };
}

function encodingCheck(): Check {
  const sent = { kind: "item", id: 1, value: Int32Array.of(1, -2) } as const;
  const back = decodeFrame(encodeFrame(sent));
  const isFine = back?.kind === "item" && String(back.value) === "1,-2";
  return { name: "messages", isFine, text: isFine ? "arrays come back equal" : "arrays are lost" };
}

function pageCheck(entryDir: string): Check {
  const isFine = existsSync(join(entryDir, "..", "renderer", "index.html"));
  return { name: "page", isFine, text: isFine ? "built" : "not built; run: npm run build" };
}

async function libraryChecks(invocation: Invocation): Promise<Check[]> {
  try {
    const client = await invocation.open();
    const info = await client.call("host.info", {});
    const { all, libraryBytes } = await client.call("runs.list", {
      q: "",
      sort: "-createdAt",
      from: 0,
      count: 1,
    });
    const text = info.warning || `${info.library}, ${all} runs, ${libraryBytes} bytes`;
    return [
      { name: "workers", isFine: info.workers > 0, text: `${info.workers}, engine ${info.engine}` },
      { name: "library", isFine: info.warning === "", text },
    ];
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return [{ name: "library", isFine: false, text }];
  }
}

function checkLine({ name, isFine, text }: Check, hasColor: boolean): string {
  const word = isFine ? "ok " : "BAD";
  const style = isFine ? "green" : "red";
  const shown = hasColor ? styleText(style, word, { validateStream: false }) : word;
  return `${shown}  ${name.padEnd(12)} ${text}`;
}
