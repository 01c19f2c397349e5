// From the words of the command line to an exit code: finds the command, reads its options, runs
// it, and turns what went wrong into one clear message.
// Exit codes: 0 as expected, 1 a finding, 2 bad input, 3 an error of our own.
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { CallError } from "#shared/contract/methods";
import { nearestWord } from "#shared/scenario/nearest";
import { BadInput, EXIT, type Command, type CommonOptions, type Io } from "./command.ts";
import { commandHelp, overview } from "./help.ts";
import { workersBeside, type Workers } from "../host/start-services.ts";
import { makeSession } from "./session.ts";

export interface Cli {
  commands: readonly Command[];
  io: Io;
  entryDir: string;
  /** Where worker entries are, when they are not beside the entry: the sources, in tests. */
  workers?: Workers;
  version: string;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
}

const COMMON: ParseArgsOptionsConfig = {
  json: { type: "boolean" },
  quiet: { type: "boolean", short: "q" },
  library: { type: "string" },
  color: { type: "boolean" },
  help: { type: "boolean", short: "h" },
};

/** Failures of our own. Every other code of the contract names something the user can mend. */
const OUR_CODES = new Set(["internal", "closed", "worker-died", "worker-failed", "worker-memory"]);

export async function runCli(words: readonly string[], cli: Cli): Promise<number> {
  const [name, ...rest] = words;
  const { io } = cli;
  try {
    if (name === undefined || name === "help" || name === "--help" || name === "-h") {
      io.out(helpOf(rest[0], cli));
      return EXIT.asExpected;
    }
    if (name === "--version") {
      io.out(`faultline ${cli.version}\n`);
      return EXIT.asExpected;
    }
    return await runCommand(findCommand(name, cli), rest, cli);
  } catch (error) {
    return explain(error, io);
  }
}

function helpOf(name: string | undefined, cli: Cli): string {
  return name === undefined || name.startsWith("-")
    ? overview(cli.commands)
    : commandHelp(findCommand(name, cli));
}

function findCommand(name: string, { commands }: Cli): Command {
  const found = commands.find((command) => command.name === name);
  if (found !== undefined) return found;
  const names = commands.map((command) => command.name);
  const nearest = nearestWord(name, names);
  const advice = nearest === null ? `Known: ${names.join(", ")}.` : `Did you mean ${nearest}?`;
  throw new BadInput(`"${name}" is not a command. ${advice}`);
}

async function runCommand(command: Command, words: string[], cli: Cli): Promise<number> {
  const { values, positionals } = readOptions(command, words);
  if (values["help"] === true) {
    cli.io.out(commandHelp(command));
    return EXIT.asExpected;
  }
  checkArity(command, positionals);
  const common: CommonOptions = {
    json: values["json"] === true,
    quiet: values["quiet"] === true,
    library: typeof values["library"] === "string" ? values["library"] : undefined,
  };
  const { entryDir, signal, workers = workersBeside(entryDir) } = cli;
  const io = { ...cli.io, hasColor: values["color"] === true || cli.io.hasColor };
  const session = makeSession({ kind: "cli", entryDir, workers, library: common.library }, io);
  try {
    const { open } = session;
    const invocation = { args: positionals, values, common, io, entryDir, workers, signal, open };
    return await command.run(invocation);
  } finally {
    await session.close();
  }
}

type Values = Readonly<Record<string, string | boolean | undefined>>;

function readOptions(command: Command, words: string[]) {
  try {
    const options = { ...COMMON, ...command.options };
    const parsed = parseArgs({ args: words, options, allowPositionals: true, allowNegative: true });
    return { values: parsed.values as Values, positionals: parsed.positionals };
  } catch (error) {
    const text = error instanceof Error ? (error.message.split(". ")[0] ?? "") : String(error);
    throw new BadInput(`${text}. See: faultline help ${command.name}`, { cause: error });
  }
}

function checkArity({ name, usage, arity: [fewest, most] }: Command, given: string[]): void {
  if (given.length >= fewest && given.length <= most) return;
  const what = given.length < fewest ? "An argument is missing" : "There are too many arguments";
  throw new BadInput(`${what}. Usage: faultline ${name} ${usage}`);
}

function explain(error: unknown, io: Io): number {
  if (error instanceof BadInput) {
    io.err(`${error.message}\n`);
    return EXIT.badInput;
  }
  if (error instanceof CallError) {
    io.err(`${error.message}\n`);
    if (error.code === "cancelled") return EXIT.interrupted;
    return OUR_CODES.has(error.code) ? EXIT.internal : EXIT.badInput;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  io.err(`Internal error: ${text}\n`);
  return EXIT.internal;
}
