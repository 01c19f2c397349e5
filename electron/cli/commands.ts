// The commands of the command line, in the order in which help lists them.
// Adding one: its file, one line here.
// A command's own file says what it does; this one only lists.
import type { Command } from "./command.ts";
import { compareCommand } from "./compare.ts";
import { doctorCommand } from "./doctor.ts";
import { exportCommand } from "./export.ts";
import { importCommand } from "./import.ts";
import { mergeCommand } from "./merge.ts";
import { reportCommand } from "./report.ts";
import { runCommand } from "./run.ts";
import { runsCommand } from "./runs.ts";
import { serveCommand } from "./serve.ts";
import { verifyCommand } from "./verify.ts";
import { witnessCommand } from "./witness.ts";

export const COMMANDS: readonly Command[] = [
  runCommand,
  verifyCommand,
  mergeCommand,
  witnessCommand,
  compareCommand,
  reportCommand,
  importCommand,
  exportCommand,
  runsCommand,
  serveCommand,
  doctorCommand,
];
