// What a command is: its words for help, its options, and a function from arguments to exit code.
// Commands write through `Io` and reach the services through one Client; they end by a code or by
// throwing BadInput. From: the product's command line, its exit codes and streams.
import type { ParseArgsOptionsConfig } from "node:util";
import type { Client } from "#shared/contract/methods";
import type { Workers } from "../host/start-services.ts";

export const EXIT = {
  asExpected: 0,
  /** A difference, a finding, an expectation that is not met. */
  finding: 1,
  badInput: 2,
  internal: 3,
  /** Ctrl-C, as shells count it. */
  interrupted: 130,
} as const;

export interface Io {
  /** stdout: results only. */
  out(text: string): void;
  /** stderr: progress, remarks, errors. */
  err(text: string): void;
  /** stderr is a terminal: progress may be drawn over itself. */
  isTerminal: boolean;
  hasColor: boolean;
}

/** The options that every command has. */
export interface CommonOptions {
  json: boolean;
  quiet: boolean;
  library: string | undefined;
}

export interface Invocation {
  /** What stands after the command's name, without options. */
  args: readonly string[];
  values: Readonly<Record<string, string | boolean | undefined>>;
  common: CommonOptions;
  io: Io;
  /** Folder of the built entry, where workers and the page are found. */
  entryDir: string;
  /** Where worker threads are started from. */
  workers: Workers;
  /** Aborted by Ctrl-C: hand it to every call that may take long. */
  signal: AbortSignal;
  /** Starts the services at the first call and stops them when the command ends. */
  open(where?: LibraryChoice): Promise<Client>;
}

/** `fresh`: a library of its own that is gone afterwards, so that nothing is left behind. */
export type LibraryChoice = "user" | "fresh";

export interface Command {
  name: string;
  /** After the name: "FILE", "A B". */
  usage: string;
  /** One line for the list of commands. */
  summary: string;
  /** A few plain sentences. */
  about: string;
  options: ParseArgsOptionsConfig;
  /** One line an option, in the order of help. */
  optionHelp: readonly (readonly [option: string, help: string])[];
  /** Fewest and most arguments. */
  arity: readonly [number, number];
  run(invocation: Invocation): Promise<number>;
}

/** The user's input is wrong: what, where, and what would be right. */
export class BadInput extends Error {}

/** `file:line:column: message`, the form that editors jump to. */
export const badPlace = (file: string, line: number, column: number, message: string): BadInput =>
  new BadInput(`${file}:${line}:${column}: ${message}`);

/** A text option, or its default. */
export function textOf({ values }: Invocation, name: string, otherwise = ""): string {
  const value = values[name];
  return typeof value === "string" ? value : otherwise;
}

/** A text option that must be one of a few words. */
export function choiceOf<T extends string>(
  invocation: Invocation,
  name: string,
  choices: readonly T[],
  otherwise: T,
): T {
  const text = textOf(invocation, name, otherwise);
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw new BadInput(`--${name}: "${text}" is not known. Known: ${choices.join(", ")}.`);
}

/** A number option from the first to the second of `range`, or its default. */
export function wholeNumberOf(
  invocation: Invocation,
  name: string,
  [least, most]: readonly [number, number],
  otherwise: number,
): number {
  const text = textOf(invocation, name, String(otherwise));
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new BadInput(`--${name}: give a whole number from ${least} to ${most}.`);
}

/** Where warnings go: to stderr, unless --quiet. */
export const warnerOf =
  ({ io, common }: Invocation) =>
  (line: string) => {
    if (!common.quiet) io.err(`${line}\n`);
  };

export const isOn = ({ values }: Invocation, name: string): boolean => values[name] === true;
